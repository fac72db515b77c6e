import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { stateOf } from '../setup/plain-processes.ts'
import { podmanImage } from '../setup/podman.ts'
import { eventually, HarnessProcess } from './harness-process.ts'

const SPEAK = `wget -q -O - --header "authorization: Bearer $BELAY_KEY" --header "content-type: application/json" --post-data '{"action":"note","input":{}}' $BELAY_URL/v1/actions`
const EAT = 'sh -c "a=x; while :; do a=\\$a\\$a; done"; c=$?; sleep 2; exit $c'

function policy(image: string): string {
  const sandbox = (more: string): string =>
    `{ provider: podman, image: '${image}', processes: 20, memory: ${more} }`
  return `
version: 1
agents:
  steady: { command: [sh, -c, 'while :; do echo tick; sleep 0.2; done'], sandbox: ${sandbox('64MiB')} }
  failing: { command: [sh, -c, 'echo run >> runs; exit 3'], sandbox: ${sandbox('64MiB')} }
  speaker: { command: [sh, -c, ${JSON.stringify(SPEAK)}], restart: never, sandbox: ${sandbox('64MiB')} }
  hog: { command: [sh, -c, ${JSON.stringify(EAT)}], restart: never, sandbox: ${sandbox('32MiB')} }
actions: { note: { effect: write } }
`
}

let harness: HarnessProcess
beforeAll(async () => {
  const { image, runtime } = await podmanImage()
  harness = new HarnessProcess(policy(image), { BELAY_SANDBOX_RUNTIME: runtime })
  await harness.up()
}, 300_000)
afterAll(() => harness.end())

it('agents in containers of podman run, reach the harness, hit their quotas, are paused, stopped and started again', async () => {
  await harness.runs('hog', 'ended')
  expect((await harness.processOf('hog'))['last_exit']).toMatchObject({ cause: 'memory' })
  await harness.runs('speaker', 'ended')
  expect(await harness.logOf('speaker')).toContain('"decision":"allow"')
  const { items } = await harness.client.object('GET', '/v1/actions', { query: { agent: 'speaker' } })
  expect((items as JsonObject[])[0]).toMatchObject({ action: 'note', state: 'ready' })
  await eventually(async () =>
    expect((await harness.processOf('failing'))['restarts']).toBeGreaterThanOrEqual(1),
  )
  expect((await harness.processOf('failing'))['last_exit']).toMatchObject({ cause: 'exited', code: 3 })

  await harness.runs('steady')
  const { pid, provider } = await harness.processOf('steady')
  expect(provider).toBe('podman')
  await harness.set('steady', 'paused')
  await harness.runs('steady', 'frozen')
  const before = await harness.ticks('steady')
  await harness.set('steady', 'active')
  await eventually(async () => expect(await harness.ticks('steady')).toBeGreaterThan(before + 2))
  expect(await harness.processOf('steady')).toMatchObject({ state: 'running', pid })
  await harness.set('steady', 'stopped')
  await harness.runs('steady', 'held')
  expect(stateOf(Number(pid))).toBeUndefined()
  await harness.set('steady', 'active')
  await harness.runs('steady')
}, 60_000)

it('they die with a harness that is killed, and the next one starts them again', async () => {
  const { pid } = await harness.processOf('steady')
  harness.kill()
  await vi.waitFor(() => expect(stateOf(Number(pid))).toBeUndefined(), { timeout: 60_000 })
  const runs = (): number =>
    readFileSync(join(harness.folder, 'data/agents/failing/workspace/runs'), 'utf8').length
  const before = runs()
  await harness.up()
  await harness.runs('steady')
  await eventually(async () => expect(runs()).toBeGreaterThan(before))
  await harness.end()
  const left = execFileSync('podman', ['ps', '--all', '--format', '{{.Names}}'], { encoding: 'utf8' })
  expect(left.split('\n').filter((name) => name.startsWith('belay-'))).toEqual([])
}, 60_000)
