import { expect, test } from 'vitest'
import { Random } from '../../../../bench/anomalies/random.ts'
import { Simulation } from '../../../../bench/anomalies/simulate.ts'
import { DAY, MINUTE, PROFILES, START, Traffic, type Event } from '../../../../bench/anomalies/traffic.ts'
import type { BaselineKey, BaselineRow, Baselines } from '../../../storage/baselines.ts'
import { Behaviour, FIELD, FIELD_HEAD, FIELDS, HEAD, Learned, learnedFrom, VALUES } from './behaviour.ts'
import { BaselineKeeper } from './keep-baselines.ts'

/** Rows in memory, written as a store writes them: only over the version that they replace. */
class Rows implements Baselines {
  readonly all = new Map<string, BaselineRow>()
  readonly #key = ({ agent, action, kind }: BaselineKey): string => `${agent}/${action}/${kind}`

  heads(): Promise<readonly BaselineRow[]> {
    return Promise.resolve([...this.all.values()])
  }
  rows(keys: readonly BaselineKey[]): Promise<readonly BaselineRow[]> {
    return Promise.resolve(keys.flatMap((key) => this.all.get(this.#key(key)) ?? []))
  }
  write(writes: Parameters<Baselines['write']>[0]): Promise<readonly boolean[]> {
    return Promise.resolve(
      writes.map(({ row, replaces }) => {
        if ((this.all.get(this.#key(row))?.version ?? null) !== replaces) return false
        this.all.set(this.#key(row), row)
        return true
      }),
    )
  }
  drop(): Promise<void> {
    this.all.clear()
    return Promise.resolve()
  }
}

const PROFILE = { ...PROFILES[1]!, pace: 300 }

function replica(rows: Rows): { simulation: Simulation; keeper: BaselineKeeper } {
  const simulation = new Simulation({ then: 'alert', expect: '300 per hour' })
  const keeper = new BaselineKeeper(
    { baselines: rows, dialect: 'postgres', now: () => START },
    simulation.watch,
  )
  return { simulation, keeper }
}

const wholeOf = (simulation: Simulation): Behaviour => simulation.watch.agents.get('agent')!.whole

test('replicas that see the traffic by turns come to the same, and to what one would that sees it all', async () => {
  const rows = new Rows()
  const replicas = [replica(rows), replica(rows), replica(rows)]
  const alone = new Simulation({ then: 'alert', expect: '300 per hour' })
  const traffic = new Traffic(PROFILE, 5)
  const random = new Random(6)
  for (let at = START; at < START + 3 * DAY; at += MINUTE) {
    for (const event of traffic.minute(at)) {
      replicas[random.below(3)]!.simulation.arrive(event)
      alone.arrive(event)
    }
    for (const { simulation } of [...replicas, { simulation: alone }]) simulation.minute(at + MINUTE)
    if (at % (5 * MINUTE) === 0) await replicas[random.below(3)]!.keeper.exchange()
  }
  for (const { simulation } of [...replicas, { simulation: alone }]) simulation.end(START + 4 * DAY)
  for (let round = 0; round < 2; round++) for (const { keeper } of replicas) await keeper.exchange()

  const one = wholeOf(alone).learned
  const [first, ...others] = replicas.map(({ simulation }) => wholeOf(simulation).learned)
  for (const other of others) expect(new Uint8Array(other.bytes)).toEqual(new Uint8Array(first!.bytes))
  expect(first!.head[HEAD.total]).toBe(one.head[HEAD.total])
  expect(first!.counts).toEqual(one.counts)
  expect(first!.covered).toEqual(one.covered)
  for (const [place, value] of one.shares.entries())
    expect(first!.shares[place]! / (value || 1)).toBeCloseTo(value === 0 ? 0 : 1, 2)
  for (let field = 0; field < FIELDS; field++) expect(valuesOf(first!, field)).toEqual(valuesOf(one, field))
  // Nobody cried wolf because others worked as well.
  for (const { simulation } of replicas)
    expect(simulation.told.filter(({ detector }) => detector === 'rate')).toEqual([])
}, 60_000)

test('a burst that is spread over the replicas is found by each, at what all of them saw', async () => {
  const rows = new Rows()
  const replicas = [replica(rows), replica(rows), replica(rows)]
  const traffic = new Traffic({ ...PROFILE, night: 1, weekend: 1, noise: 0.02 }, 7)
  let turn = 0
  const found = new Set<Simulation>()
  for (let at = START; at < START + 5 * DAY; at += MINUTE) {
    const burst = at >= START + 5 * DAY - 60 * MINUTE
    for (const event of traffic.minute(at, burst ? 'rate' : undefined))
      replicas[turn++ % 3]!.simulation.arrive(event)
    for (const { simulation } of replicas) simulation.minute(at + MINUTE)
    if (burst || at % (30 * MINUTE) === 0) for (const { keeper } of replicas) await keeper.exchange()
    for (const { simulation } of replicas) {
      const told = simulation.told.some(({ detector }) => detector === 'rate')
      if (told && !burst)
        throw new Error(simulation.told.find(({ detector }) => detector === 'rate')!.message)
      if (told) found.add(simulation)
    }
  }
  expect(found.size).toBe(3)
}, 60_000)

test('a restart goes on with what was written, and bytes that are none of ours begin anew', async () => {
  const rows = new Rows()
  const before = replica(rows)
  const traffic = new Traffic(PROFILE, 8)
  const events: Event[] = []
  for (let at = START; at < START + DAY; at += MINUTE) {
    for (const event of traffic.minute(at)) before.simulation.arrive(event)
    before.simulation.minute(at + MINUTE)
  }
  await before.keeper.exchange()
  const after = replica(rows)
  await after.keeper.load(() => true)
  expect(new Uint8Array(wholeOf(after.simulation).learned.bytes)).toEqual(
    new Uint8Array(wholeOf(before.simulation).learned.bytes),
  )
  for (let at = START + DAY; at < START + DAY + 600 * MINUTE; at += MINUTE) events.push(...traffic.minute(at))
  for (const event of events) after.simulation.arrive(event)
  expect(after.simulation.told.filter(({ detector }) => detector === 'rate')).toEqual([])

  const [key, row] = [...rows.all][0]!
  rows.all.set(key, { ...row, data: new Uint8Array(row.data.length).fill(255) })
  const mended = replica(rows)
  await mended.keeper.load(() => true)
  for (const event of events.slice(0, 50)) mended.simulation.arrive(event)
  await mended.keeper.exchange()
  expect(learnedFrom(rows.all.get(key)!.data)).toBeDefined()
})

test.each([
  ['too short', new Uint8Array(100)],
  ['not a number', poisoned((learned) => learned.meters.fill(Number.NaN))],
  ['an infinite count', poisoned((learned) => learned.counts.fill(Number.POSITIVE_INFINITY))],
  ['another format', poisoned((learned) => (learned.head[HEAD.format] = 99))],
])('bytes that are %s are refused', (_what, data) => {
  expect(learnedFrom(data)).toBeUndefined()
})

function poisoned(change: (learned: Learned) => unknown): Uint8Array {
  const learned = new Learned()
  change(learned)
  return new Uint8Array(learned.bytes)
}

function valuesOf(learned: Learned, field: number): { path: number; values: readonly number[] } {
  const head = field * FIELD_HEAD.size
  const overflown = learned.fieldHeads[head + FIELD_HEAD.overflown] === 1
  const count = overflown ? 0 : learned.fieldHeads[head + FIELD_HEAD.values]!
  const values = Array.from(learned.values.subarray(field * VALUES, field * VALUES + count)).toSorted(
    (a, b) => a - b,
  )
  expect(learned.fieldNumbers[field * FIELD.size + FIELD.seen]! >= 0).toBe(true)
  return { path: learned.fieldHeads[head + FIELD_HEAD.path]!, values }
}
