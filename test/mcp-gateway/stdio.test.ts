import { Client as ModernClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, inject } from 'vitest'
import { CommandLine } from '../command-line.ts'
import { EVERYTHING, FILESYSTEM } from './gateway-world.ts'

const LAUNCHER = inject('launcher')
const MODERN = join(import.meta.dirname, 'servers/modern.ts')
const POLICY = `
version: 1
defaults: { decision: deny }
approvers: { ops: { members: [olga] } }
actions:
  mcp.everything.*: {}
  mcp.everything.get-env: { verify: [{ rule: { when: 'true', then: deny, code: 'env:no', message: The environment is not for agents. } }] }
  mcp.files.read_*: { effect: read }
  mcp.files.write_file:
    approve: [{ by: [ops] }]
    approval_wait: 20s
  mcp.modern.*: {}
`

let line: CommandLine
let files: string

beforeAll(() => {
  line = new CommandLine(POLICY)
  files = mkdtempSync(join(tmpdir(), 'belay-mcp-files-'))
  writeFileSync(join(files, 'hello.txt'), 'hello from the file')
})

afterAll(async () => {
  rmSync(files, { recursive: true, force: true })
  await line.clean()
})

/** How a client's configuration starts the gateway. */
function command(server: string, ...program: readonly string[]) {
  const { BELAY_URL: _, BELAY_TOKEN: __, ...env } = process.env
  return {
    command: process.execPath,
    args: [LAUNCHER, 'mcp', '--agent', 'coder', '--server', server, '--', process.execPath, ...program],
    cwd: line.folder,
    env: { ...env, BELAY_TOKEN: '' } as Record<string, string>,
    stderr: 'pipe' as const,
  }
}

async function connect(server: string, ...program: readonly string[]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StdioClientTransport(command(server, ...program)))
  return client
}

const textOf = (result: unknown): string => JSON.stringify((result as { content: unknown }).content)

it('works without a running harness, which others find meanwhile', async () => {
  const client = await connect('everything', EVERYTHING, 'stdio')
  expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } }))).toContain(
    'Echo: hello',
  )
  const refused = await client.callTool({ name: 'get-env', arguments: {} })
  expect(refused.isError).toBe(true)
  expect(textOf(refused)).toContain('The environment is not for agents.')
  // A second server beside the first, through the harness that the first has opened.
  const second = await connect('files', FILESYSTEM, files)
  expect(
    textOf(await second.callTool({ name: 'read_text_file', arguments: { path: join(files, 'hello.txt') } })),
  ).toContain('hello from the file')
  expect(
    (await second.callTool({ name: 'move_file', arguments: { source: 'a', destination: 'b' } })).isError,
  ).toBe(true)
  const listed = line.run(['actions', 'list', '--json'])
  expect(listed.out).toContain('mcp.files.read_text_file')
  await second.close()
  await client.close()
}, 60_000)

it('works with a running harness; a held call goes on when a person approves', async () => {
  const up = await line.up()
  try {
    const client = await connect('files', FILESYSTEM, files)
    const calling = client.callTool({
      name: 'write_file',
      arguments: { path: join(files, 'new.txt'), content: 'written' },
    })
    let approval: string | undefined
    while (approval === undefined) {
      const pending = JSON.parse(line.run(['approvals', 'list', '--json']).out) as
        | { id: string }[]
        | { items: { id: string }[] }
      approval = (Array.isArray(pending) ? pending : pending.items)[0]?.id
    }
    expect(line.run(['approvals', 'approve', approval, '--as', 'olga']).code).toBe(0)
    expect((await calling).isError).toBeUndefined()
    const read = await client.callTool({
      name: 'read_text_file',
      arguments: { path: join(files, 'new.txt') },
    })
    expect(textOf(read)).toContain('written')
    await client.close()
  } finally {
    up.child.kill('SIGTERM')
    await up.done
  }
}, 60_000)

it('a client and a server of 2026-07-28 speak through it', async () => {
  const client = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new ModernTransport(command('modern', MODERN)))
  expect(client.getProtocolEra()).toBe('modern')
  expect(textOf(await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } }))).toContain('42')
  await client.close()
}, 60_000)

it('refuses to start without a policy: no harness, no tools', async () => {
  const empty = new CommandLine(null)
  const { code, err } = empty.run(['mcp', '--agent', 'a', '--', process.execPath, EVERYTHING])
  expect(code).toBe(2)
  expect(err).toContain('There is no belay.yaml')
  await empty.clean()
})
