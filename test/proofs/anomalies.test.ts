import { expect, test, vi } from 'vitest'
import { Random } from '../../bench/anomalies/random.ts'
import { Simulation } from '../../bench/anomalies/simulate.ts'
import type { Event } from '../../bench/anomalies/traffic.ts'
import { Behaviour, DAY, HOUR, STATS } from '../../src/flow/monitor/baselines/behaviour.ts'
import { isAbove } from '../../src/flow/monitor/baselines/evidence.ts'
import { fieldAt, learnValue, observe } from '../../src/flow/monitor/baselines/fields.ts'
import { Loops } from '../../src/flow/monitor/baselines/loops.ts'
import { measure } from '../../src/flow/monitor/baselines/meters.ts'
import { countArrival, cover, refreshRate } from '../../src/flow/monitor/baselines/rate.ts'
import { tryOnce } from '../../src/flow/monitor/baselines/shares.ts'
import { LOOP } from '../../src/flow/monitor/baselines/thresholds.ts'

const RUNS = Number(process.env['BELAY_ANOMALY_RUNS'] ?? 400)
const SEED = Number(process.env['BELAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed ${SEED}, ${RUNS} runs a detector`)

vi.setConfig({ testTimeout: 60_000 + 100 * RUNS })

const START = Date.UTC(2026, 0, 5)
/** Steps in each run, and the share of runs that may raise a false alarm: the thresholds are set by both. */
const STEPS = 400
const PROMISED = 0.05
const THRESHOLD = Math.log(STEPS / PROMISED)

/** The share of runs with a false alarm that is within the promise, given what chance explains. */
function promised(statistics: number): number {
  const share = Math.min(1, PROMISED * statistics)
  return share + 4 * Math.sqrt((share * (1 - share)) / RUNS)
}

/** When a run's statistics first pass their thresholds; Infinity: never. */
type Run = (random: Random, change: number) => number

const rate =
  (changedFrom: number): Run =>
  (random, change) => {
    const b = new Behaviour()
    const pace = 600
    const from = START + 2 * 7 * DAY
    for (let hour = START; hour < from; hour += HOUR) {
      cover(b, hour, 60)
      b.learned.counts[Math.floor(hour / HOUR) % b.learned.counts.length] = random.poisson(pace)
    }
    b.learned.head[2] = START
    b.thresholds.fill(THRESHOLD)
    b.least = THRESHOLD
    let at = from
    for (let step = 0; step < STEPS; step++) {
      // What a greater change adds comes on top of what a smaller one does.
      at += random.exponential(HOUR / (pace * 16))
      const draw = random.next()
      if (draw > (step < changedFrom ? 1 : change) / 16) {
        step--
        continue
      }
      if (at >= b.freshUntil) refreshRate(b, { expect: null }, at)
      countArrival(b, at)
      if (STATS.rate.some((stat) => isAbove(b, stat))) return at
    }
    return Infinity
  }

const meter =
  (name: 'cost' | 'latency' | 'asked', changedFrom: number): Run =>
  (random, change) => {
    const b = new Behaviour()
    for (let n = 0; n < 300; n++) measure(b, name, 1e6 * Math.exp(0.8 * random.normal()), START + n)
    b.now.fill(0)
    b.thresholds.fill(THRESHOLD)
    for (let step = 0; step < STEPS; step++) {
      const value = 1e6 * Math.exp(0.8 * random.normal()) * (step < changedFrom ? 1 : change)
      measure(b, name, value, START + 1000 + step)
      if (STATS[name].some((stat) => isAbove(b, stat))) return step
    }
    return Infinity
  }

const share =
  (name: 'failed' | 'unknown' | 'held' | 'denied', changedFrom: number): Run =>
  (random, change) => {
    const b = new Behaviour()
    for (let n = 0; n < 500; n++) tryOnce(b, name, random.next() < 0.03, START + n)
    b.now.fill(0)
    b.thresholds.fill(THRESHOLD)
    for (let step = 0; step < STEPS; step++) {
      const hit = random.next() < 0.03 * (step < changedFrom ? 1 : change)
      tryOnce(b, name, hit, START + 1000 + step)
      if (STATS[name].some((stat) => isAbove(b, stat))) return step
    }
    return Infinity
  }

const DETECTORS: readonly [string, number, (changedFrom: number) => Run][] = [
  ['rate', STATS.rate.length, rate],
  ['cost', STATS.cost.length, (from) => meter('cost', from)],
  ['cost set aside', STATS.asked.length, (from) => meter('asked', from)],
  ['latency', STATS.latency.length, (from) => meter('latency', from)],
  ['failures', STATS.failed.length, (from) => share('failed', from)],
  ['unknown ends', STATS.unknown.length, (from) => share('unknown', from)],
  ['held', STATS.held.length, (from) => share('held', from)],
  ['denied', STATS.denied.length, (from) => share('denied', from)],
]

test.each(DETECTORS)('%s: false alarms come no more often than promised', (name, statistics, make) => {
  const run = make(Infinity)
  let alarms = 0
  for (let n = 0; n < RUNS; n++) if (run(new Random(SEED + n), 1) < Infinity) alarms++
  console.log(
    `${name}: ${alarms} of ${RUNS} runs raised a false alarm; promised ${PROMISED * statistics * RUNS}`,
  )
  expect(alarms / RUNS).toBeLessThanOrEqual(promised(statistics))
})

test.each(DETECTORS)('%s: the greater the change, the sooner it is found', (_name, _statistics, make) => {
  const run = make(20)
  const runs = Math.max(20, RUNS / 20)
  // In the median: one run may be slower by a few steps, because what came before the alarm taught as well.
  let before = Infinity
  for (const change of [1, 2, 4, 8, 16]) {
    const found = Array.from({ length: runs }, (_, n) => run(new Random(SEED + n), change))
    const median = found.toSorted((a, b) => a - b)[runs >> 1]!
    expect(median).toBeLessThanOrEqual(before)
    before = median
    if (change === 16) expect(found.filter((at) => at === Infinity)).toEqual([])
  }
})

test('a field that has new values now and then raises few alarms in all its life, whatever their rate', () => {
  const runs = Math.max(20, RUNS / 10)
  let alarms = 0
  for (let n = 0; n < runs; n++) {
    const random = new Random(SEED + n)
    const b = new Behaviour()
    const field = fieldAt(b, 1)
    const aDay = Math.exp(Math.log(0.05) + random.next() * Math.log(400))
    let values = 1
    for (let at = START; at < START + 30 * DAY; at += HOUR / 12) {
      const isNew = random.next() < (aDay * HOUR) / 12 / DAY
      const value = isNew ? ++values : 1 + random.below(values)
      const novelty = observe(b, field, value, at)
      if (novelty === 'novel') alarms++
      if (novelty !== 'known') learnValue(b, field, value, at)
    }
  }
  // In a month, over rates from one new value in twenty days to twenty a day.
  expect(alarms / runs).toBeLessThan(1.5)
})

test('calls that are drawn at random from a dozen are no loop', () => {
  for (let n = 0; n < RUNS / 4; n++) {
    const random = new Random(SEED + n)
    const loops = new Loops()
    for (let call = 0; call < STEPS; call++) {
      loops.follow(1, 1, 1 + random.below(40), 1 + random.below(40), call)
      expect(loops.exact).toBeLessThanOrEqual(LOOP)
    }
  }
})

test.each([1, 2, 3, 4])('a loop of %d calls is found within 20', (length) => {
  const loops = new Loops()
  let calls = 0
  while (loops.exact <= LOOP) loops.follow(1, 1, 100 + (calls % length), 7, calls++)
  expect(calls).toBeLessThanOrEqual(20)
})

test('a loop is found within 20 calls among the sessions of a busy agent', () => {
  const random = new Random(SEED)
  const loops = new Loops()
  let calls = 0
  // Between two calls of the loop come two others, and every tenth begins a session.
  for (let at = 0; loops.exact <= LOOP && calls < 100; at++) {
    if (at % 3 === 0) {
      calls++
      loops.follow(-7, 1, 7, 7, at)
    } else loops.follow(Math.floor(at / 10) * 32 - 7, 1, 1000 + random.below(1000), 2000 + at, at)
  }
  expect(calls).toBeLessThanOrEqual(20)
})

test('an agent is used to its bursts, and a lasting change is still found', () => {
  const random = new Random(SEED)
  const simulation = new Simulation({ then: 'alert', expect: '300 per hour' })
  const rates = (): number => simulation.told.filter(({ detector }) => detector === 'rate').length
  const from = START + 9 * DAY
  for (let at = START; at < from + 30 * 60_000; at += 60_000) {
    const isBurst = random.next() < 3 / 1440
    const pace = at < from ? 300 : 900
    const count = random.poisson(pace / 60) + (isBurst ? random.poisson(60) : 0)
    const times = Array.from({ length: count }, () => Math.floor(random.next() * 60_000))
    for (const into of times.toSorted((a, b) => a - b)) simulation.arrive(event(at + into))
    simulation.minute(at + 60_000)
    if (at === from - 60_000) expect(rates()).toBeLessThanOrEqual(1)
    if (at === from - 60_000) simulation.told.length = 0
  }
  expect(rates()).toBeGreaterThan(0)
})

test('costs that are three times as high in all of an agent’s actions are found in what all of them say', () => {
  const random = new Random(SEED)
  const simulation = new Simulation({ then: 'alert', expect: '60 per hour' })
  const names = ['a.one', 'a.two', 'a.three', 'a.four', 'a.five', 'a.six']
  const act = (at: number, times: number): void => {
    const action = names[random.below(names.length)]!
    const cost = 1e7 * (1 + names.indexOf(action)) * Math.exp(0.7 * random.normal()) * times
    simulation.arrive(event(at, { action, cost }))
  }
  let at = START
  for (let n = 0; n < 3000; n++) act((at += 60_000), 1)
  const costs = (): number => simulation.told.filter(({ detector }) => detector === 'cost').length
  expect(costs()).toBe(0)
  let calls = 0
  while (costs() === 0 && calls < 100) {
    act((at += 60_000), 3)
    calls++
  }
  expect(calls).toBeLessThan(40)
})

const event = (at: number, change: Partial<Event> = {}): Event => ({
  at,
  action: 'crm.read',
  session: `s-${at % 97}`,
  input: { customer: `c-${at % 11}`, url: 'https://crm.example.com/' },
  cost: 1e7,
  latency: 500,
  failed: false,
  digest: `sha256:${'0'.repeat(56)}${(((at * 2_654_435_761) % 2 ** 32) | 0).toString(16).replace('-', '').padStart(8, '0').slice(-8)}`,
  ...change,
})

/** Poisson traffic of a pace that may change, minute by minute; `clock` says what time it is taken to be. */
function drive(
  simulation: Simulation,
  random: Random,
  { days, pace, from = START }: { days: number; pace: (day: number) => number; from?: number },
  clock: (at: number) => number = (at) => at,
): void {
  for (let at = from; at < from + days * DAY; at += 60_000) {
    const times = Array.from({ length: random.poisson(pace((at - from) / DAY) / 60) }, () =>
      Math.floor(random.next() * 60_000),
    )
    for (const into of times.toSorted((a, b) => a - b)) simulation.arrive(event(clock(at + into)))
    simulation.minute(clock(at + 60_000))
  }
}

test('a clock that is set back or forward, and gaps, raise no alarm and leave what was learned sound', () => {
  const random = new Random(SEED)
  const simulation = new Simulation({ then: 'alert', expect: '120 per hour' })
  const steps = [-HOUR, 3 * HOUR, -5_000, 26 * HOUR, -2 * DAY, 30 * DAY]
  let offset = 0
  let minutes = 0
  drive(simulation, random, { days: 12, pace: () => 120 }, (at) => {
    if (++minutes % 40_000 === 0) offset += steps[(minutes / 40_000 - 1) % steps.length]!
    return at + offset
  })
  expect(minutes).toBeGreaterThan(40_000)
  const rates = simulation.told.filter(({ detector }) => detector === 'rate')
  expect(rates).toEqual([])
  const { whole } = simulation.watch.agents.get('agent')!
  expect([...whole.now, ...whole.week, ...whole.learned.counts].every(Number.isFinite)).toBe(true)
  expect(whole.expected).toBeGreaterThan(60)
  expect(whole.expected).toBeLessThan(300)
})

test('hours in which the harness did not run teach nothing: after a night off the morning is normal', () => {
  const random = new Random(SEED)
  const simulation = new Simulation({ then: 'alert', expect: '120 per hour' })
  for (let day = 0; day < 9; day++)
    drive(simulation, random, { days: 0.5, pace: () => 120, from: START + day * DAY })
  const { whole } = simulation.watch.agents.get('agent')!
  expect(Math.min(...whole.week)).toBeGreaterThan(80)
  expect(simulation.told.filter(({ detector }) => detector === 'rate')).toEqual([])
})

test('whoever raises the pace slowly teaches the baseline; the absolute limits stop them', () => {
  // Eight percent a day: eightfold after four weeks.
  const slowly = { days: 28, pace: (day: number) => 20 * 1.08 ** day }
  const learning = new Simulation({ then: 'pause', expect: '20 per hour' })
  drive(learning, new Random(SEED), slowly)
  // Not more than false alarms are: growing eightfold is none of its findings.
  expect(learning.told.filter(({ detector }) => detector === 'rate').length).toBeLessThan(4)
  expect(learning.watch.agents.get('agent')!.meanPerHour).toBeGreaterThan(80)

  const limited = new Simulation({
    then: 'pause',
    expect: '20 per hour',
    limits: { growth: 3, rate: '400 per hour' },
  })
  drive(limited, new Random(SEED), slowly)
  const [first] = limited.told.filter(({ detector }) => detector === 'limit')
  expect(first).toMatchObject({ code: 'anomaly:limit', response: 'pause' })
  expect(first!.message).toMatch(/grown from 20 to 6\d actions an hour; the policy allows 3 times/)
  const days = (first!.at - START) / DAY
  expect(days).toBeGreaterThan(12)
  expect(days).toBeLessThan(20)
})

test('what an anomaly counts does not become normal by lasting a day', () => {
  const simulation = new Simulation({ then: 'pause', expect: '60 per hour' })
  const random = new Random(SEED)
  drive(simulation, random, { days: 16, pace: () => 60 })
  const before = simulation.watch.agents.get('agent')!.whole.expected
  drive(simulation, random, { days: 1, pace: () => 600, from: START + 16 * DAY })
  const after = simulation.watch.agents.get('agent')!.whole.expected
  expect(simulation.told.some(({ detector }) => detector === 'rate')).toBe(true)
  expect(after).toBeLessThan(2.5 * before)
})
