import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFlow } from '../../src/flow/open-flow.ts'
import { policyOf } from '../setup/flow-on.ts'
import { DIALECTS, newDatabase, type Database, type Dialect } from './databases.ts'
import { allActions, violationsIn } from './invariants.ts'

/** `npm run proof:kills` does 20. */
const KILLS = Number(process.env['BELAY_KILLS'] ?? 6)
const COST = 10_000_000
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))

const policyText = (limit: number): string => `
version: 1
budget: [{ limit_usd: ${limit / 1e9}, per: month }]
agents: { worker: { rate: [{ limit: 1000000, per: month }] } }
actions: { work: { effect: irreversible, cost_usd: ${COST / 1e9}, timeout: 10m } }
`

/** Processes on one database, and the files in which the outside world remembers. */
class Ground {
  readonly limit: number
  readonly database: Database
  readonly #folder = mkdtempSync(join(tmpdir(), 'belay-kill-'))
  readonly #running = new Set<ChildProcess>()

  constructor(database: Database, actions: number) {
    this.database = database
    this.limit = actions * COST
    for (const name of ['effects', 'acknowledged']) writeFileSync(join(this.#folder, name), '')
  }

  start(): ChildProcess {
    const { dialect, where } = this.database
    const files = ['effects', 'acknowledged'].map((name) => join(this.#folder, name))
    const child = spawn(process.execPath, [WORKER, dialect, where, policyText(this.limit), ...files], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    return child
  }

  lines(name: 'effects' | 'acknowledged'): string[] {
    const lines = readFileSync(join(this.#folder, name), 'utf8').split('\n')
    // What follows the last line break was being written when the process was killed.
    return lines.slice(0, -1)
  }

  /** Resolves when so many effects have happened, or when the process has ended. */
  async effects(count: number, child: ChildProcess): Promise<void> {
    while (child.exitCode === null && child.signalCode === null && this.lines('effects').length < count)
      await new Promise((resolve) => setTimeout(resolve, 2))
  }

  async close(): Promise<void> {
    for (const child of this.#running) await kill(child)
    rmSync(this.#folder, { recursive: true, force: true })
    await this.database.drop()
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function finish(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.exitCode).toBe(0)
}

/** Opens the database once more, as a restart would, and compares it with what the outside world remembers. */
async function expectTruth(ground: Ground): Promise<void> {
  const store = await ground.database.open()
  const policy = policyOf(policyText(ground.limit))
  const flow = await openFlow({ store, policies: { current: () => policy, onChange: () => () => undefined } })
  try {
    const effects = ground.lines('effects')
    const executed = new Map(effects.map((id) => [id, 1]))
    expect(executed.size, 'an action was executed twice').toBe(effects.length)
    const wrong = await violationsIn(store, executed, (key) =>
      key.includes('/actions/') ? 1_000_000 : ground.limit,
    )
    expect(wrong).toEqual([])

    const actions = await allActions(store)
    const states = new Map(actions.map(({ id, state }) => [id, state.name]))
    for (const id of ground.lines('acknowledged'))
      expect(states.get(id), `the outcome of ${id} was acknowledged`).toBe('succeeded')
    for (const { id, state } of actions)
      expect(['succeeded', 'unknown', 'denied'], `${id} is ${state.name}`).toContain(state.name)
    for (const id of effects) expect(['succeeded', 'unknown']).toContain(states.get(id))

    const ran = actions.filter(({ state }) => state.name !== 'denied').length
    expect(effects.length * COST).toBeLessThanOrEqual(ground.limit)
    // Not a share of the budget was lost with a process: all of it could be used, and no more.
    expect(ran * COST).toBe(ground.limit)
  } finally {
    await flow.close()
    await store.close()
  }
}

describe.each(DIALECTS)('kill -9 under load on %s', (dialect: Dialect) => {
  let database: Database
  let ground: Ground
  beforeEach(async () => {
    database = await newDatabase(dialect)
  })
  afterEach(async () => {
    await ground.close()
  })

  it(
    `${KILLS} times: nothing acknowledged is lost, nothing runs twice or beyond the budget`,
    { timeout: 180_000 },
    async () => {
      ground = new Ground(database, KILLS * 200)
      for (let kills = 0; kills < KILLS; kills++) {
        const child = ground.start()
        const before = ground.lines('effects').length
        await ground.effects(before + 1 + Math.floor(Math.random() * 150), child)
        await kill(child)
        expect(child.signalCode, 'the budget ran out before the last kill').toBe('SIGKILL')
      }
      if (dialect === 'postgres') await ground.database.expireReplicas()
      await finish(ground.start())
      await expectTruth(ground)
    },
  )
})

describe('two replicas on postgres', () => {
  let ground: Ground
  afterEach(async () => {
    await ground.close()
  })

  it(
    'one is killed with the last of the budget leased: the other spends what it left, and no more',
    { timeout: 120_000 },
    async () => {
      ground = new Ground(await newDatabase('postgres'), 400)
      const [killed, survivor] = [ground.start(), ground.start()]
      await ground.effects(340, survivor)
      await kill(killed)
      expect(killed.signalCode).toBe('SIGKILL')
      await finish(survivor)
      await expectTruth(ground)
    },
  )
})
