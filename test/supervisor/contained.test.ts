import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { Belay } from '../../src/index.ts'
import { stateOf } from '../setup/plain-processes.ts'
import { eventually, HarnessProcess } from './harness-process.ts'

const POLICY = `
version: 1
agents:
  steady:
    command: [sh, -c, 'echo one > state; while :; do echo tick; sleep 0.2; done']
    sandbox: { memory: 64MiB, processes: 20 }
  speaker:
    command: [sh, -c, 'curl -s -X POST -H "authorization: Bearer $BELAY_KEY" -H "content-type: application/json" -d "{\\"action\\":\\"note\\",\\"input\\":{}}" $BELAY_URL/v1/actions; exit 0']
    sandbox: { memory: 128MiB, processes: 20 }
  hog:
    command: [python3, -c, 'x = bytearray(1 << 30)']
    restart: never
    sandbox: { memory: 32MiB, processes: 20 }
  bomb:
    command: [sh, -c, 'bomb() { bomb | bomb & }; bomb; sleep 1; bomb; exit 1']
    restart: never
    sandbox: { memory: 64MiB, processes: 15 }
actions:
  note: { effect: write }
  code.run: { effect: write }
`

const harness = new HarnessProcess(POLICY)
beforeAll(() => harness.up(), 60_000)
afterAll(() => harness.end())

it('agents of the policy run in their sandboxes; who eats memory or forks ends alone, and it is said why', async () => {
  await harness.runs('steady')
  const { pid } = await harness.processOf('steady')
  await harness.runs('hog', 'ended')
  await harness.runs('bomb', 'ended')
  expect((await harness.processOf('hog'))['last_exit']).toMatchObject({ cause: 'memory' })
  expect((await harness.processOf('bomb'))['last_exit']).toMatchObject({ cause: 'processes' })
  expect(await harness.processOf('steady')).toMatchObject({
    state: 'running',
    pid,
    restarts: 0,
    last_exit: null,
  })
})

it('an agent reaches the harness through its gateway, with a key that it never sees', async () => {
  await eventually(async () => expect(await harness.logOf('speaker')).toContain('"decision":"allow"'))
  const { items } = await harness.client.object('GET', '/v1/actions', { query: { agent: 'speaker' } })
  expect((items as JsonObject[])[0]).toMatchObject({ action: 'note', state: 'ready' })
})

it('a pause freezes, a resume thaws, a stop ends', async () => {
  const ticks = (): Promise<number> => harness.ticks('steady')
  await harness.set('steady', 'paused')
  await harness.runs('steady', 'frozen')
  const before = await ticks()
  await new Promise((done) => setTimeout(done, 700))
  expect(await ticks()).toBeLessThanOrEqual(before + 1)
  const { pid } = await harness.processOf('steady')
  await harness.set('steady', 'active')
  await harness.runs('steady')
  expect((await harness.processOf('steady'))['pid']).toBe(pid)
  await eventually(async () => expect(await ticks()).toBeGreaterThan(before + 2))
  await harness.set('steady', 'stopped')
  await harness.runs('steady', 'held')
  expect(stateOf(Number(pid))).toBeUndefined()
  await harness.set('steady', 'active')
  await harness.runs('steady')
})

it.each([
  [
    'javascript',
    'import { readFileSync, writeFileSync } from "node:fs"; writeFileSync("out", readFileSync("in") + "!"); console.log(6 * 7)',
  ],
  ['python', 'open("out", "w").write(open("in").read() + "!"); print(6 * 7)'],
  ['shell', 'printf "%s!" "$(cat in)" > out; echo 42'],
] as const)('a snippet of %s runs confined, over HTTP', async (language, code) => {
  const { key } = await harness.client.object('POST', '/v1/keys', { body: { agent: 'coder' } })
  const belay = await Belay.open({ url: harness.client.url, key: key as string })
  const result = await belay.snippet({ language, code, files: { in: 'given' } }, { agent: 'coder' })
  expect(result.exit).toMatchObject({ cause: 'exited', code: 0 })
  expect(result.stdout).toBe('42\n')
  expect(result.files.map(({ path, bytes }) => [path, String(bytes)])).toEqual([['out', 'given!']])
  const hostile = await belay.snippet(
    {
      language: 'shell',
      code: 'cat /etc/shadow; ls /root /home; curl -m 2 http://1.1.1.1; touch /usr/x; exit 9',
    },
    { agent: 'coder' },
  )
  expect([hostile.stdout.replace(/^\/home:\nagent\n/, ''), hostile.exit.code]).toEqual(['', 9])
  const hungry = await belay.snippet(
    { language: 'python', code: 'x = bytearray(1 << 30)', limits: { memory: 48 * 1024 * 1024 } },
    { agent: 'coder' },
  )
  expect(hungry.exit.cause).toBe('memory')
  await belay.close()
})

it('agents die with a harness that is killed, and the next one starts them again where they left off', async () => {
  await harness.runs('steady')
  const { pid } = await harness.processOf('steady')
  harness.kill()
  await vi.waitFor(() => expect(stateOf(Number(pid))).toBeUndefined(), { timeout: 60_000 })
  await harness.up()
  await harness.runs('steady')
  expect((await harness.processOf('steady'))['pid']).not.toBe(pid)
  // It runs from when its command may begin.
  await vi.waitFor(
    () =>
      expect(readFileSync(join(harness.folder, 'data/agents/steady/workspace/state'), 'utf8')).toBe('one\n'),
    { timeout: 60_000 },
  )
  const text = await harness.client.text('GET', '/v1/ledger/export')
  const events = text
    .split('\n')
    .filter((line) => line.includes('"kind\\":\\"process\\"') || line.includes('"kind":"process"'))
  const steady = events.filter((line) => line.includes('steady'))
  expect(steady.some((line) => line.includes('the harness ended without recording the end'))).toBe(true)
})
