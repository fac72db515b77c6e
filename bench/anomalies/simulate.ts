import type { Reason } from '../../src/action/finding.ts'
import type { Action } from '../../src/action/action.ts'
import type { Anomaly } from '../../src/flow/monitor/baselines/anomaly.ts'
import { Watch } from '../../src/flow/monitor/baselines/watch.ts'
import { compileAnomaly, type AnomalyEntry } from '../../src/policy/compile-anomaly.ts'
import type { AgentRule } from '../../src/policy/policy.ts'
import type { Event } from './traffic.ts'

export const AGENT = 'agent'

export function ruleOf(entry: AnomalyEntry, rates: AgentRule['rates'] = []): AgentRule {
  const anomaly = compileAnomaly(entry, [], () => undefined)
  return {
    pattern: AGENT,
    budgets: [],
    rates,
    breaker: null,
    anomaly,
    novelty: null,
    concurrency: null,
  } as unknown as AgentRule
}

/** The watch as the monitor drives it, in simulated time: each event arrives, is decided and ends. */
export class Simulation {
  readonly watch: Watch
  readonly told: Anomaly[] = []
  readonly #rule: AgentRule
  #number = 0
  #ending: { at: number; event: Event; id: string; reasons: readonly Reason[] }[] = []
  events = 0

  constructor(entry: AnomalyEntry) {
    this.watch = new Watch((anomaly) => this.told.push(anomaly))
    this.#rule = ruleOf(entry)
  }

  /** Answers whether the action was found in any way unlike its agent. */
  arrive(event: Event): boolean {
    this.end(event.at)
    const id = `act_${++this.#number}`
    const { at, action, session, input, cost } = event
    const asked = { id, at, input, cost, proposal: { agent: AGENT, action, session, input } }
    this.events++
    const { findings } = this.watch.arrive(asked, this.#rule, event.digest)
    if (findings.length === 0)
      this.watch.decided(asked, this.#number % 40 === 0 ? 'require_approval' : 'allow')
    this.#ending.push({ at: at + event.latency, event, id, reasons: findings.map(({ reason }) => reason) })
    return findings.length > 0
  }

  /** Ends what has run until then. */
  end(until: number): void {
    if (this.#ending.length === 0) return
    const due = this.#ending.filter(({ at }) => at <= until)
    if (due.length === 0) return
    this.#ending = this.#ending.filter(({ at }) => at > until)
    for (const { at, event, id, reasons } of due) {
      const before = {
        id,
        agent: AGENT,
        name: event.action,
        state: { name: 'executing', startedAt: event.at, deadline: at },
      }
      const state = { name: event.failed ? 'failed' : 'succeeded', at }
      const after = { ...before, cost: event.cost, state, updatedAt: at, reasons }
      this.watch.finished(after as unknown as Action, before as unknown as Action, this.#rule)
    }
  }

  minute(at: number): void {
    this.watch.tick(at)
  }
}
