import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { removeWritten } from '../../src/entry/snippets/remove-written.ts'
import { snippetFrom } from '../../src/entry/snippets/snippet.ts'
import { SnippetDesk } from '../../src/entry/snippets/snippet-desk.ts'
import type { JsonObject } from '../../src/action/json.ts'
import type { SandboxProvider, SandboxSpec } from '../../src/flow/contain/sandbox/provider.ts'
import { flowOn, type FlowUnderTest } from '../setup/flow-on.ts'
import { plainProvider } from '../setup/plain-processes.ts'

const ALLOW = 'actions: { code.run: { effect: write } }'
const policy = (more = ALLOW): string => `version: 1\n${more}\n`

let under: FlowUnderTest
let data: string
let desk: SnippetDesk
let specs: SandboxSpec[]
let faults: unknown[]

vi.mock('../../src/entry/snippets/remove-written.ts', { spy: true })

/** Interpreters as they are, without a sandbox: what is tested here is everything around it. */
const provider: SandboxProvider = {
  ...plainProvider,
  launch(spec) {
    specs.push(spec)
    return plainProvider.launch(spec)
  },
}

async function open(text = policy(), how: SandboxProvider = provider): Promise<void> {
  under = await flowOn('sqlite', text)
  desk = new SnippetDesk({
    flow: under.flow,
    policies: { current: under.policy },
    now: () => under.store.now(),
    data,
    provider: () => Promise.resolve(how),
    onFault: (error) => faults.push(error),
  })
}

const run = (input: JsonObject, more: { idempotencyKey?: string } = {}) =>
  desk.run(snippetFrom(input), { agent: 'agent-a', ...more })

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'belay-snippets-'))
  specs = []
  faults = []
})
afterEach(async () => {
  await desk.close()
  await under.close()
  rmSync(data, { recursive: true, force: true })
})

describe('a snippet in the pipeline', () => {
  it.each([
    [
      'javascript',
      "const fs = require('fs'); fs.writeFileSync('out.txt', fs.readFileSync(0) + fs.readFileSync('in.txt', 'utf8')); console.log('hi')",
    ],
    [
      'python',
      "import sys; open('out.txt', 'w').write(sys.stdin.read() + open('in.txt').read()); print('hi')",
    ],
    ['shell', 'cat - in.txt > out.txt; echo hi'],
  ])('runs %s and answers what it wrote', async (language, code) => {
    await open()
    const { action, result } = await run({ language, code, files: { 'in.txt': 'file' }, stdin: 'stdin ' })
    expect(result).toMatchObject({
      stdout: 'hi\n',
      stderr: '',
      files: [{ path: 'out.txt', size: 10, text: 'stdin file' }],
      exit: { cause: 'exited', code: 0, signal: null },
    })
    expect(action.state.name).toBe('succeeded')
    expect(await under.flow.result(action)).toEqual(result)
    expect(specs[0]).toMatchObject({ network: 'none', profile: 'snippet', agent: 'agent-a' })
    expect(specs[0]!.require).toEqual(
      expect.arrayContaining(['filesystem', 'network', 'secrets', 'surviving_daemons']),
    )
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith('belay-snippet-'))).toEqual([])
  })

  it('that ends badly is a failed action with all that it said', async () => {
    await open()
    const { action, result } = await run({ language: 'shell', code: 'echo out; echo err >&2; exit 3' })
    expect(action.state.name).toBe('failed')
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exit: { cause: 'exited', code: 3 } })
    expect(await under.flow.result(action)).toEqual(result)
  })

  it('is recorded before it runs, and runs nothing when it is denied', async () => {
    await open(policy('defaults: { decision: deny }'))
    const { action, result } = await run({ language: 'shell', code: 'touch /tmp/never' })
    expect([action.state.name, result, specs]).toEqual(['denied', null, []])
    under.setPolicy(policy())
    let recorded: string[] = []
    await desk.close()
    desk = new SnippetDesk({
      flow: under.flow,
      policies: { current: under.policy },
      now: () => under.store.now(),
      data,
      onFault: (error) => faults.push(error),
      provider: async () => {
        const [last] = await under.store.actions({ limit: 1 })
        recorded = (await under.store.recordsOf(last!.id)).map(({ kind }) => kind)
        return provider
      },
    })
    const ran = await run({ language: 'shell', code: 'echo 1' })
    expect(recorded).toContain('decision')
    expect(ran.action.state.name).toBe('succeeded')
  })

  it('waits for a person, and its repetition runs it once and answers the same ever after', async () => {
    await open(
      policy(
        'approvers: { dev: { members: [ann@example.com], quorum: 1 } }\nactions: { code.run: { effect: write, approve: [{ by: [dev] }] } }',
      ),
    )
    const code = { language: 'shell', code: 'echo $$' }
    const held = await run(code, { idempotencyKey: 'k' })
    expect([held.action.state.name, held.result]).toEqual(['held', null])
    if (held.action.state.name !== 'held') throw new Error('not held')
    await under.flow.vote(held.action.state.approval.id, { by: 'ann@example.com', outcome: 'approve' })
    const first = await run(code, { idempotencyKey: 'k' })
    const second = await run(code, { idempotencyKey: 'k' })
    expect(first.action.state.name).toBe('succeeded')
    expect(second.result).toEqual(first.result)
    expect(specs).toHaveLength(1)
  })

  it('goes through the checks of results, which may withhold and redact', async () => {
    const checks = (line: string): string =>
      policy(`actions: { code.run: { effect: write, result: { verify: [${line}] } } }`)
    await open(checks('{ banned_phrases: { field: stdout, phrases: [forbidden] } }'))
    const withheld = await run({ language: 'shell', code: 'echo forbidden' })
    expect(withheld.result).toBeNull()
    expect(JSON.stringify(await under.flow.result(withheld.action))).not.toContain('"forbidden')
    expect((await run({ language: 'shell', code: 'echo fine' })).result).toMatchObject({ stdout: 'fine\n' })
    // One that is too long for a record is checked whole all the same.
    const long = await run({
      language: 'shell',
      code: 'head -c 250000 /dev/zero | tr "\\0" x; head -c 100000 /dev/zero > big; echo; echo forbidden',
    })
    expect(long.result).toBeNull()
  })

  it('that makes folders deeper than a path may be long is ended, and its folder is gone', async () => {
    await open()
    const { action, result } = await run({
      language: 'python',
      code: 'import os, time\nfor i in range(600):\n  os.mkdir("d" * 20); os.chdir("d" * 20)\ntime.sleep(20)',
    })
    expect(action.state.name).toBe('failed')
    expect(result).toMatchObject({ exit: { cause: 'disk' } })
    expect(readdirSync(join(data, 'snippets'))).toEqual([])
  })

  it('finds no folder that a killed harness has left', async () => {
    mkdirSync(join(data, 'snippets/run-left/inner'), { recursive: true })
    writeFileSync(join(data, 'snippets/run-left/inner/file'), 'left')
    await open()
    await run({ language: 'shell', code: 'true' })
    expect(readdirSync(join(data, 'snippets'))).toEqual([])
  })

  it('leaves room for those of other agents', async () => {
    const enough = Promise.withResolvers<void>()
    await open(policy(), {
      ...provider,
      async launch() {
        await enough.promise
        throw new Error('no sandbox today')
      },
    })
    const waiting = Array.from({ length: 12 }, () => run({ language: 'shell', code: 'true' }))
    await expect(run({ language: 'shell', code: 'true' })).rejects.toMatchObject({ code: 'server:busy' })
    waiting.push(desk.run(snippetFrom({ language: 'shell', code: 'true' }), { agent: 'agent-b' }))
    enough.resolve()
    const ends = await Promise.allSettled(waiting)
    expect(ends.map((end) => end.status === 'rejected' && String(end.reason))).toEqual(
      waiting.map(() => 'Error: no sandbox today'),
    )
  })

  it('whose result is long is answered whole and recorded without the contents', async () => {
    await open()
    const { action, result } = await run({
      language: 'shell',
      code: 'head -c 400000 /dev/zero > big.bin; echo done',
    })
    expect(JSON.stringify(result).length).toBeGreaterThan(500_000)
    const recorded = await under.flow.result(action)
    expect(recorded).toMatchObject({ stdout: 'done\n', files: [{ path: 'big.bin', size: 400_000 }] })
    expect(JSON.stringify(recorded).length).toBeLessThan(2_000)
  })
})

describe('limits of a snippet', () => {
  beforeEach(() => open())

  it('end it when it writes too much, and keep what came before', async () => {
    const { action, result } = await run({
      language: 'shell',
      code: 'while :; do echo y; done',
      limits: { output_bytes: 1_000 },
    })
    expect(result).toMatchObject({ stdout: 'y\n'.repeat(500), exit: { cause: 'output' } })
    expect(action.state.name).toBe('failed')
  })

  it('end it when its time is up', async () => {
    const { result } = await run({
      language: 'shell',
      code: 'echo a; sleep 600',
      limits: { wall_time_ms: 300 },
    })
    expect(result).toMatchObject({ stdout: 'a\n', exit: { cause: 'wall_time' } })
  })

  it('are those of its action too', async () => {
    under.setPolicy(policy('actions: { code.run: { effect: write, timeout: 3s } }'))
    const { result } = await run({ language: 'shell', code: 'sleep 600' })
    expect(specs[0]!.quotas.wallTime).toBeLessThanOrEqual(1_000)
    expect(result).toMatchObject({ exit: { cause: 'wall_time' } })
  })

  it('of stopping its agent and of the end of the harness', async () => {
    const forAgent = run({ language: 'shell', code: 'sleep 600', limits: { wall_time_ms: 60_000 } })
    await vi.waitFor(() => expect(specs).toHaveLength(1), { timeout: 60_000 })
    await under.flow.setAgentState('agent-a', 'stopped', 'enough', 'ann')
    expect((await forAgent).result).toMatchObject({ exit: { cause: 'stopped' } })
    await under.flow.setAgentState('agent-a', 'active', 'again', 'ann')
    const forHarness = run({ language: 'shell', code: 'sleep 600', limits: { wall_time_ms: 60_000 } })
    await vi.waitFor(() => expect(specs).toHaveLength(2), { timeout: 60_000 })
    await desk.close()
    const { action, result } = await forHarness
    expect([result!['exit'], action.state.name]).toMatchObject([{ cause: 'harness' }, 'failed'])
    await expect(run({ language: 'shell', code: 'echo 1' })).rejects.toMatchObject({ code: 'server:closing' })
  })
})

it('a snippet for which there is no sandbox fails, and the record says that nothing ran', async () => {
  await open(policy(), { ...plainProvider, launch: () => Promise.reject(new Error('no namespaces here')) })
  await expect(run({ language: 'shell', code: 'echo 1' })).rejects.toThrow('no namespaces here')
  const [action] = await under.store.actions({ limit: 1 })
  expect(action!.state.name).toBe('failed')
})

describe('a folder that cannot be removed', () => {
  const folders = (): string[] => readdirSync(join(data, 'snippets'))
  const stays = (): void => void vi.mocked(removeWritten).mockRejectedValue(new Error('it is busy'))
  const goes = (): void => void vi.mocked(removeWritten).mockReset()
  beforeEach(() => open())
  afterEach(goes)

  it('changes nothing of the outcome, is told of, and removed before a later run', async () => {
    stays()
    const { action, result } = await run({ language: 'shell', code: 'echo hi; exit 3' })
    expect(action.state.name).toBe('failed')
    expect(result).toMatchObject({ stdout: 'hi\n', exit: { code: 3 }, left_behind: true })
    expect(await under.flow.result(action)).toEqual(result)
    expect(faults).toEqual([new Error('it is busy')])
    expect(folders()).toHaveLength(1)
    goes()
    expect((await run({ language: 'shell', code: 'echo hi' })).result).not.toHaveProperty('left_behind')
    expect(folders()).toEqual([])
  })

  it('is removed at the latest when the harness ends', async () => {
    stays()
    await run({ language: 'shell', code: 'echo hi' })
    goes()
    await desk.close()
    expect(folders()).toEqual([])
  })

  it('keeps nothing from running until there are too many', async () => {
    for (let at = 0; at < 15; at++) mkdirSync(join(data, 'snippets', `run-${at}`), { recursive: true })
    await desk.close()
    await under.close()
    await open()
    stays()
    expect((await run({ language: 'shell', code: 'echo hi' })).action.state.name).toBe('succeeded')
    await expect(run({ language: 'shell', code: 'echo hi' })).rejects.toMatchObject({
      code: 'sandbox:unavailable',
      message: expect.stringContaining('16 folders') as string,
    })
    expect(specs).toHaveLength(1)
  })
})
