import type { Proposal, Reservation } from '../../action/action.ts'
import type { NanoUsd } from '../../action/money.ts'
import type { Policy } from '../../policy/policy.ts'
import type { HistoryEntry } from '../../storage/store.ts'
import { createApprove } from '../approve/approve.ts'
import { passed, type Case, type CheckedCase } from '../case.ts'
import type { Verdict } from '../decide.ts'
import { judge, worstCost, type Judges } from '../judge.ts'
import { findingsOfPast } from '../quality/past-scores.ts'
import { History } from '../monitor/history.ts'
import { createMonitor, type BreakerVerdict } from '../monitor/monitor.ts'
import { createVerify } from '../verify/verify.ts'
import { RideAlong } from '../ride-along.ts'
import { Books } from './books.ts'
import type { PastDecision, PastStep } from './past-step.ts'

interface Admitted {
  readonly agent: string
  readonly reservations: readonly Reservation[]
  readonly entry: HistoryEntry
}

const TEND_EVERY = 3_600_000

/**
 * The same stages that judge in earnest, over books of their own and the clock of the ledger: records go in, in their
 * order, verdicts come out. Nothing is recorded and nothing leaves the process but what checks of plugins do.
 */
export class Rehearsal {
  readonly #policy: Policy
  readonly #books = new Books()
  readonly #stages: Judges
  readonly #admitted = new Map<string, Admitted>()
  #nextTend = 0

  constructor(policy: Policy) {
    this.#policy = policy
    this.#stages = {
      store: this.#books,
      verify: createVerify(),
      monitor: createMonitor(this.#books),
      approve: createApprove(),
      history: new History(policy.historyWindow),
      historyReload: null,
      reporting: new Set(),
      rideAlong: new RideAlong(),
    }
  }

  /** What the policy says of the action, given all that went before. */
  async judge(past: PastDecision): Promise<Verdict> {
    await this.#advance(past.at)
    const opened = this.#opened(past, this.#policy)
    const checked = await this.#stages.verify.checkContent(opened)
    const { judged, verdict, breaker, counted } = await judge(this.#stages, withScores(checked, past))
    if (breaker !== undefined) this.#breaks(past.agent, breaker)
    if (counted !== null)
      this.#admitted.set(past.id, { agent: past.agent, reservations: judged.reservations, entry: counted })
    // It never ran: nobody knows its outcome, so it has cost what it might.
    if (past.effective === 'deny') this.#settle(past.id, judged.cost)
    return verdict
  }

  /** What was done is taken as it was: it counts and costs, and nothing of it is judged. */
  async assume(past: PastDecision): Promise<void> {
    await this.#advance(past.at)
    if (past.effective === 'deny') return
    const opened = this.#opened(past, { ...this.#policy, mode: 'observe' })
    const unasked: CheckedCase = passed({ ...opened, rule: undefined })
    const { judged, breaker, counted } = await judge(this.#stages, unasked)
    // It went on in fact.
    if (breaker !== undefined) this.#stages.monitor.stateSet(past.agent)
    if (counted !== null)
      this.#admitted.set(past.id, { agent: past.agent, reservations: judged.reservations, entry: counted })
  }

  /** What became of an action or an agent. `assumed`: before the time that is judged, when no breaker of this policy was there. */
  async follow(step: Exclude<PastStep, PastDecision>, assumed: boolean): Promise<void> {
    await this.#advance(step.at)
    const { monitor } = this.#stages
    if (step.kind === 'agent') {
      // Breakers of the time are not this policy's.
      if (step.by === 'breaker') return
      const { agent: name, state, reason, by: changedBy, at: changedAt } = step
      monitor.agents.set({ name, version: 1, state, reason, changedBy, changedAt })
      monitor.stateSet(name)
      return
    }
    if (step.cost === null) {
      this.#drop(step.id)
      return
    }
    const admitted = this.#admitted.get(step.id)
    if (admitted === undefined) return
    this.#settle(step.id, step.cost)
    const { agent } = admitted
    const state = step.state === 'succeeded' ? { name: step.state, at: step.at } : FAILED
    const verdict = monitor.finished({ agent, state }, this.#policy)
    if (verdict === undefined) return
    if (assumed) monitor.stateSet(agent)
    else this.#breaks(agent, verdict)
  }

  #opened(past: PastDecision, policy: Policy): Case {
    const { id, at, agent, name: action, session, confidence, release, payload, cost } = past
    const rule = policy.action(action)
    const proposal: Proposal = {
      agent,
      action,
      input: payload?.input ?? {},
      ...(session !== null && { session }),
      ...(payload?.reason !== undefined && { reason: payload.reason }),
      ...(payload?.provenance && { provenance: payload.provenance }),
      ...(confidence !== null && { confidence }),
      ...(release !== null && { release }),
      // The gateway asked for what there was room for.
      ...(action === 'model.generate' && payload?.input['max_tokens'] === null && { costAtLeast: 1 }),
    }
    return {
      id,
      at,
      proposal,
      venue: 'belay',
      policy,
      rule,
      findings: [],
      input: proposal.input,
      cost: worstCost(cost, rule?.cost),
    }
  }

  #breaks(name: string, { state, reason }: BreakerVerdict): void {
    const { agents } = this.#stages.monitor
    agents.set({ name, version: 1, state, reason, changedBy: 'breaker', changedAt: this.#books.at })
    this.#stages.monitor.stateSet(name)
  }

  #settle(id: string, cost: NanoUsd): void {
    const admitted = this.#admitted.get(id)
    if (admitted === undefined) return
    this.#admitted.delete(id)
    const { monitor } = this.#stages
    monitor.settled(monitor.charges(admitted.reservations, cost))
  }

  #drop(id: string): void {
    const admitted = this.#admitted.get(id)
    if (admitted === undefined) return
    this.#admitted.delete(id)
    const { monitor, history } = this.#stages
    monitor.settled(monitor.charges(admitted.reservations, null))
    history.remove(admitted.entry)
  }

  async #advance(at: number): Promise<void> {
    this.#books.at = Math.max(this.#books.at, at)
    if (this.#books.at < this.#nextTend) return
    this.#nextTend = this.#books.at + TEND_EVERY
    await this.#stages.monitor.tend(this.#books.at)
  }
}

/** What is refused anyway is not asked about in earnest either. */
function withScores(checked: CheckedCase, { scores }: PastDecision): CheckedCase {
  const found = checked.findings.some(({ decision }) => decision === 'deny')
    ? []
    : findingsOfPast(checked, scores)
  return found.length === 0 ? checked : passed({ ...checked, findings: [...checked.findings, ...found] })
}

const FAILED = { name: 'failed', at: 0 } as const
