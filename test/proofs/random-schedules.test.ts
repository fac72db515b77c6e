import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Policy } from '../../src/policy/policy.ts'
import { policyOf } from '../setup/flow-on.ts'
import { Agent } from './agent.ts'
import { DIALECTS, newDatabase, type Dialect } from './databases.ts'
import { allActions, violationsIn } from './invariants.ts'
import { schedule } from './schedule.ts'
import { System } from './system.ts'

/** How many are run on each store. */
const SCHEDULES = {
  sqlite: Number(process.env['BELAY_SCHEDULES'] ?? 1_200),
  postgres: Number(process.env['BELAY_SCHEDULES'] ?? 600),
}
/** More at once would wait for a connection longer than PostgreSQL's store lets anybody wait. */
const BATCH = { sqlite: 500, postgres: 300 }
/** How many agents of a batch are asked whether all their room is there; refusals take their time on PostgreSQL. */
const PROBED = { sqlite: 30, postgres: 5 }
const SEED = Number(process.env['BELAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const AGENT_LIMIT = 1
const RATE_LIMIT = 6
/** Less than the agents of a batch try to spend together. */
const OVERALL_LIMIT = { sqlite: 180, postgres: 108 }
const SCARCE_LIMIT = 2

const policyText = (overall: number, agentLimit: number, workRule: string, gate: string): string => `
version: 1
budget: [{ limit_usd: ${overall}, per: month }]
agents:
  's-*': { budget: [{ limit_usd: ${agentLimit}, per: month }], rate: [{ limit: ${RATE_LIMIT}, per: month }] }
actions:
  work: { effect: write, timeout: 6h, start_within: 6h, undo: { within: 6h }${workRule} }
  gated: { effect: irreversible, timeout: 6h, start_within: 6h, undo: { within: 6h }, approve: [{ by: [${gate}], expires: 6h }] }
  brief: { effect: write, timeout: 30ms, start_within: 30ms }
  scarce: { effect: write, timeout: 6h, start_within: 6h, verify: [{ rule: { when: 'history.count("scarce", "1h") >= ${SCARCE_LIMIT}', then: deny } }] }
  probe: { effect: read, timeout: 6h, start_within: 6h }
approvers:
  ops: { members: [a@example.com, b@example.com, c@example.com], quorum: 2 }
  leads: { members: [a@example.com, b@example.com, c@example.com], quorum: 2 }
`
const policiesOf = (dialect: Dialect): [Policy, ...Policy[]] => {
  const overall = OVERALL_LIMIT[dialect]
  const small = ", verify: [{ rule: { when: 'input.cost > 25', then: deny } }]"
  return [
    policyOf(policyText(overall, AGENT_LIMIT, '', 'ops')),
    policyOf(policyText(overall, AGENT_LIMIT * 0.8, '', 'ops')),
    policyOf(policyText(overall, AGENT_LIMIT, small, 'ops, leads')),
  ]
}

const limitsOn =
  (dialect: Dialect) =>
  (account: string): number => {
    if (account.includes('/actions/')) return RATE_LIMIT
    return (account.startsWith('overall/') ? OVERALL_LIMIT[dialect] : AGENT_LIMIT) * 1e9
  }

describe.each(DIALECTS)('random schedules on %s', (dialect) => {
  it(
    `${SCHEDULES[dialect]} of them: nothing runs unrecorded or twice, and no budget is overspent`,
    { timeout: 900_000 },
    async () => {
      console.info(`BELAY_SEED=${SEED}`)
      for (let first = 0; first < SCHEDULES[dialect]; first += BATCH[dialect]) {
        const seed = SEED + first
        const wrong = await runBatch(dialect, seed, Math.min(BATCH[dialect], SCHEDULES[dialect] - first))
        expect(wrong.slice(0, 20), `BELAY_SEED=${SEED}, the batch of ${seed}`).toEqual([])
      }
    },
  )
})

async function runBatch(dialect: Dialect, seed: number, size: number): Promise<string[]> {
  const random = randomFrom(seed)
  const schedules = fc.sample(schedule, { seed, numRuns: size })
  const database = await newDatabase(dialect)
  const policies = policiesOf(dialect)
  const limitOf = limitsOn(dialect)
  const system = new System(database, policies[0], random)
  await system.attempt(async () => undefined)
  system.setFaults(0.02, 0.2)
  const total = schedules.reduce((sum, steps) => sum + steps.length, 0)
  const moments = (count: number): Set<number> =>
    new Set(Array.from({ length: count }, () => Math.floor(random() * total)))
  // Each of them makes every agent of a batch lease its budgets anew.
  const crashes = moments(dialect === 'sqlite' ? 2 : 1)
  const swaps = moments(dialect === 'sqlite' ? 4 : 1)
  let step = 0
  let crashing: Promise<void> = Promise.resolve()
  const onStep = (): void => {
    step++
    if (swaps.has(step)) system.setPolicy(policies[Math.floor(random() * policies.length)]!)
    if (crashes.has(step)) crashing = crashing.then(() => system.crash())
  }
  const agents = schedules.map((_, i) => new Agent(`s-${i}`, system))
  await Promise.all(agents.map((agent, i) => agent.run(schedules[i]!, onStep)))
  await crashing
  system.setFaults(0, 0)
  system.setPolicy(policies[0])
  await probeRoom(system, agents.slice(0, PROBED[dialect]), limitOf)

  await system.stopClock()
  const executed = new Map(agents.flatMap((agent) => [...agent.executed]))
  const wrong = await system.read((disk) => violationsIn(disk, executed, limitOf))
  wrong.push(...system.violations, ...(await scarceViolations(system)))
  await system.close()
  await database.drop()
  return wrong
}

/** All that the books say is free can be had, and not a nano-dollar more: nothing is left reserved in memory. */
async function probeRoom(
  system: System,
  agents: readonly Agent[],
  limitOf: (account: string) => number,
): Promise<void> {
  for (const agent of agents) {
    await agent.setState('active')
    await untilNothingIsDue(system, agent.name)
    const accounts = await system.disk.budgets({ at: system.disk.now() })
    const left = (key: string): number => {
      const account = accounts.find((one) => one.key.startsWith(key))
      return account === undefined ? limitOf(key) : limitOf(key) - account.reserved - account.spent
    }
    const room = Math.min(left(`agent:${agent.name}/nano_usd/`), left('overall/nano_usd/'))
    const mayAct = left(`agent:${agent.name}/actions/`) > 0
    for (const [cost, fits] of [
      [room + 1, false],
      [room, mayAct],
    ] as const) {
      const answer = await probe(system, agent.name, cost, fits)
      if ((answer === 'allow') !== fits)
        system.violations.push(`${agent.name}: of ${room} left, ${cost} was answered with ${answer}`)
    }
  }
}

/** What is brief gives its room back when it expires, on a busy machine later than it is due. */
async function untilNothingIsDue(system: System, agent: string): Promise<void> {
  const due = async (): Promise<readonly string[]> => {
    const soon = system.disk.now() + 60_000
    const actions = await system.disk.actions({ agent, limit: 200 })
    return actions.filter(({ dueAt }) => dueAt !== null && dueAt < soon).map(({ id }) => id)
  }
  await expect.poll(due, { timeout: 60_000, interval: 10 }).toEqual([])
}

async function probe(system: System, agent: string, cost: number, fits: boolean): Promise<string> {
  // Between replicas room needs a moment to come back; that it comes is what matters.
  for (let tries = 0; ; tries++) {
    const admitted = await system.attempt((flow) =>
      flow.propose({ agent, action: 'probe', input: {}, cost }, { venue: 'agent', start: true }),
    )
    if (typeof admitted === 'symbol') return 'died'
    const { id, decision, reasons } = admitted.action
    if (decision === 'allow') await system.attempt((flow) => flow.report(id, { outcome: 'failed', cost: 0 }))
    if ((decision === 'allow') === fits || tries === 20)
      return [decision, ...reasons.map(({ code, message }) => `${code}: ${message}`)].join(' ')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function scarceViolations(system: System): Promise<string[]> {
  const counts = new Map<string, number>()
  for (const { agent, name, state } of await system.read(allActions)) {
    if (name !== 'scarce' || ['denied', 'expired', 'cancelled'].includes(state.name)) continue
    counts.set(agent, (counts.get(agent) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count > SCARCE_LIMIT)
    .map(([agent, count]) => `${agent} was let through ${count} times`)
}

/** mulberry32 (public domain): small, seeded, good enough for schedules. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
