import type { Action } from '../../../action/action.ts'
import type { Decision } from '../../../action/decision.ts'
import type { Finding, Reason } from '../../../action/finding.ts'
import type { JsonObject } from '../../../action/json.ts'
import { DETECTORS, type AnomalyRule, type Detector } from '../../../policy/compile-anomaly.ts'
import type { AgentRule } from '../../../policy/policy.ts'
import type { Case } from '../../case.ts'
import type { AnomalyObserver } from './anomaly.ts'
import { AgentBehaviour } from './agent-behaviour.ts'
import { DAY, HEAD, HOUR, STAT_COUNT, STATS, type Behaviour } from './behaviour.ts'
import { clear, forget, isAbove, keepPeaks } from './evidence.ts'
import { Features } from './features.ts'
import type { Unlearned } from './fields.ts'
import { Findings, NOTHING, type Watched } from './findings.ts'
import { overLimits } from './limits.ts'
import { acceptMeter, anchorCost, measure, TEACHING_IN_ALARM } from './meters.ts'
import { learn, learnAll, locate, lookForNovel, tellNovel } from './novel-values.ts'
import { cover, countArrival, meanRate, refreshRate } from './rate.ts'
import { acceptShare, tryOnce } from './shares.ts'
import { DETECTOR_OF, tell, tellRun } from './tell.ts'
import { isYoung, LOOP, refreshThresholds } from './thresholds.ts'
import type { PacePrior } from './week.ts'

/** Agents that are watched; of one more nothing is learned. Their names come from keys and the policy. */
const MAX_AGENTS = 2000
const MAX_PENDING = 4096
/** A gap between two ticks that is longer than this was no time of watching: a suspended machine, a clock that jumped. */
const MAX_TICK = 5 * 60_000
const MINUTE = 60_000
/** How long what a person accepted holds, until the hours of the week have learned it. */
const ACCEPTED_FOR = 14 * DAY

export interface Observed {
  readonly now: Float64Array
  readonly since: Float64Array
  readonly seen: Float64Array
  readonly sum: Float64Array
}

type Asked = Pick<Case, 'id' | 'at' | 'proposal' | 'input' | 'cost'>

/**
 * Learns how each agent behaves and notices what is unlike it. Judging is synchronous arithmetic in memory; what was
 * learned is read and written beside it, see `keep-baselines.ts`.
 */
export class Watch {
  readonly agents = new Map<string, AgentBehaviour>()
  readonly #onAnomaly: AnomalyObserver
  readonly #features = new Features()
  /** New values that belong to their fields once their action has run. */
  readonly #pending = new Map<string, readonly Unlearned[]>()
  #tickedAt = 0
  #uncovered = 0

  constructor(onAnomaly: AnomalyObserver = () => undefined) {
    this.#onAnomaly = onAnomaly
  }

  /** `undefined` when there is no room for another. */
  agent(name: string): AgentBehaviour | undefined {
    let agent = this.agents.get(name)
    if (agent === undefined && this.agents.size < MAX_AGENTS) {
      agent = new AgentBehaviour(name)
      this.agents.set(name, agent)
    }
    return agent
  }

  /** An action arrives: it is counted, and judged by all that came before. `call`: the digest of what it does. */
  arrive(asked: Asked, rule: AgentRule, call: string): Watched {
    const { anomaly } = rule
    const { proposal, at } = asked
    const agent = anomaly === null ? undefined : this.agent(proposal.agent)
    if (anomaly === null || agent === undefined) return NOTHING
    const b = agent.action(proposal.action)
    const { whole } = agent
    agent.rule = rule
    this.#freshen(agent, whole, rule, anomaly, at)
    this.#freshen(agent, b, rule, anomaly, at)
    countArrival(whole, at)
    countArrival(b, at)
    const features = this.#features
    features.read(asked.input)
    const name = agent.hashOf(proposal.action)
    agent.follow(b, proposal.session, name, callHash(call), features.similar, at)
    measure(b, 'asked', asked.cost, at, isLooping(b) ? TEACHING_IN_ALARM : 1, whole)

    let found: Findings | undefined
    if (hasAlarm(whole) || hasAlarm(b)) {
      found = new Findings(this.#onAnomaly, anomaly, asked)
      tellAlarms(found, anomaly, agent, whole, null, at, false)
      tellAlarms(found, anomaly, agent, b, proposal.action, at, false)
    }
    const { novel, unlearned } = lookForNovel(agent, b, name, features, at)
    if (novel.length > 0) {
      found ??= new Findings(this.#onAnomaly, anomaly, asked)
      const what = `${proposal.action} by ${proposal.agent}`
      for (const one of novel) {
        const field = locate(asked.input, one.path)
        const evidence = field === undefined ? undefined : { [field.name]: field.value }
        found.add(
          one.detector,
          tellNovel(one, field?.name ?? 'a field', what, at),
          proposal.action,
          true,
          evidence,
        )
      }
    }
    if (novel.length > 0 || unlearned.length > 0) {
      // What only alerts is learned when it has run: told twice it would teach nobody. The rest waits for a person.
      const teaching = novel.filter(({ detector }) => isOnlyTold(anomaly, detector))
      for (const one of novel) if (!isOnlyTold(anomaly, one.detector)) agent.notAccepted(one)
      this.#remember(asked.id, [...unlearned, ...teaching])
    }
    const limit = overLimits(agent, anomaly, asked.cost, at)
    if (limit === undefined) agent.limitAlarmedAt = 0
    else {
      found ??= new Findings(this.#onAnomaly, anomaly, asked)
      found.add('limit', limit, null, agent.limitAlarmedAt === 0)
      agent.limitAlarmedAt = at
    }
    return found === undefined ? NOTHING : found.watched()
  }

  /**
   * An action that was admitted earlier is judged again: it is not counted again. What was found then stays found until
   * a person has said yes, and what it does now, after an edit, may be new.
   */
  again(asked: Asked, rule: AgentRule, earlier: readonly Reason[]): Watched {
    const { anomaly } = rule
    if (anomaly === null) return NOTHING
    const findings: Finding[] = []
    const add = (detector: Detector, reason: Reason): void => {
      const response = anomaly.responses[detector]
      if (response === null || findings.some((one) => one.reason.code === reason.code)) return
      findings.push({ decision: response === 'alert' ? 'allow' : 'require_approval', reason })
    }
    for (const reason of earlier) {
      const detector = DETECTORS.find((one) => reason.code === `anomaly:${one}`)
      if (detector !== undefined) add(detector, reason)
    }
    const { proposal, input, at } = asked
    const agent = this.agents.get(proposal.agent)
    if (agent === undefined) return { findings }
    this.#features.read(input)
    const { novel } = lookForNovel(
      agent,
      agent.action(proposal.action),
      agent.hashOf(proposal.action),
      this.#features,
      at,
    )
    for (const one of novel) {
      const name = locate(input, one.path)?.name ?? 'a field'
      const { message } = tellNovel(one, name, `${proposal.action} by ${proposal.agent}`, at)
      if (one.detector !== 'sequence') add(one.detector, { code: `anomaly:${one.detector}`, message })
    }
    return { findings }
  }

  /** What was decided about an action that arrived and in which nothing was found. */
  decided({ at, proposal }: Pick<Asked, 'at' | 'proposal'>, effective: Decision): void {
    const agent = this.agents.get(proposal.agent)
    if (agent === undefined) return
    const b = agent.action(proposal.action)
    tryOnce(b, 'held', effective === 'require_approval', at)
    tryOnce(b, 'denied', effective === 'deny', at)
    tryOnce(agent.whole, 'held', effective === 'require_approval', at)
    tryOnce(agent.whole, 'denied', effective === 'deny', at)
  }

  /** An action has ended. `before`: in the state that it ended from. */
  finished(action: Action, before: Action, rule: AgentRule): Watched {
    const agent = this.agents.get(action.agent)
    const { anomaly } = rule
    if (anomaly === null || agent === undefined || before.state.name !== 'executing') return NOTHING
    const { state, cost } = action
    const at = 'at' in state ? state.at : action.updatedAt
    const b = agent.action(action.name)
    const unlike = action.reasons.some(({ code }) => code.startsWith('anomaly:'))
    const teaching = unlike ? TEACHING_IN_ALARM : 1
    measure(b, 'cost', cost, at, teaching, agent.whole)
    measure(b, 'latency', at - before.state.startedAt, at, teaching)
    agent.spend(cost, at)
    tryOnce(b, 'failed', state.name === 'failed', at)
    tryOnce(b, 'unknown', state.name === 'unknown', at)
    tryOnce(agent.whole, 'failed', state.name === 'failed', at)
    tryOnce(agent.whole, 'unknown', state.name === 'unknown', at)
    const pending = this.#pending.get(action.id)
    if (pending !== undefined) {
      this.#pending.delete(action.id)
      for (const one of pending) learn(one, at)
    }
    if (!hasAlarm(b) && !hasAlarm(agent.whole)) return NOTHING
    const asked = { id: action.id, at, proposal: { agent: action.agent, action: action.name } }
    const found = new Findings(this.#onAnomaly, anomaly, asked)
    tellAlarms(found, anomaly, agent, agent.whole, null, at, true)
    tellAlarms(found, anomaly, agent, b, action.name, at, true)
    return found.watched()
  }

  /** What an action did is normal: it ran after a person had said yes to it. */
  approved(agentName: string, actionName: string, input: JsonObject, at: number): void {
    const agent = this.agents.get(agentName)
    if (agent === undefined) return
    this.#features.read(input)
    learnAll(agent, agent.action(actionName), agent.hashOf(actionName), this.#features, at)
  }

  /** Works out anew what is normal at this time, for who asks. */
  freshen(name: string, at: number): void {
    const agent = this.agents.get(name)
    if (agent?.rule?.anomaly == null) return
    for (const b of agent.all()) this.#freshen(agent, b, agent.rule, agent.rule.anomaly, at)
  }

  /** A person looked at the agent and let it go on: what was counted up to now is over. */
  resumed(name: string): void {
    const agent = this.agents.get(name)
    if (agent === undefined) return
    for (const b of agent.all()) clear(b)
    agent.loops.clear()
    agent.toldAt.clear()
    agent.limitAlarmedAt = 0
  }

  /** What is being observed of the agent now, to be accepted once that is recorded: letting it go on forgets it. */
  observed(name: string): ReadonlyMap<Behaviour, Observed> {
    const all = [...(this.agents.get(name)?.all() ?? [])]
    return new Map(
      all.map((b) => [
        b,
        { now: b.now.slice(), since: b.since.slice(), seen: b.seen.slice(), sum: b.sum.slice() },
      ]),
    )
  }

  /** A person says that what raises alarms now is normal from now on. Answers how many statistics that concerned. */
  accept(name: string, at: number, observed = this.observed(name)): number {
    const agent = this.agents.get(name)
    let accepted = 0
    for (const one of agent?.takeNotAccepted() ?? []) {
      learn(one, at)
      accepted++
    }
    const ofWhole = agent === undefined ? undefined : observed.get(agent.whole)?.now
    for (const [b, { now, since, seen, sum }] of observed) {
      b.now.set(now)
      b.since.set(since)
      b.seen.set(seen)
      b.sum.set(sum)
      for (const stat of DETECTOR_OF.keys()) {
        const { meter, share, detector } = DETECTOR_OF[stat]!
        // What was dearer in all actions together is normal for each of them.
        const inAll =
          meter !== undefined && ofWhole !== undefined && ofWhole[stat]! > agent!.whole.thresholds[stat]!
        if (!isAbove(b, stat) && !(inAll && seen[stat]! > 0)) continue
        if (isAbove(b, stat)) accepted++
        if (meter !== undefined) acceptMeter(b, meter, stat)
        else if (share !== undefined) acceptShare(b, share, stat)
        else if (detector === 'rate') {
          const { head } = b.learned
          const pace = (b.seen[stat]! * HOUR) / Math.max(MINUTE, at - b.since[stat]!)
          head[HEAD.accepted] = Math.max(head[HEAD.accepted]!, pace)
          head[HEAD.acceptedUntil] = at + ACCEPTED_FOR
        } else b.ended[stat] = b.now[stat]!
      }
      b.alarmedAt.fill(0)
      keepPeaks(b, at)
      clear(b)
      b.freshUntil = 0
      b.weekUntil = 0
      b.dirty = true
    }
    return accepted
  }

  /** The clock: minutes in which the harness was there to count are minutes that teach. */
  tick(at: number): void {
    const passed = at - this.#tickedAt
    this.#tickedAt = at
    if (passed <= 0 || passed > MAX_TICK) {
      this.#uncovered = 0
      return
    }
    this.#uncovered += passed
    const minutes = Math.floor(this.#uncovered / MINUTE)
    if (minutes === 0) return
    this.#uncovered -= minutes * MINUTE
    for (const agent of this.agents.values()) {
      for (const b of agent.all()) {
        cover(b, at, minutes)
        // Worked out here, so that no action waits for it; those of agents that do nothing are left.
        if (agent.rule?.anomaly != null && at >= b.weekUntil && at - b.lastArrival < 2 * HOUR)
          this.#freshen(agent, b, agent.rule, agent.rule.anomaly, at)
      }
    }
  }

  #freshen(agent: AgentBehaviour, b: Behaviour, rule: AgentRule, anomaly: AnomalyRule, at: number): void {
    if (at < b.freshUntil && b.freshUntil - at <= 2 * MINUTE && at < b.weekUntil) return
    const anew = at >= b.weekUntil || b.weekUntil - at > HOUR
    refreshRate(b, priorOf(rule, anomaly), at)
    if (!anew) return
    const hour = Math.floor(at / HOUR)
    if (hour !== b.keptHour) keepPeaks(b, at)
    b.keptHour = hour
    refreshThresholds(b, at)
    const { head } = b.learned
    head[HEAD.costAnchor] = anchorCost(b, head[HEAD.costAnchor]!, head[HEAD.firstAt]!, at)
    if (b === agent.whole) agent.meanPerHour = meanRate(b)
  }

  #remember(id: string, unlearned: readonly Unlearned[]): void {
    if (this.#pending.size >= MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value!)
    this.#pending.set(id, unlearned)
  }
}

/** Many calls that are one would make it look usual. */
function isLooping({ now, thresholds }: Behaviour): boolean {
  const [exact] = STATS.repeat
  const [similar] = STATS.similar
  return now[exact]! > thresholds[exact]! || now[similar]! > thresholds[similar]!
}

function isOnlyTold(anomaly: AnomalyRule, detector: Detector): boolean {
  const response = anomaly.responses[detector]
  return response === null || response === 'alert'
}

function hasAlarm({ now, thresholds }: Behaviour): boolean {
  for (let stat = 0; stat < STAT_COUNT; stat++) if (now[stat]! > thresholds[stat]!) return true
  return false
}

function tellAlarms(
  found: Findings,
  anomaly: AnomalyRule,
  agent: AgentBehaviour,
  b: Behaviour,
  action: string | null,
  at: number,
  onlyNew: boolean,
): void {
  for (let stat = 0; stat < STAT_COUNT; stat++) {
    if (!isAbove(b, stat)) continue
    const { detector } = DETECTOR_OF[stat]!
    const isRun = detector === 'repeat'
    if (isRun && (onlyNew || (isYoung(b, at) && agent.isSlow(stat, at)))) continue
    const first = b.alarmedAt[stat] === 0
    if (onlyNew && !first) continue
    if (first) {
      const teaches = isOnlyTold(anomaly, detector)
      b.alarmedAt[stat] = at
      // Nobody gets used to loops, nor to what stopped the agent.
      if (isRun) b.ended[stat] = 0
      else if (!teaches) forget(b, stat)
    }
    const usual = b.thresholds[stat]! > LOOP ? b.thresholds[stat]! / 1.5 : 0
    const told = isRun
      ? tellRun(agent.runOf(stat), usual, stat === STATS.similar[0], agent.runSince(stat))
      : tell(b, stat, action === null ? `actions of ${agent.name}` : `${action} by ${agent.name}`, at)
    found.add(detector, told, action, first && agent.tells(detector, at))
  }
}

/** The policy's word, else the tightest of the agent's rates, as the most that one hour may see. */
function priorOf(rule: AgentRule, { expect }: AnomalyRule): PacePrior {
  if (expect !== null) return { expect }
  let tightest = Infinity
  for (const { limit, per } of rule.rates) {
    if (per === 'minute') tightest = Math.min(tightest, limit * 60)
    else if (per === 'hour' || per === 'day') tightest = Math.min(tightest, limit)
  }
  return { expect: tightest === Infinity ? null : tightest }
}

/** Of the end of the digest, which is as random as all of it. */
function callHash(digest: string): number {
  let hash = 0
  for (let i = Math.max(0, digest.length - 10); i < digest.length; i++)
    hash = (Math.imul(hash, 31) + digest.charCodeAt(i)) | 0
  return hash
}
