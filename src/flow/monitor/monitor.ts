import type { Action, Reservation } from '../../action/action.ts'
import type { Decision } from '../../action/decision.ts'
import type { Finding, Reason } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import type { NanoUsd } from '../../action/money.ts'
import { admittedBy } from '../../policy/admit-request.ts'
import type { AgentRule, BreakerRule, Policy } from '../../policy/policy.ts'
import type { Charge, Store } from '../../storage/store.ts'
import { passed, type MeteredCase, type VerifiedCase } from '../case.ts'
import { AgentStates } from './agent-states.ts'
import { NOTHING, type Watched } from './baselines/findings.ts'
import type { Watch } from './baselines/watch.ts'
import type { Novelty } from './novelty/novelty.ts'
import { Breaker, type Trip } from './breaker.ts'
import { Budgets, type BudgetStore, type Draw } from './budgets.ts'
import {
  deny,
  NO_SESSION,
  overAction,
  overBudget,
  pausedBy,
  pausedFor,
  refuseState,
  stillNovel,
} from './refusals.ts'

export type Metered =
  | { readonly status: 'metered'; readonly metered: MeteredCase; readonly verdict?: BreakerVerdict }
  /** The share of this replica does not suffice; acquire and judge again. */
  | { readonly status: 'short'; readonly draw: Draw }

/** The agent is to be paused, stopped or, after good probes, resumed: by its breaker, or for what it did unlike itself. */
export interface BreakerVerdict {
  readonly state: 'paused' | 'stopped' | 'active'
  readonly reason: string
  readonly by: 'breaker' | 'anomaly' | 'budget'
}

/** What a judgement knows of an action beside its case. */
export interface About {
  /** Digest of what it does. */
  readonly digest: string
  /** It was admitted earlier, for these reasons, and is judged again: nothing of it is counted twice. */
  readonly earlier?: readonly Reason[]
}

export interface Monitor {
  readonly agents: AgentStates
  /** Synchronous: sets room aside in memory or adds the finding that refuses. `exhausted`: accounts of which more was asked in vain. */
  reserve(verified: VerifiedCase, exhausted: ReadonlySet<string>, about?: About): Metered
  /** What was decided about an action that is judged for the first time. */
  decided(judged: Pick<MeteredCase, 'at' | 'proposal' | 'policy' | 'findings'>, effective: Decision): void
  acquire(draw: Draw, at: number): Promise<boolean>
  /** The reservation never became durable, or the action is refused after all. */
  undo(metered: Pick<MeteredCase, 'proposal' | 'reservations' | 'probe'>): void
  /** An admitted action steps aside while it is judged again, and takes its room back. */
  release(reservations: readonly Reservation[]): void
  retake(reservations: readonly Reservation[]): void
  /** What the books need when an action ends with this cost; `null` when it never ran. */
  charges(reservations: readonly Reservation[], cost: NanoUsd | null): readonly Charge[]
  /** After the charges are durable. */
  settled(charges: readonly Charge[]): void
  /** Counts a finished action for the agent's breaker. */
  finished(action: Pick<Action, 'agent' | 'state'>, policy: Policy): BreakerVerdict | undefined
  /** The same for its baselines. `before`: as it was until it ended. `approved`: its input, where a person said yes to what was found in it. */
  ended(
    action: Action,
    policy: Policy,
    before: Action,
    approved: JsonObject | null,
  ): BreakerVerdict | undefined
  /** A person changed the agent's state. */
  stateSet(agent: string): void
  /** Does the action's reservation still lie in the windows of this instant? */
  isCurrent(action: Action, policy: Policy, at: number): boolean
  /** Outcomes from before this process, for the breakers. */
  loadOutcomes(policy: Policy): Promise<void>
  /** Share of the agent's scarcest budget that is neither spent nor reserved, 0 … 1. */
  left(policy: Policy, agent: string, session: string): Promise<number>
  limitsChanged(): Promise<void>
  tend(at: number): Promise<void>
}

const MAX_WAITING = 10_000

/** What the stage needs of a store. */
export type MonitorStore = BudgetStore & Pick<Store, 'agents' | 'budgets' | 'recentFailures'>

/** Monitor: does the action fit the budget, the rate and the agent's state? */
export function createMonitor(store: MonitorStore, watch?: Watch, novelty?: Novelty): Monitor {
  const agents = new AgentStates(store)
  const budgets = new Budgets(store)
  const breakers = new Map<string, Breaker>()
  /** What was found in actions that wait for room: they are not counted again when they are judged again. */
  const waiting = new Map<string, Watched>()

  function breakerOf(agent: string): Breaker {
    let breaker = breakers.get(agent)
    if (breaker === undefined) {
      breaker = new Breaker()
      const row = agents.get(agent)
      if (row.state === 'paused' && row.changedBy === 'breaker') breaker.open(row.changedAt, row.reason ?? '')
      breakers.set(agent, breaker)
    }
    return breaker
  }

  function drawsOf(
    policy: Policy,
    rule: AgentRule | undefined,
    agent: string,
    cost: NanoUsd,
    at: number,
    session: string,
  ): Draw[] {
    const own = rule === undefined ? [] : budgets.draws(`agent:${agent}`, agent, rule, cost, at, session)
    return [...own, ...budgets.draws('overall', null, policy.overall, cost, at, session)]
  }

  /** An action that was admitted by an entry with a rate of its own is judged anew at its start: see `isCurrent`. */
  function egressDraws({ policy, proposal, input, at }: VerifiedCase, session: string): Draw[] {
    const entry = admittedBy(policy, proposal.agent, proposal.action, input)
    if (entry?.rate == null) return []
    const scope = `egress:${proposal.agent}:${entry.key}`
    return budgets.draws(scope, proposal.agent, { budgets: [], rates: [entry.rate] }, 0, at, session)
  }

  /** What is reserved for an action that makes do with less where the budgets lack room. */
  function fitted(
    { proposal, policy, at, cost }: VerifiedCase,
    rule: AgentRule | undefined,
    exhausted: ReadonlySet<string>,
  ): NanoUsd {
    const least = proposal.costAtLeast
    if (least === undefined || least >= cost) return cost
    let room = cost
    for (const { per, limit } of [...(rule?.budgets ?? []), ...policy.overall.budgets]) {
      if (per === 'action') room = Math.min(room, limit)
    }
    if (exhausted.size > 0) {
      room = Math.min(
        room,
        budgets.room(
          drawsOf(policy, rule, proposal.agent, room, at, proposal.session ?? '').filter(({ account }) =>
            exhausted.has(account.key),
          ),
        ),
      )
    }
    return Math.max(least, room)
  }

  function watchArrival(asked: VerifiedCase, rule: AgentRule | undefined, about: About | undefined): Watched {
    if (rule === undefined || about === undefined) return NOTHING
    const { earlier, digest } = about
    if (earlier !== undefined) {
      const kept = stillNovel(rule, earlier)
      const again = rule.anomaly === null ? undefined : watch?.again(asked, rule, earlier)
      return again === undefined ? { findings: kept } : { findings: [...again.findings, ...kept] }
    }
    const unlike = rule.anomaly === null ? undefined : watch?.arrive(asked, rule, digest)
    const novel = rule.novelty === null ? undefined : novelty?.arrive(asked, rule.novelty)
    if (unlike === undefined || novel === undefined) return unlike ?? novel ?? NOTHING
    const verdict = unlike.verdict ?? novel.verdict
    return { findings: [...unlike.findings, ...novel.findings], ...(verdict && { verdict }) }
  }

  return {
    agents,

    reserve(asked, exhausted, about) {
      const { policy, proposal, at } = asked
      const rule = policy.agent(proposal.agent)
      const cost = fitted(asked, rule, exhausted)
      const verified = cost === asked.cost ? asked : { ...asked, cost }
      const row = agents.get(proposal.agent)
      const observing = policy.mode === 'observe'
      const session = proposal.session ?? ''
      const found: Finding[] = []
      let verdict: BreakerVerdict | undefined

      const refused = verified.findings.some((finding) => finding.decision === 'deny')
      const draws = [
        ...drawsOf(policy, rule, proposal.agent, cost, at, session),
        ...egressDraws(verified, session),
      ]
      const state = refuseState(row.state, row.reason, row.changedBy, rule)
      if (state !== undefined) found.push(state)
      for (const budget of [...(rule?.budgets ?? []), ...policy.overall.budgets]) {
        if (budget.per === 'action' && cost > budget.limit) {
          const over = overAction(cost, budget.limit)
          found.push(over)
          if (budget.then === 'pause' && !observing && !refused && state === undefined)
            verdict ??= pausedFor(over)
        }
        if (budget.per === 'session' && session === '') found.push(NO_SESSION)
      }
      const breaker = rule?.breaker == null ? undefined : breakerOf(proposal.agent)
      if (rule?.breaker != null && breaker !== undefined && !refused && found.length === 0) {
        const trip = breaker.wouldOverspend(rule.breaker, cost, at)
        if (trip !== undefined) {
          found.push(deny(trip.code, trip.message))
          breaker.open(at, trip.message)
          verdict = verdictOf(rule.breaker, trip)
        }
      }

      const { id } = asked
      // One that is paused does nothing: what it asks for is nothing to learn from.
      const watched = waiting.get(id) ?? (state === undefined ? watchArrival(verified, rule, about) : NOTHING)
      waiting.delete(id)
      found.push(...watched.findings)
      verdict ??= watched.verdict

      const hopeless = refused || found.some(({ decision }) => decision === 'deny')
      if (hopeless && !observing) return metered(verified, found, [], row.version, verdict)

      let probe = false
      if (rule?.breaker != null && breaker !== undefined) {
        const admission = breaker.admit(rule.breaker, at)
        if (admission.admitted) probe = admission.probe
        else {
          found.push(deny(admission.code, admission.message))
          if (!observing) return metered(verified, found, [], row.version)
        }
      }
      const reserved = budgets.reserve(draws, at, observing && exhausted.size > 0)
      if (reserved.status === 'short') {
        if (probe) breaker?.forget()
        if (!exhausted.has(reserved.draw.account.key)) {
          if (waiting.size < MAX_WAITING) waiting.set(id, watched)
          return reserved
        }
        const over = overBudget(reserved.draw)
        const paused = observing ? undefined : pausedBy(rule, reserved.draw, over)
        return metered(verified, [...found, over], [], row.version, paused)
      }
      // Asked with `exhausted` under observe, the room was forced: the decision still says what is wrong.
      if (observing && exhausted.size > 0)
        found.push(deny('budget:exhausted', 'A budget or rate is used up.'))
      if (rule?.breaker != null) breaker?.spend(rule.breaker, cost, at)
      return metered(verified, found, reserved.reservations, row.version, undefined, probe)
    },

    acquire: (draw, at) => budgets.acquire(draw, at),

    undo({ proposal, reservations, probe }) {
      budgets.undo(reservations)
      if (probe) breakers.get(proposal.agent)?.forget()
    },

    release: (reservations) => budgets.undo(reservations),

    retake: (reservations) => budgets.undo(reservations.map((one) => ({ ...one, amount: -one.amount }))),

    charges: (reservations, cost) =>
      reservations.map(({ account, unit, amount }) => ({
        account,
        reserved: -amount,
        spent: cost === null ? 0 : unit === 'actions' ? amount : cost,
      })),

    settled: (charges) => budgets.settled(charges),

    decided({ at, proposal, policy, findings }, effective) {
      if (watch === undefined || policy.agent(proposal.agent)?.anomaly == null) return
      // What was refused because the agent is paused, or for its behaviour, says nothing new of it.
      if (agents.get(proposal.agent).state !== 'active') return
      if (!findings.some(({ reason }) => reason.code.startsWith('anomaly:')))
        watch.decided({ at, proposal }, effective)
    },

    ended(action, policy, before, approved) {
      const rule = policy.agent(action.agent)
      if (rule?.novelty != null) {
        novelty?.finished(action.agent, action.name, action.id, action.state.name === 'succeeded')
        if (approved !== null) novelty?.approved(action.agent, action.name, approved)
      }
      if (watch === undefined || rule?.anomaly == null) return undefined
      if (approved !== null) watch.approved(action.agent, action.name, approved, action.updatedAt)
      const { verdict } = watch.finished(action, before, rule)
      const counts = policy.mode === 'enforce' && agents.get(action.agent).state === 'active'
      return counts ? verdict : undefined
    },

    finished(action, policy) {
      const rule = policy.agent(action.agent)?.breaker
      if (rule == null) return undefined
      const breaker = breakerOf(action.agent)
      const failed = action.state.name === 'failed' || action.state.name === 'unknown'
      const verdict = breaker.finished(rule, failed)
      if (verdict === undefined) return undefined
      if (verdict === 'closed')
        return { state: 'active', reason: 'breaker:closed: all probes succeeded', by: 'breaker' }
      breaker.open(store.now(), verdict.message)
      return verdictOf(rule, verdict)
    },

    stateSet(agent) {
      const breaker = breakers.get(agent)
      if (agents.get(agent).state !== 'active') return
      breaker?.close()
      watch?.resumed(agent)
    },

    isCurrent(action, policy, at) {
      const draws = drawsOf(
        policy,
        policy.agent(action.agent),
        action.agent,
        action.cost,
        at,
        action.session ?? '',
      )
      return (
        draws.length === action.reservations.length &&
        draws.every((draw, i) => {
          const reservation = action.reservations[i]
          return reservation?.account === draw.account.key && reservation.amount === draw.amount
        })
      )
    },

    async loadOutcomes(policy) {
      for (const name of agents.names()) {
        const rule = policy.agent(name)?.breaker
        if (rule == null) continue
        breakerOf(name).load(await store.recentFailures(name, rule.over, agents.get(name).changedAt))
      }
    },

    async left(policy, agent, session) {
      const at = store.now()
      const money = drawsOf(policy, policy.agent(agent), agent, 0, at, session).filter(
        ({ account }) => account.unit === 'nano_usd',
      )
      if (money.length === 0) return 1
      const keys = money.map(({ account }) => account.key)
      const known = new Map((await store.budgets({ at, keys })).map((report) => [report.key, report]))
      const shares = money.map(({ account: { key, limit } }) => {
        const report = known.get(key)
        return report === undefined
          ? 1
          : Math.max(0, limit - report.spent - report.reserved) / Math.max(1, limit)
      })
      return Math.min(...shares)
    },

    limitsChanged: () => budgets.returnAll(),

    async tend(at) {
      watch?.tick(at)
      await budgets.returnIdle(at)
      await agents.refresh()
      for (const [name, breaker] of breakers) {
        const row = agents.get(name)
        // Another replica, or a person there, opened or closed it.
        if (row.state === 'active' && breaker.state.name === 'open') breaker.close()
      }
    },
  }
}

function metered(
  verified: VerifiedCase,
  found: readonly Finding[],
  reservations: readonly Reservation[],
  agentVersion: number,
  verdict?: BreakerVerdict,
  probe = false,
): Metered {
  const findings = found.length === 0 ? verified.findings : [...verified.findings, ...found]
  const metered: MeteredCase = passed({ ...verified, findings, reservations, agentVersion, probe })
  return { status: 'metered', metered, ...(verdict && { verdict }) }
}

function verdictOf(rule: BreakerRule, trip: Trip): BreakerVerdict {
  const state = rule.then === 'stop' ? 'stopped' : 'paused'
  return { state, reason: `${trip.code}: ${trip.message}`, by: 'breaker' }
}
