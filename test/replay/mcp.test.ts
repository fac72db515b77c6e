import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi, inject } from 'vitest'
import { confinement } from '../../src/entry/replay/confine.ts'
import { readSession } from '../../src/entry/replay/read-session.ts'
import { FILESYSTEM, openWorld, removeFolder, type World } from '../mcp-gateway/gateway-world.ts'

const AGENT = join(import.meta.dirname, 'mcp-agent.ts')
const LAUNCHER = inject('launcher')
const MODERN = join(import.meta.dirname, '../mcp-gateway/servers/modern.ts')
const network = 'unavailable' in confinement() ? ['--allow-network'] : []
const SECRET = 'ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dF4hJ6'

let world: World
let key: string
let file: string

beforeAll(async () => {
  world = await openWorld(`
version: 1
actions:
  mcp.files.read_text_file: { effect: read }
  mcp.modern.add: { effect: read }
mcp: { servers: { modern: { command: ['${process.execPath}', '${MODERN}'] } } }
record: { mcp: full, api: full }
`)
  key = await world.key('reader')
  file = join(world.folder, 'hello.txt')
  writeFileSync(file, `hello from the file ${SECRET}`)
})
afterAll(async () => {
  await world.close()
  removeFolder(world)
})

const gateway = (): string =>
  JSON.stringify([
    LAUNCHER,
    'mcp',
    '--agent',
    'reader',
    '--server',
    'files',
    '--',
    process.execPath,
    FILESYSTEM,
    world.folder,
  ])
const out = (name: string): string => join(world.folder, `${name}.json`)
const said = (name: string): unknown => JSON.parse(readFileSync(out(name), 'utf8'))

async function run(
  args: readonly string[],
  env: Record<string, string>,
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, args, {
    cwd: world.folder,
    env: { ...process.env, NO_COLOR: '1', GATEWAY: gateway(), FILE: file, ...env },
    stdio: ['ignore', 'pipe', stderr],
  })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
}

test('an agent with MCP servers runs again without them', async () => {
  const live = { OUT: out('live'), SESSION: 'mcp-1', BELAY_URL: world.url, BELAY_KEY: key }
  expect(await run([AGENT], live)).toMatchObject({ code: 0 })
  const recorded = await vi.waitFor(async () => {
    const found = await readSession(world.admin, 'mcp-1', 'reader')
    expect(found.steps.map(({ recording }) => (recording.request as { method: string }).method)).toEqual(
      expect.arrayContaining(['initialize', 'tools/list', 'tools/call']),
    )
    expect(found.steps.filter(({ recording }) => recording.path === '/mcp/modern').length).toBeGreaterThan(1)
    return found
  }, 60_000)
  expect(recorded.steps.every(({ recording }) => recording.door === 'mcp')).toBe(true)
  expect(JSON.stringify(recorded).includes(SECRET)).toBe(false)
  const first = recorded.steps[0]!.recording
  expect(first.request).not.toHaveProperty('id')

  rmSync(file)
  const calls = await world.actions('mcp.files.read_text_file')
  const replay = ['replay', 'mcp-1', '--agent', 'reader', '--json', ...network]
  const asOperator = { SESSION: 'again', BELAY_URL: world.url, BELAY_TOKEN: 'an-admin-token-for-tests' }
  const same = await run([LAUNCHER, ...replay, '--', process.execPath, AGENT], {
    ...asOperator,
    OUT: out('same'),
  })
  expect(JSON.parse(same.text)).toMatchObject({ exact: true, answered: recorded.steps.length, left: [] })
  expect(same.code).toBe(0)
  // What the agent read in earnest held the secret; what was kept does not.
  expect(JSON.stringify(said('same'))).toBe(JSON.stringify(said('live')).replaceAll(SECRET, '*'.repeat(40)))
  expect(await world.actions('mcp.files.read_text_file')).toEqual(calls)

  const differs = { ...asOperator, OUT: out('other'), ADD: '3' }
  // It dies of the refusal, and says so at length.
  const other = await run([LAUNCHER, ...replay, '--', process.execPath, AGENT], differs, 'ignore')
  expect(other.code).toBe(1)
  expect(JSON.parse(other.text)).toMatchObject({
    exact: false,
    divergence: { differences: [{ pointer: '/body/params/arguments/a', expected: 2, came: 3 }] },
  })
}, 60_000)

test('without record: { mcp: full } nothing of it is kept', async () => {
  const plain = await openWorld(`
version: 1
actions: { mcp.modern.add: { effect: read } }
mcp: { servers: { modern: { command: ['${process.execPath}', '${MODERN}'] } } }
`)
  const reader = await plain.key('reader')
  const answer = await fetch(`${plain.url}/v1/actions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${reader}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'mcp.modern.add', input: { a: 1 }, session: 's' }),
  })
  const { id } = (await answer.json()) as { id: string }
  const ask = async (token: string): Promise<Response> =>
    fetch(`${plain.url}/v1/actions/${id}/exchanges`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ server: 'modern', request: { method: 'x' }, answer: {}, started_at: 1 }),
    })
  expect(await (await ask(reader)).json()).toEqual({ kept: false })
  expect((await ask(await plain.key('other'))).status).toBe(404)
  expect((await readSession(plain.admin, 's', 'reader')).steps).toEqual([])
  await plain.close()
  removeFolder(plain)
})
