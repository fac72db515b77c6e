import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { contextIdentity, copyJson, readContext, type AgentContext } from './agent-context.ts'
import { compose, type Composed, type Composition } from './compose.ts'
import { askResolver, type ApprovalResolver, type Redact } from './ask-resolver.ts'
import { forRecord, hostError, readVerdict, type HostError, type WireVerdict } from './wire-verdict.ts'
import { within } from './within.ts'

/** Judges one emission. It gets a copy of its own; what it returns is read as a verdict of the contract. */
export type Interceptor = (context: AgentContext) => unknown

/** `null`: approvals and records are bound to nothing, and say so. */
export type IdentityProvider =
  | 'jcs-sha256'
  | null
  | { readonly name: string; readonly identify: (context: AgentContext) => string }

export interface EmitterOptions {
  readonly interceptors: readonly Interceptor[]
  readonly resolver?: ApprovalResolver
  /** What an approver is shown instead of the context. */
  readonly redact?: Redact
  /** `evaluate_only` records what would have been decided and holds nothing back. Default `enforce`. */
  readonly mode?: 'enforce' | 'evaluate_only'
  readonly composition?: Composition
  readonly identityProvider?: IdentityProvider
  /** Milliseconds that one interceptor may take. Default 5000. */
  readonly timeoutMs?: number
  /** Milliseconds that an approval may take. Default five minutes. */
  readonly approvalTimeoutMs?: number
}

/** What became of one emission. */
export interface Emission {
  /** Whether the guarded action may happen, with the target of `context`. */
  readonly proceeds: boolean
  readonly verdict: WireVerdict
  /** As it was emitted, or transformed; `null` when it was no valid context. */
  readonly context: AgentContext | null
  /** Without payload: for the audit. */
  readonly record: JsonObject
}

const CUSTOM_NAME = /^(?!jcs)[a-z][a-z0-9_-]*$/

/**
 * A host's end of the agent-hooks contract 0.1: shows each context to every interceptor, combines their verdicts by
 * Belay's order of decisions and answers whether the action may proceed. Whatever fails denies; with a `refusal` the host
 * itself does, and nobody is asked. Throws a `TypeError` for a provider whose name the contract forbids.
 */
export function createEmitter(
  options: EmitterOptions,
): (context: unknown, refusal?: HostError) => Promise<Emission> {
  const { interceptors, resolver, mode = 'enforce', identityProvider = 'jcs-sha256' } = options
  const { timeoutMs = 5_000, approvalTimeoutMs = 300_000 } = options
  const composition: Composition = options.composition ?? { profile: 'sequential/first_deny' }
  const enforcing = mode === 'enforce'
  const providerName =
    typeof identityProvider === 'object' ? (identityProvider?.name ?? null) : identityProvider
  if (
    typeof identityProvider === 'object' &&
    identityProvider !== null &&
    !CUSTOM_NAME.test(identityProvider.name)
  )
    throw new TypeError(`no name for an identity provider: ${identityProvider.name}`)

  const identify = (context: AgentContext): string | null | undefined => {
    if (identityProvider === null) return null
    if (identityProvider === 'jcs-sha256') return contextIdentity(context)
    try {
      const identity: unknown = identityProvider.identify(copyJson(context) as AgentContext)
      return typeof identity === 'string' ? identity : undefined
    } catch {
      return undefined
    }
  }

  const ask = async (interceptor: Interceptor, context: AgentContext): Promise<WireVerdict> => {
    const answer = await within(timeoutMs, () => interceptor(copyJson(context) as AgentContext))
    if (answer.status === 'late') return hostError('interceptor_timeout')
    if (answer.status === 'failed') return hostError('interceptor_failed')
    return readVerdict(answer.value) ?? hostError('verdict_invalid')
  }

  return async (given, refusal) => {
    const context = readContext(given)
    const before = context === undefined ? undefined : identify(context)
    const emission = (composed: Composed, input: string | null, enforced: string | null): Emission => ({
      proceeds: !enforcing || composed.verdict.decision !== 'deny',
      verdict: composed.verdict,
      context: context === undefined ? null : enforcing ? composed.context : context,
      record: {
        ...envelope(given),
        mode,
        verdict: forRecord(composed.verdict),
        input_identity: input,
        enforced_identity: enforced,
        identity_provider: providerName,
        decided_by: composed.decidedBy,
        composition: resolved(composition),
        ...(composition.profile === 'sequential/first_deny' ? {} : { verdicts: summary(composed.verdicts) }),
        fold_truncated: composed.truncated,
        ...(composed.resolvedBy === null ? {} : { resolved_by: composed.resolvedBy }),
        interceptors_registered: interceptors.length,
      },
    })
    if (context === undefined || before === undefined) {
      const none = context ?? NOTHING
      const refused = alone(hostError('context_invalid'), none)
      // Without a whole context there is nothing that could be done, whatever the mode.
      return context === undefined
        ? { ...emission(refused, null, null), proceeds: false }
        : emission(refused, null, null)
    }
    if (refusal !== undefined) return emission(alone(hostError(refusal), context), before, before)
    if (interceptors.length === 0)
      return emission(alone(hostError('no_interceptor'), context), before, before)
    const mayAsk = enforcing && resolver !== undefined && context.interception_point !== 'agent_shutdown'
    const composed = await compose(composition, context, {
      count: interceptors.length,
      enforcing,
      ask: (index, shown) => ask(interceptors[index] as Interceptor, shown),
      consult: mayAsk
        ? (verdict, shown) =>
            askResolver({ resolver, redact: options.redact, identify, approvalTimeoutMs }, verdict, shown)
        : null,
    })
    const after = enforcing ? identify(composed.context) : before
    if (after === undefined)
      return emission(
        { ...composed, verdict: hostError('context_invalid'), decidedBy: null, context },
        before,
        null,
      )
    return emission(composed, before, after)
  }
}

/** Stands for a context that could not be read; nothing of it is given out. */
const NOTHING = { interception_point: 'agent_shutdown', target: null } as unknown as AgentContext

function alone(verdict: WireVerdict, context: AgentContext): Composed {
  return { verdict, context, decidedBy: null, verdicts: [], truncated: false, resolvedBy: null }
}

/** The knobs that the profile looks at, with their defaults. */
function resolved(composition: Composition): JsonObject {
  const { profile, on_approval, on_disagreement, on_transform_conflict } = composition
  return {
    profile,
    ...(profile === 'sequential/first_deny' ? { on_approval: on_approval ?? 'stop' } : {}),
    ...(profile === 'parallel/unanimous' ? { on_disagreement: on_disagreement ?? 'deny' } : {}),
    ...(profile === 'parallel/strictest' ? { on_transform_conflict: on_transform_conflict ?? 'deny' } : {}),
  }
}

function summary(verdicts: readonly WireVerdict[]): readonly JsonObject[] {
  return verdicts.map(({ decision, reason }, index) => ({
    index,
    decision,
    ...(reason === undefined ? {} : { reason }),
  }))
}

/** What the record copies from the context, as far as it is there. */
function envelope(given: unknown): JsonObject {
  const copy = copyJson(given)
  const context = (typeof copy === 'object' && copy !== null ? copy : {}) as JsonObject
  const { interception_point, sequence, session, timestamp, trace } = context
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
  const of = (value: JsonValue | undefined, name: string): JsonValue | undefined =>
    typeof value === 'object' && value !== null ? (value as JsonObject)[name] : undefined
  const ids = ['trace_id', 'span_id'].flatMap((name) => {
    const id = of(trace, name)
    return typeof id === 'string' ? [[name, id] as const] : []
  })
  return {
    interception_point: text(interception_point),
    session_id: text(of(session, 'id')),
    sequence: typeof sequence === 'number' ? sequence : -1,
    ...(typeof timestamp === 'string' ? { timestamp } : {}),
    ...(ids.length === 0 ? {} : { trace: Object.fromEntries(ids) }),
  }
}
