import type { Detector } from '../../../policy/compile-anomaly.ts'
import type { AgentRule } from '../../../policy/policy.ts'
import { Behaviour, HOUR, STATS } from './behaviour.ts'
import { mix, textHash } from './features.ts'
import { Loops } from './loops.ts'
import type { Unlearned } from './fields.ts'

/** Actions of one agent that are followed each for itself; the rest are one together. */
const MAX_ACTIONS = 256
/** The name under which those are kept: no action can have it. */
export const OTHERS = '*'
const MAX_CHARS = 200
const MAX_VALUES = 64

/** One agent: in all its actions, in each of them, and what it did last. */
export class AgentBehaviour {
  readonly name: string
  readonly whole = new Behaviour()
  readonly actions = new Map<string, Behaviour>()
  readonly loops = new Loops()
  /** The policy's entry for it when it acted last. */
  rule: AgentRule | undefined
  limitAlarmedAt = 0
  /** Novel values that nobody has said yes to. */
  #values: Unlearned[] = []
  /** When something was last told of each detector. */
  readonly toldAt = new Map<Detector, number>()
  /** What is normal, in actions an hour: worked out once an hour. */
  meanPerHour = 0
  /** Cost of what ended in this hour and in the one before, nano-dollars. */
  #spentHour = 0
  #spent = 0
  #spentBefore = 0
  readonly #hashes = new Map<string, number>()

  constructor(name: string) {
    this.name = name
  }

  /** Whether it is time to tell of it: of what lasts, or comes of the same cause in several actions, once an hour. */
  tells(detector: Detector, at: number): boolean {
    const last = this.toldAt.get(detector)
    if (last !== undefined && at - last < HOUR && at >= last) return false
    this.toldAt.set(detector, at)
    return true
  }

  notAccepted({ b, path, value }: Unlearned): void {
    if (this.#values.some((one) => one.b === b && one.path === path && one.value === value)) return
    if (this.#values.length === MAX_VALUES) this.#values.shift()
    this.#values.push({ b, path, value })
  }

  takeNotAccepted(): readonly Unlearned[] {
    const values = this.#values
    this.#values = []
    return values
  }

  action(name: string): Behaviour {
    const known = this.actions.get(name)
    if (known !== undefined) return known
    const key = this.actions.size < MAX_ACTIONS ? name : OTHERS
    let behaviour = this.actions.get(key)
    if (behaviour === undefined) {
      behaviour = new Behaviour()
      this.actions.set(key, behaviour)
    }
    return behaviour
  }

  *all(): Generator<Behaviour> {
    yield this.whole
    yield* this.actions.values()
  }

  hashOf(action: string): number {
    let hash = this.#hashes.get(action)
    if (hash === undefined) {
      hash = textHash(action, MAX_CHARS) | 1
      if (this.#hashes.size < MAX_ACTIONS) this.#hashes.set(action, hash)
    }
    return hash
  }

  /** `b`: the action's, for a loop is measured by what is usual for each of its actions. */
  follow(
    b: Behaviour,
    session: string | undefined,
    action: number,
    call: number,
    similar: number,
    at: number,
  ): void {
    const { loops } = this
    loops.follow(session === undefined ? 1 : textHash(session, 64), action, call, mix(similar, action), at)
    keepRun(b, STATS.repeat[0], loops.exact)
    keepRun(b, STATS.similar[0], loops.similar)
  }

  /** Hash of the last action of the session and this one. */
  sequence(action: number): number {
    return mix(this.loops.previous, action)
  }

  runOf(stat: number): number {
    return stat === STATS.similar[0] ? this.loops.similar : this.loops.exact
  }

  runSince(stat: number): number {
    return stat === STATS.similar[0] ? this.loops.similarStartedAt : this.loops.startedAt
  }

  /** More than ten seconds between its calls: it may be waiting for something. */
  isSlow(stat: number, at: number): boolean {
    return at - this.runSince(stat) > 10_000 * this.runOf(stat)
  }

  spend(cost: number, at: number): void {
    this.#turn(at)
    this.#spent += cost
  }

  /** Cost of what ended in the last hour, by the share of the hour before that still belongs to it. */
  spentLastHour(at: number): number {
    this.#turn(at)
    return this.#spent + this.#spentBefore * (1 - (at / HOUR - Math.floor(at / HOUR)))
  }

  #turn(at: number): void {
    const hour = Math.floor(at / HOUR)
    if (hour <= this.#spentHour) return
    this.#spentBefore = hour === this.#spentHour + 1 ? this.#spent : 0
    this.#spent = 0
    this.#spentHour = hour
  }
}

function keepRun(b: Behaviour, stat: number, run: number): void {
  b.now[stat] = run
  if (run <= b.thresholds[stat]!) b.alarmedAt[stat] = 0
  if (b.alarmedAt[stat] === 0 && run > b.ended[stat]!) b.ended[stat] = run
}
