import type { JsonObject } from '../../src/action/json.ts'
import { Random } from './random.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** A Monday. */
export const START = Date.UTC(2026, 0, 5)

/** How an agent works when nothing is wrong. */
export interface Profile {
  readonly name: string
  /** Actions an hour at the busiest time. */
  readonly pace: number
  /** Share of that at night and at weekends. */
  readonly night: number
  readonly weekend: number
  /** Of the logarithm: how hours differ from what their time would have them be. */
  readonly noise: number
  /** Bursts a day, and how many actions each has. */
  readonly bursts: number
  readonly burst: number
  /** A week. */
  readonly growth: number
  /** Of the logarithm of a cost; the mean is a cent. */
  readonly costSpread: number
  readonly failures: number
  readonly recipients: number
  /** Share of actions that go to somebody new. */
  readonly strangers: number
  /** Works from nine to five, and hardly before and after. */
  readonly shift: boolean
  /** Asks the same every so often, ms; 0: never. */
  readonly polls: number
}

const PLAIN: Profile = {
  name: '',
  pace: 0,
  night: 0.1,
  weekend: 0.3,
  noise: 0.15,
  bursts: 0,
  burst: 0,
  growth: 0.02,
  costSpread: 0.7,
  failures: 0.02,
  recipients: 30,
  strangers: 0,
  shift: false,
  polls: 0,
}

export const PROFILES: readonly Profile[] = [
  { ...PLAIN, name: 'office, 60 an hour', pace: 60 },
  { ...PLAIN, name: 'service, 600 an hour', pace: 600, night: 0.3, weekend: 0.6 },
  { ...PLAIN, name: 'busy, 2,400 an hour', pace: 2400, night: 0.4, weekend: 0.7, costSpread: 1 },
  { ...PLAIN, name: 'bursty, 300 an hour', pace: 300, bursts: 3, burst: 60, noise: 0.25 },
  { ...PLAIN, name: 'nine to five, 300 an hour', pace: 300, night: 0.02, weekend: 0.02, shift: true },
  { ...PLAIN, name: 'growing, 400 an hour', pace: 400, growth: 0.12, strangers: 0.002 },
  {
    ...PLAIN,
    name: 'polling, 240 an hour',
    pace: 240,
    night: 0.9,
    weekend: 0.9,
    polls: 20_000,
    failures: 0.05,
  },
]

export interface Event {
  readonly at: number
  readonly action: string
  readonly session: string
  readonly input: JsonObject
  /** Nano-dollars. */
  readonly cost: number
  readonly latency: number
  readonly failed: boolean
  /** Hash of the call, as hexadecimal. */
  readonly digest: string
}

/** What is done to the traffic from one minute to another. */
export type Injection = 'rate' | 'cost' | 'errors' | 'loop' | 'cycle' | 'similar loop' | 'host'

const ACTIONS = ['model.generate', 'crm.read', 'mail.send', 'crm.update'] as const
const NEXT: readonly (readonly number[])[] = [
  [0.3, 0.4, 0.2, 0.1],
  [0.7, 0.2, 0.05, 0.05],
  [0.6, 0.3, 0.05, 0.05],
  [0.5, 0.3, 0.15, 0.05],
]

export class Traffic {
  readonly profile: Profile
  readonly #random: Random
  #hour = -1
  #factor = 1
  #last = 0
  #session = 0
  #holiday: ReadonlySet<number>
  #people = 0
  #number = 0
  #polled = START
  #bursts: number[] = []
  #outageUntil = 0

  constructor(profile: Profile, seed: number) {
    this.profile = profile
    this.#random = new Random(seed)
    this.#people = profile.recipients
    const days = [9 + this.#random.below(10), 21 + this.#random.below(7)]
    this.#holiday = new Set(days)
  }

  /** Actions an hour that the time and the growth ask for. */
  usual(at: number): number {
    const { pace, night, weekend, growth } = this.profile
    const day = Math.floor((at - START) / DAY)
    const hour = ((at - START) % DAY) / HOUR
    // From night to noon and back.
    const light = Math.max(0, Math.sin(((hour - 6) / 14) * Math.PI)) * (hour > 6 && hour < 20 ? 1 : 0)
    const works = hour >= 9 && hour < 17 ? 1 : 0
    const season = night + (1 - night) * (this.profile.shift ? works : light)
    const ofWeek = day % 7 >= 5 ? weekend : 1
    const ofDay = this.#holiday.has(day) ? Math.min(0.2, ofWeek) : ofWeek
    return pace * season * ofDay * (1 + growth) ** (day / 7)
  }

  /** What happens in the minute that begins at `from`, in order of time. */
  minute(from: number, injection?: Injection): Event[] {
    const random = this.#random
    const hour = Math.floor(from / HOUR)
    if (hour !== this.#hour) {
      this.#hour = hour
      this.#factor = Math.exp(this.profile.noise * random.normal() - this.profile.noise ** 2 / 2)
      if (random.next() < 1 / 150) this.#outageUntil = from + 8 * MINUTE
      if ((from - START) % DAY < HOUR) {
        this.#bursts = Array.from(
          { length: random.poisson(this.profile.bursts) },
          () => from + random.below(DAY / MINUTE) * MINUTE,
        )
      }
    }
    const rate = this.usual(from) * this.#factor * (injection === 'rate' ? 3 : 1)
    const times: number[] = []
    for (let n = random.poisson(rate / 60); n > 0; n--) times.push(from + random.next() * MINUTE)
    if (this.#bursts.some((at) => at === from)) {
      const size = this.profile.burst * Math.exp(0.4 * random.normal())
      for (let n = 0; n < size; n++) times.push(from + random.next() * MINUTE)
    }
    times.sort((a, b) => a - b)
    const events = times.map((at) => this.#event(Math.floor(at), injection))
    if (this.profile.polls > 0)
      for (; this.#polled < from + MINUTE; this.#polled += this.profile.polls) {
        if (this.#polled < from) continue
        events.push(
          call(Math.floor(this.#polled), 'poller', 'queue.status', { queue: 'inbox' }, 0, 40, false),
        )
      }
    if (injection === 'loop' || injection === 'cycle' || injection === 'similar loop')
      this.#loop(events, from, injection)
    return events.toSorted((a, b) => a.at - b.at)
  }

  /** One call every three seconds. */
  #loop(events: Event[], from: number, kind: Injection): void {
    for (let n = 0; n < 20; n++) {
      const at = from + n * 3000 + 500
      this.#number++
      const other = kind === 'cycle' && n % 2 === 1
      const page = kind === 'similar loop' ? this.#number : 1
      events.push(
        call(
          at,
          'stuck',
          other ? 'crm.update' : 'crm.read',
          { customer: 'c-1', query: `find order ${page} again` },
          1e7,
          500,
          false,
        ),
      )
    }
  }

  #event(at: number, injection: Injection | undefined): Event {
    const random = this.#random
    const { costSpread, failures, strangers } = this.profile
    if (random.next() < 0.1) this.#session++
    let next = 0
    for (let draw = random.next(); next < 3 && draw >= NEXT[this.#last]![next]!; next++)
      draw -= NEXT[this.#last]![next]!
    this.#last = next
    const action = ACTIONS[next]!
    if (strangers > 0 && random.next() < strangers) this.#people++
    const customer = `c-${Math.floor(this.#people * random.next() ** 2)}`
    const cost = Math.round(1e7 * Math.exp(costSpread * random.normal()) * (injection === 'cost' ? 3 : 1))
    const rate = injection === 'errors' ? 0.4 : at < this.#outageUntil ? 0.08 : failures
    const failed = random.next() < rate
    const latency = 800 * Math.exp(0.6 * random.normal())
    return call(
      at,
      `s-${this.#session}`,
      action,
      this.#input(action, customer, injection),
      cost,
      latency,
      failed,
    )
  }

  #input(action: string, customer: string, injection: Injection | undefined): JsonObject {
    const random = this.#random
    const words = Array.from({ length: 6 }, () => WORDS[random.below(WORDS.length)]!).join(' ')
    const host = injection === 'host' ? 'files.collector.example' : 'crm.example.com'
    switch (action) {
      case 'model.generate':
        return {
          provider: 'openai',
          model: random.next() < 0.8 ? 'large' : 'small',
          max_tokens: 500,
          text: words,
        }
      case 'crm.read':
        return { customer, query: words, url: `https://${host}/v2/${customer}` }
      case 'mail.send':
        return { to: `${customer}@example.com`, subject: words, html: random.next() < 0.5 }
      default:
        return { customer, note: words, amount: random.below(10_000) / 100 }
    }
  }
}

const WORDS =
  'order invoice refund delivery late address change account window parcel question answer price size colour return thanks weekend phone number'.split(
    ' ',
  )

function call(
  at: number,
  session: string,
  action: string,
  input: JsonObject,
  cost: number,
  latency: number,
  failed: boolean,
): Event {
  let hash = 0x811c9dc5
  for (const code of Buffer.from(JSON.stringify([action, input]))) hash = Math.imul(hash ^ code, 0x01000193)
  const digest = `sha256:${'0'.repeat(56)}${(hash >>> 0).toString(16).padStart(8, '0')}`
  return { at, action, session, input, cost, latency: Math.round(latency), failed, digest }
}
