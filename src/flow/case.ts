import type { Approval, Proposal, Reservation, Venue } from '../action/action.ts'
import type { Finding } from '../action/finding.ts'
import type { JsonObject } from '../action/json.ts'
import type { NanoUsd } from '../action/money.ts'
import type { ActionRule, HistoryView, Policy, Scope } from '../policy/policy.ts'

declare const stage: unique symbol
type Passed<S extends string> = { readonly [stage]: S }

/** A proposal under judgement. Stages take a case and give back one with more in it; the brands keep their order. */
export interface Case {
  readonly id: string
  readonly at: number
  readonly proposal: Proposal
  readonly venue: Venue
  readonly policy: Policy
  readonly rule: ActionRule | undefined
  readonly findings: readonly Finding[]
  /** The input that may be executed; equal to the proposal's until a check changes it. */
  readonly input: JsonObject
  readonly cost: NanoUsd
  /** What judges made of it, for the record. */
  readonly scores?: readonly JsonObject[]
}

/** Content checks are done: the input has its final form. */
export type CheckedCase = Case & Passed<'checked'>

/** Rules have been asked as well. */
export type VerifiedCase = Case & {
  readonly scope: Scope
  readonly subjects: readonly string[]
} & Passed<'verified'>

/** Room for the action is set aside, or a finding says why not. */
export type MeteredCase = Omit<VerifiedCase, typeof stage> &
  Passed<'metered'> & {
    readonly reservations: readonly Reservation[]
    readonly agentVersion: number
    readonly probe: boolean
  }

/** Who must say yes is known: `approval` is there when somebody must. */
export type JudgedCase = Omit<MeteredCase, typeof stage> &
  Passed<'judged'> & { readonly approval: Approval | null }

/** Only the stages call this, each for its own brand. */
export function passed<C extends object, S extends string>(from: C): C & Passed<S> {
  return from as C & Passed<S>
}

export function scopeOf(
  current: Pick<Case, 'proposal' | 'input' | 'cost' | 'rule'>,
  now: number,
  history: HistoryView,
  agentState: string,
  result: Scope['result'] = null,
): Scope {
  const { proposal } = current
  return {
    action: {
      name: proposal.action,
      agent: proposal.agent,
      session: proposal.session ?? '',
      reason: proposal.reason ?? '',
      // An agent that claims no confidence claims none: conditions such as `< 0.9` hold.
      confidence: proposal.confidence ?? 0,
      cost_usd: current.cost / 1e9,
      effect: current.rule?.effect ?? 'irreversible',
    },
    input: current.input,
    result,
    agent: { name: proposal.agent, state: agentState },
    history,
    now,
  }
}
