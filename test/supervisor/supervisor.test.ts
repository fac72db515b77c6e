import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BelayError } from '../../src/errors/catalogue.ts'
import type { LaunchAgent } from '../../src/entry/supervisor/agent-process.ts'
import type { AgentDeclaration } from '../../src/entry/supervisor/declaration.ts'
import { Supervisor } from '../../src/entry/supervisor/supervisor.ts'
import { openFlow } from '../../src/flow/open-flow.ts'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import { masterKeyFrom } from '../../src/storage/sealing/master-key.ts'
import { flowOn, STORES, type FlowUnderTest } from '../setup/flow-on.ts'
import { plainLaunch, stateOf } from '../setup/plain-processes.ts'

const POLICY = 'version: 1\nagents: { one: {}, two: {} }\nactions: { note: { effect: write } }\n'
const SLEEP = ['sh', '-c', 'echo up; while :; do sleep 0.05; done']

let under: FlowUnderTest
let data: string
let supervisor: Supervisor
let declared: AgentDeclaration[]
const faults: unknown[] = []

function declare(
  agent: string,
  command: readonly string[],
  more: Partial<AgentDeclaration> = {},
): AgentDeclaration {
  return {
    agent,
    command,
    workspace: null,
    restart: 'always',
    provider: null,
    quotas: {},
    require: [],
    env: { PATH: process.env['PATH'] ?? '' },
    readOnly: [],
    digest: command.join('\0'),
    ...more,
  }
}

async function supervise(
  agents: AgentDeclaration[],
  { launch = plainLaunch, on = under }: { launch?: LaunchAgent; on?: FlowUnderTest } = {},
): Promise<Supervisor> {
  declared = agents
  return Supervisor.open({
    store: on.store,
    flow: on.flow,
    policies: { current: on.policy },
    data,
    declared: () => declared,
    launch,
    note: () => undefined,
    onFault: (fault) => faults.push(fault),
    backOff: { first: 20, most: 80, healthyAfter: 60_000 },
  })
}

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 10 })
const stateOfAgent = (name: string): string | undefined => supervisor.view(name)?.state
const becomes = (name: string, state: string): Promise<void> =>
  eventually(() => expect(stateOfAgent(name)).toBe(state))
const logged = (name: string, text: string): Promise<void> =>
  eventually(() => expect(supervisor.log(name).items.map((line) => line.text)).toContain(text))

async function recorded(agent: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = []
  for (const { chain } of await under.store.chains())
    for (const record of await under.store.records(chain, 0, 10_000))
      if (record.kind === 'process' && record.agent === agent)
        found.push(JSON.parse(record.text) as Record<string, unknown>)
  return found
}

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'belay-supervisor-'))
  faults.length = 0
})
afterEach(async () => {
  await supervisor?.close()
  await under.close()
  rmSync(data, { recursive: true, force: true })
})

describe.each(STORES)('supervision on %s', (dialect) => {
  beforeEach(async () => {
    under = await flowOn(dialect, POLICY)
    // A chain with a record: whoever has recorded nothing runs nothing.
    await under.flow.setAgentState('one', 'active', 'the test begins', 'tester')
  })

  it('starts what is declared, keeps what it writes, and records start and end with the cause', async () => {
    supervisor = await supervise([declare('one', SLEEP)])
    await becomes('one', 'running')
    await logged('one', 'up')
    const { pid } = supervisor.view('one')!
    expect(stateOf(pid!)).toMatch(/[RSD]/)
    await supervisor.close()
    expect(stateOf(pid!)).toBeUndefined()
    expect(await recorded('one')).toMatchObject([
      { event: 'started', provider: 'plain', restarts: 0, policy_version: under.policy().digest },
      { event: 'ended', cause: 'harness', retry_ms: null },
    ])
  })

  it('freezes at a pause, thaws at a resume, ends all descendants at a stop, and starts again after it', async () => {
    supervisor = await supervise([
      declare('one', ['sh', '-c', 'sleep 600 & echo child $!; while :; do sleep 0.05; done']),
      declare('two', SLEEP),
    ])
    await eventually(() =>
      expect(supervisor.log('one').items.some(({ text }) => text.startsWith('child'))).toBe(true),
    )
    const { pid } = supervisor.view('one')!
    const child = Number(
      supervisor
        .log('one')
        .items.find(({ text }) => text.startsWith('child'))!
        .text.slice(6),
    )
    await under.flow.setAgentState('one', 'paused', 'lunch', 'ann')
    await becomes('one', 'frozen')
    await eventually(() => expect([stateOf(pid!), stateOf(child)]).toEqual(['T', 'T']))
    expect(stateOfAgent('two')).toBe('running')
    await under.flow.setAgentState('one', 'active', 'back', 'ann')
    await becomes('one', 'running')
    await eventually(() => expect(stateOf(pid!)).toMatch(/[RSD]/))
    await under.flow.setAgentState('one', 'stopped', 'enough', 'ann')
    await becomes('one', 'held')
    await eventually(() => expect([stateOf(pid!), stateOf(child)]).toEqual([undefined, undefined]))
    expect(supervisor.view('one')?.lastExit?.cause).toBe('stopped')
    await under.flow.setAgentState('one', 'active', 'again', 'ann')
    await becomes('one', 'running')
    expect(supervisor.view('one')!.pid).not.toBe(pid)
    expect(supervisor.view('one')!.restarts).toBe(1)
  })

  it('does not start a paused agent, and freezes one whose breaker opens', async () => {
    await under.flow.setAgentState('two', 'paused', 'not yet', 'ann')
    under.setPolicy(
      'version: 1\nagents: { one: { breaker: { error_rate: 0.1, over: 2, then: pause } }, two: {} }\nactions: { note: { effect: write } }\n',
    )
    supervisor = await supervise([declare('one', SLEEP), declare('two', SLEEP)])
    await becomes('one', 'running')
    await becomes('two', 'held')
    const { pid } = supervisor.view('one')!
    const proposed = await Promise.all(
      [1, 2].map(() =>
        under.flow.propose({ agent: 'one', action: 'note', input: {} }, { venue: 'agent', start: true }),
      ),
    )
    for (const { action } of proposed) await under.flow.report(action.id, { outcome: 'failed' })
    await becomes('one', 'frozen')
    await eventually(() => expect(stateOf(pid!)).toBe('T'))
    await under.flow.setAgentState('two', 'active', 'now', 'ann')
    await becomes('two', 'running')
  })
})

it('of several replicas the oldest runs the agents, and when it goes the next one does', async () => {
  under = await flowOn('postgres', POLICY)
  await under.flow.setAgentState('one', 'active', 'the test begins', 'tester')
  supervisor = await supervise([declare('one', SLEEP)])
  const masterKey = masterKeyFrom(Buffer.alloc(32, 7).toString('base64'), 'the test')
  const store = await openPostgres({ url: under.url, masterKey })
  const policies = { current: under.policy, onChange: () => () => undefined }
  const flow = await openFlow({ store, policies, tick: 50 })
  const elsewhere = mkdtempSync(join(tmpdir(), 'belay-supervisor-'))
  await store.commit({ records: [{ kind: 'policy', at: store.now(), action: null, agent: null, body: {} }] })
  const younger = await Supervisor.open({
    store,
    flow,
    policies,
    data: elsewhere,
    declared: () => declared,
    launch: plainLaunch,
    note: () => undefined,
    onFault: (fault) => faults.push(fault),
  })
  try {
    await becomes('one', 'running')
    const { pid } = supervisor.view('one')!
    expect(younger.view('one')?.state).toBe('elsewhere')
    await supervisor.close()
    expect(stateOf(pid!)).toBeUndefined()
    await under.flow.close()
    await under.store.close()
    await eventually(() => expect(younger.view('one')?.state).toBe('running'))
    expect(faults).toEqual([])
  } finally {
    await younger.close()
    await flow.close()
    await store.close()
    rmSync(elsewhere, { recursive: true, force: true })
  }
})

describe('supervision', () => {
  beforeEach(async () => void (under = await flowOn('sqlite', POLICY)))

  it('starts a crashed agent again after ever longer waits, its neighbour unharmed', async () => {
    supervisor = await supervise([
      declare('one', ['sh', '-c', 'echo boom >&2; exit 3']),
      declare('two', SLEEP),
    ])
    await becomes('two', 'running')
    const neighbour = supervisor.view('two')!.pid
    await eventually(() => expect(supervisor.view('one')!.restarts).toBeGreaterThanOrEqual(5))
    const ends = (await recorded('one')).filter(({ event }) => event === 'ended')
    expect(ends.slice(0, 4).every(({ cause, code }) => cause === 'exited' && code === 3)).toBe(true)
    const waits = ends.slice(0, 5).map(({ retry_ms }) => Number(retry_ms))
    const bounds = [20, 40, 80, 80, 80]
    for (const [n, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(bounds[n]!)
      expect(wait).toBeGreaterThanOrEqual(bounds[n]! / 2)
    }
    expect(supervisor.view('two')).toMatchObject({ state: 'running', pid: neighbour, restarts: 0 })
    expect(supervisor.log('one').items).toContainEqual({
      at: expect.any(Number) as number,
      stream: 'stderr',
      text: 'boom',
    })
  })

  it.each([
    ['never', 'exit 1', 'ended'],
    ['on-failure', 'exit 0', 'ended'],
    ['on-failure', 'exit 1', 'again'],
    ['always', 'exit 0', 'again'],
  ] as const)('restart: %s, and the command says %s', async (restart, command, then) => {
    supervisor = await supervise([declare('one', ['sh', '-c', command], { restart })])
    if (then === 'again') await eventually(() => expect(supervisor.view('one')!.restarts).toBeGreaterThan(0))
    else {
      await becomes('one', 'ended')
      expect((await recorded('one')).map(({ event }) => event)).toEqual(['started', 'ended'])
    }
  })

  it('does not start again for a quota that would be hit anew, until a person says so', async () => {
    let launches = 0
    supervisor = await supervise([declare('one', SLEEP)], {
      launch: async (declaration) => {
        const launched = await plainLaunch(declaration)
        if (++launches === 1) void launched.sandbox.kill('requests')
        return launched
      },
    })
    await becomes('one', 'ended')
    expect(supervisor.view('one')?.lastExit?.cause).toBe('requests')
    await under.flow.setAgentState('one', 'paused', 'look', 'ann')
    await under.flow.setAgentState('one', 'active', 'go on', 'ann')
    await becomes('one', 'running')
    expect(launches).toBe(2)
  })

  it('says why an agent cannot be started, and tries again', async () => {
    let broken = true
    supervisor = await supervise([declare('one', SLEEP)], {
      launch: (declaration) =>
        broken
          ? Promise.reject(new BelayError('store:unavailable', { cause: 'nothing is mounted' }))
          : plainLaunch(declaration),
    })
    await eventually(() => expect(supervisor.view('one')?.lastExit?.cause).toBe('not_started'))
    expect(supervisor.view('one')?.lastExit?.detail).toContain('nothing is mounted')
    broken = false
    await becomes('one', 'running')
    expect((await recorded('one'))[0]).toMatchObject({ event: 'not_started', code: 'store:unavailable' })
  })

  it('lets nothing run whose start cannot be recorded', async () => {
    const pids: number[] = []
    const { store } = under
    const failing = new Proxy(store, {
      get(target, name) {
        if (name === 'commit')
          return () => Promise.reject(new BelayError('store:unavailable', { cause: 'full' }))
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    })
    supervisor = await supervise([declare('one', SLEEP)], {
      on: { ...under, store: failing },
      launch: async (declaration) => {
        const launched = await plainLaunch(declaration)
        pids.push(launched.sandbox.pid)
        return launched
      },
    })
    await eventually(() => expect(pids.length).toBeGreaterThan(2))
    await eventually(() => expect(stateOf(pids[0]!)).toBeUndefined())
    expect(faults.length).toBeGreaterThan(0)
  })

  it('follows the policy: what is new starts, what is gone ends, what changed starts anew, the rest is left alone', async () => {
    supervisor = await supervise([declare('one', SLEEP), declare('two', SLEEP)])
    await becomes('one', 'running')
    await becomes('two', 'running')
    const [one, two] = [supervisor.view('one')!.pid!, supervisor.view('two')!.pid!]
    declared = [declare('two', SLEEP), declare('three', SLEEP)]
    await supervisor.policyChanged()
    await becomes('three', 'running')
    expect(supervisor.view('one')).toBeUndefined()
    expect(stateOf(one)).toBeUndefined()
    expect(supervisor.view('two')!.pid).toBe(two)
    declared = [declare('two', ['sh', '-c', 'echo changed; sleep 600'])]
    await supervisor.policyChanged()
    await logged('two', 'changed')
    expect(stateOf(two)).toBeUndefined()
  })

  it('records the end that a killed harness could not record', async () => {
    supervisor = await supervise([declare('one', SLEEP)])
    await becomes('one', 'running')
    const runFile = join(data, 'agents/one/run.json')
    const run = readFileSync(runFile, 'utf8')
    await supervisor.close()
    const { writeFileSync } = await import('node:fs')
    writeFileSync(runFile, run)
    supervisor = await supervise([declare('one', SLEEP)])
    await becomes('one', 'running')
    expect((await recorded('one')).map(({ event, cause }) => [event, cause])).toEqual([
      ['started', undefined],
      ['ended', 'harness'],
      ['ended', 'harness'],
      ['started', undefined],
    ])
  })
})
