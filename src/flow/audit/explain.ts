import type { Action, ProposalPayload } from '../../action/action.ts'
import type { Reason } from '../../action/finding.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store, StoredPayload, StoredRecord } from '../../storage/store.ts'
import { aroundOf, type Around } from './explain-around.ts'
import { factorsOf, type Factor } from './explain-factors.ts'
import { tellFacts } from './tell-facts.ts'

export interface ExplainedCheck {
  readonly check: string
  /** The check's entry in the policy, when the policy of the decision is the one in force. */
  readonly options: JsonValue
  /** What it found; empty when it had nothing to say. */
  readonly found: readonly (Reason & { readonly evidence?: JsonValue })[]
}

export interface Explanation {
  readonly id: string
  /** The whole answer in one paragraph. */
  readonly summary: string
  /** What spoke for the decision, the deciding one first, with the condition, the input and the past behind it. */
  readonly factors: readonly Factor[]
  /** Under what it came about. */
  readonly around: Around
  readonly checks: readonly ExplainedCheck[]
  /** Reasons that no check gave: policy, budget, agent, approval. */
  readonly reasons: readonly (Reason & { readonly evidence?: JsonValue })[]
  readonly timeline: readonly {
    readonly at: number
    readonly record: string
    /** Of the record, by which a proof finds it. */
    readonly hash: string
    readonly what: string
    /** What more the record says: the model that answered, attempts, what became of the result. */
    readonly details: readonly string[]
  }[]
  readonly input: JsonObject | null
  readonly enforced: JsonObject | null
  readonly agentReason: string | null
  readonly policy: {
    readonly version: string
    readonly inForce: boolean
    readonly entry: string | null
    readonly mode: string
  }
}

/** Why an action was decided so, in plain words: check by check, with the inputs that mattered, and what became of it. */
export async function explain(
  store: Store,
  policies: { current(): Policy },
  action: Action,
): Promise<Explanation> {
  const [records, payloads] = await Promise.all([store.recordsOf(action.id), store.payloads(action.id)])
  const text = payloads.find(({ kind }) => kind === 'proposal')?.text
  const payload = text == null ? null : (JSON.parse(text) as ProposalPayload)
  const policy = policies.current()
  const inForce = policy.digest === action.policyDigest
  const entry = inForce ? policy.action(action.name) : undefined
  const reasons = action.reasons.map((reason) => withEvidence(reason, payload))
  const declared = entry?.checks.map(({ name, source }) => ({ check: name, options: source })) ?? []
  const spoke = reasons.flatMap(({ check }) => (check === undefined ? [] : [check]))
  const silent = declared.filter(({ check }) => !spoke.includes(check))
  const checks: ExplainedCheck[] = [
    ...[...new Set(spoke)].map((check) => ({
      check,
      options: declared.find((one) => one.check === check)?.options ?? null,
      found: reasons.filter((reason) => reason.check === check),
    })),
    ...silent.map((one) => ({ ...one, found: [] })),
  ]
  return {
    id: action.id,
    summary: summarise(action, payload),
    factors: await factorsOf(store, action, reasons, payload, entry),
    around: aroundOf(action, records, payloads),
    checks,
    reasons: reasons.filter(({ check }) => check === undefined),
    timeline: records.map((record) => ({
      at: record.at,
      record: `${record.chain}:${record.seq}`,
      hash: record.hash,
      what: tell(record),
      details: tellFacts(JSON.parse(record.text) as JsonObject),
    })),
    input: payload?.input ?? null,
    enforced: enforcedIn(payloads, payload),
    agentReason: payload?.reason ?? null,
    policy: { version: action.policyDigest, inForce, entry: entry?.pattern ?? null, mode: action.mode },
  }
}

/** What may be executed: as it was edited last, else as it was proposed. */
function enforcedIn(payloads: readonly StoredPayload[], proposed: ProposalPayload | null): JsonObject | null {
  const edits = payloads.filter(({ kind }) => kind.startsWith('edit:'))
  const [last] = edits.toSorted((a, b) => Number(b.kind.slice(5)) - Number(a.kind.slice(5)))
  const payload =
    last === undefined ? proposed : last.text === null ? null : (JSON.parse(last.text) as ProposalPayload)
  return payload?.enforced ?? payload?.input ?? null
}

const DECIDED: Readonly<Record<Action['decision'], string>> = {
  allow: 'was allowed',
  transform: 'was allowed after its input was changed',
  require_approval: 'was held for a person',
  deny: 'was denied',
}

function summarise(action: Action, payload: ProposalPayload | null): string {
  const said = payload?.reason === undefined ? '' : `, giving as its reason “${payload.reason}”`
  const sure = action.confidence === null ? '' : ` and a confidence of ${action.confidence}`
  const why =
    action.reasons.length === 0
      ? 'Nothing spoke against it.'
      : action.reasons.map(({ message, code }) => `${ended(message)} (${code}).`).join(' ')
  const observed =
    action.mode === 'observe' && action.decision !== 'allow'
      ? ' The policy only observes, so it was let through all the same.'
      : ''
  const erased = payload === null ? ' Its input has been erased.' : ''
  return `The agent ${action.agent} proposed ${action.name}${said}${sure}. It ${DECIDED[action.decision]}. ${why}${observed} ${standing(action)}${erased}`
}

function standing(action: Action): string {
  const { state } = action
  switch (state.name) {
    case 'held': {
      const step = state.approval.steps[state.approval.step]
      const votes =
        step === undefined ? '' : ` ${step.votes.length} of ${step.quorum} votes of ${step.group} are in.`
      return `It waits for a person until ${iso(state.approval.expiresAt)}.${votes}`
    }
    case 'ready':
      return `It may be executed until ${iso(state.expiresAt)}.`
    case 'executing':
      return `It is being executed; its outcome is due by ${iso(state.deadline)}.`
    case 'succeeded':
      return state.undo === undefined
        ? 'It succeeded.'
        : `It succeeded; an undo of it is ${state.undo.status}.`
    case 'failed':
      return 'It was executed and failed.'
    case 'unknown':
      return `Whether it took effect is not known: ${state.cause}.`
    case 'undone':
      return `It succeeded and was undone by ${state.by}.`
    case 'expired':
      return `It expired while it was ${state.was}.`
    case 'cancelled':
      return `It was cancelled by ${state.by}.`
    case 'denied':
      return 'It did not run.'
  }
}

function tell(record: StoredRecord): string {
  const said = JSON.parse(record.text) as Record<string, string | number | undefined>
  const state = said['state'] === undefined ? '' : ` → ${said['state']}`
  switch (record.kind) {
    case 'decision':
      return `decided: ${said['decision']}${said['mode'] === 'observe' ? ' (observed)' : ''}${state}`
    case 'vote':
      return `vote by ${said['by'] ?? 'a person'}${said['for'] === undefined ? '' : ` for ${said['for']}`}${viaWords(said['via'])}${state}`
    case 'delegation':
      return `${said['by']} passed the vote on to ${said['to']}${state}`
    case 'escalation':
      return `waited too long: further people may decide${state}`
    case 'break_glass':
      return `${said['by']} asked to release it out of turn${state}`
    case 'edit':
      return `edited by ${said['by']} and judged anew: ${said['decision']}${state}`
    case 'start':
      return `checked again and started${state}`
    case 'outcome':
      return `outcome reported: ${said['outcome']}, cost $${said['cost_usd']}${state}`
    case 'undo':
      return `undo ${said['status'] ?? ''}${state}`
    case 'expiry':
      return `expired${state}`
    case 'cancellation':
      return `cancelled${state}`
    case 'recording':
      if (said['kept'] !== undefined)
        return `the file ${said['kept'] === 'file:before' ? 'before' : 'after'} it kept`
      return said['picture'] === undefined ? 'request and answer kept' : `the page ${said['picture']} it kept`
    case 'quality':
      return 'scored by a model after it'
    case 'genesis':
    case 'agent':
    case 'policy':
    case 'key':
    case 'login':
    case 'channel':
    case 'prompt':
    case 'erasure':
    case 'purge':
    case 'anchor':
    case 'witness':
    case 'standing':
    case 'absence':
    case 'process':
    case 'alarm':
      return record.kind
  }
}

function withEvidence(
  reason: Reason,
  payload: ProposalPayload | null,
): Reason & { readonly evidence?: JsonValue } {
  const evidence = payload?.evidence?.find(({ code }) => code === reason.code)
  return evidence === undefined ? reason : { ...reason, evidence: evidence.value }
}

const viaWords = (via: string | number | undefined): string =>
  via === undefined || via === 'api' ? '' : ` (${via})`
const ended = (sentence: string): string => sentence.replace(/\.$/, '')
const iso = (at: number): string => new Date(at).toISOString()
