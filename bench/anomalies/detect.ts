/**
 * How soon each detector finds what is injected, and how often it cries wolf, on simulated traffic: seasons of day and
 * week, bursts, growth, holidays. Time is simulated. `node bench/anomalies/detect.ts [first seed] [seeds]`
 */
import { paceSteps, sizeSteps, soonest } from './bound.ts'
import { fixedThreshold, zScore, type PlainDetector } from './plain-detectors.ts'
import { Simulation } from './simulate.ts'
import { DAY, HOUR, MINUTE, PROFILES, START, Traffic, type Injection, type Profile } from './traffic.ts'

const firstSeed = Number(process.argv[2] ?? 1)
const seeds = Number(process.argv[3] ?? 3)
const WARM = 28
const MONTH = 30
/** One a day, each in working hours of a weekday; the traffic is left in peace in between. */
const INJECTIONS: readonly { readonly kind: Injection; readonly day: number; readonly detector: string }[] = [
  { kind: 'rate', day: 28, detector: 'rate' },
  { kind: 'cost', day: 29, detector: 'cost' },
  { kind: 'loop', day: 30, detector: 'repeat' },
  { kind: 'cycle', day: 31, detector: 'repeat' },
  { kind: 'errors', day: 32, detector: 'errors' },
  { kind: 'similar loop', day: 35, detector: 'repeat' },
  { kind: 'host', day: 36, detector: 'novel' },
]
const LASTS = 60 * MINUTE
const END = 42

interface Outcome {
  /** By injection: minutes, or calls for loops, until it was found; Infinity: never. */
  readonly delays: Map<Injection, number>
  falseAlarms: string[]
  falseFirstWeek: number
}

function run(
  profile: Profile,
  seed: number,
): { ours: Outcome; plain: Map<string, Outcome>; events: number; cpu: number } {
  const traffic = new Traffic(profile, seed)
  const simulation = new Simulation({ then: 'alert', expect: `${profile.pace} per hour` })
  const plain: PlainDetector[] = [fixedThreshold(profile.pace), zScore()]
  const outcome = (): Outcome => ({
    delays: new Map(INJECTIONS.map(({ kind }) => [kind, Infinity])),
    falseAlarms: [],
    falseFirstWeek: 0,
  })
  const ours = outcome()
  const theirs = new Map(plain.map(({ name }) => [name, outcome()]))
  const quietUntil = new Map<string, number>()
  let spent = 0n
  for (let at = START; at < START + END * DAY; at += MINUTE) {
    const day = Math.floor((at - START) / DAY)
    const begins = START + day * DAY + 10 * HOUR + ((seed * 37) % 300) * MINUTE
    const injection = INJECTIONS.find((one) => one.day === day && at >= begins && at < begins + LASTS)
    const events = traffic.minute(at, injection?.kind)
    let calls =
      injection?.kind.includes('loop') || injection?.kind === 'cycle' ? ((at - begins) / MINUTE) * 20 : 0
    const from = process.hrtime.bigint()
    for (const event of events) {
      const before = simulation.told.length
      simulation.arrive(event)
      if (event.session === 'stuck' || (injection?.kind === 'host' && event.action === 'crm.read')) calls++
      for (const anomaly of simulation.told.slice(before)) {
        if (injection !== undefined) {
          if (anomaly.detector !== injection.detector || ours.delays.get(injection.kind) !== Infinity)
            continue
          const isLoop = injection.detector === 'repeat' || injection.kind === 'host'
          ours.delays.set(injection.kind, isLoop ? calls : (anomaly.at - begins) / MINUTE)
        } else if (at > begins + LASTS + 30 * MINUTE || at < begins || day < WARM) {
          ours.falseAlarms.push(
            `day ${day} ${new Date(at).toISOString().slice(11, 16)} ${anomaly.code} ${anomaly.action ?? '*'}: ${anomaly.message}`,
          )
          if (day < 7) ours.falseFirstWeek++
        }
      }
    }
    spent += process.hrtime.bigint() - from
    simulation.minute(at + MINUTE)
    if (injection !== undefined && at + MINUTE >= begins + LASTS) simulation.watch.resumed('agent')
    for (const detector of plain) {
      const result = theirs.get(detector.name)!
      for (const found of detector.minute(at, events)) {
        const key = `${detector.name} ${found}`
        const quiet = (quietUntil.get(key) ?? 0) > at
        // One alarm for what goes on without a pause of ten minutes.
        quietUntil.set(key, at + 10 * MINUTE)
        if (injection !== undefined) {
          if (found === injection.detector && result.delays.get(injection.kind) === Infinity)
            result.delays.set(injection.kind, (at + MINUTE - begins) / MINUTE)
        } else if (!quiet && (at > begins + LASTS + 30 * MINUTE || at < begins || day < WARM)) {
          result.falseAlarms.push(key)
          if (day < 7) result.falseFirstWeek++
        }
      }
    }
  }
  return { ours, plain: theirs, events: simulation.events, cpu: Number(spent) / 1e3 / simulation.events }
}

const lines: string[][] = [
  ['profile', 'detector', ...INJECTIONS.map(({ kind }) => kind), 'false/month', 'week 1'],
]
console.log(
  `seeds ${firstSeed}–${firstSeed + seeds - 1}, ${END} days each; median delay (max): minutes for rate, cost, errors; calls for loops and host`,
)
for (const profile of PROFILES) {
  if (process.argv[4] !== undefined && !profile.name.startsWith(process.argv[4])) continue
  const runs = Array.from({ length: seeds }, (_, n) => run(profile, firstSeed + n))
  const row = (name: string, outcomes: readonly Outcome[]): void => {
    const months = (outcomes.length * END) / MONTH
    lines.push([
      profile.name,
      name,
      ...INJECTIONS.map(({ kind }) => delays(outcomes.map((one) => one.delays.get(kind)!))),
      (outcomes.reduce((sum, one) => sum + one.falseAlarms.length, 0) / months).toFixed(2),
      (outcomes.reduce((sum, one) => sum + one.falseFirstWeek, 0) / outcomes.length).toFixed(2),
    ])
  }
  row(
    'belay',
    runs.map(({ ours }) => ours),
  )
  for (const name of ['fixed threshold', 'z-score'])
    row(
      name,
      runs.map(({ plain }) => plain.get(name)!),
    )
  const [rate, cost] = bestPossible(profile, runs.reduce((sum, { events }) => sum + events, 0) / runs.length)
  lines.push([
    profile.name,
    'best possible, mean',
    rate.toFixed(1),
    cost.toFixed(1),
    ...INJECTIONS.slice(2).map(() => ''),
    '1.00',
    '',
  ])
  const cpu = runs.reduce((sum, one) => sum + one.cpu, 0) / runs.length
  console.error(
    `${profile.name}: ${runs[0]!.events} actions a run, ${cpu.toFixed(1)} µs each (simulation included)`,
  )
  if (process.env['BELAY_SHOW'] === '1')
    for (const [n, { ours }] of runs.entries())
      for (const one of ours.falseAlarms) console.error(`  seed ${firstSeed + n} ${one}`)
}
const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
for (const line of lines) console.log(line.map((cell, column) => cell.padEnd(widths[column]!)).join('  '))

/**
 * Minutes that the best test needs on average to find a pace and costs that are three times as high, at one false alarm a
 * month: one that knows the pace of this very hour and the distribution of costs, in traffic that has no bursts, and looks
 * for nothing else. What begins while such a test has no suspicion takes it this long.
 */
function bestPossible(profile: Profile, events: number): readonly [rate: number, cost: number] {
  let pace = 0
  for (let n = 0; n < seeds; n++) {
    const traffic = new Traffic(profile, firstSeed + n)
    const day = START + INJECTIONS[0]!.day * DAY
    pace += traffic.usual(day + 10 * HOUR + (((firstSeed + n) * 37) % 300) * MINUTE) / seeds
  }
  const monthly = (events * MONTH) / END
  const arrivals = soonest(paceSteps(3), monthly)
  return [(arrivals * 60) / (3 * pace), (soonest(sizeSteps(3, profile.costSpread), monthly) * 60) / pace]
}

function delays(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b)
  const show = (value: number): string => (value === Infinity ? 'never' : String(Number(value.toFixed(1))))
  return `${show(sorted[sorted.length >> 1]!)} (${show(sorted.at(-1)!)})`
}
