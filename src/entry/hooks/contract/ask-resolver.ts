import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import { copyJson, readContext, type AgentContext } from './agent-context.ts'
import { hostError, readVerdict, type WireVerdict } from './wire-verdict.ts'
import { within } from './within.ts'

/** What an approver is asked. */
export interface ApprovalRequest {
  readonly context_identity: string | null
  readonly interception_point: string
  readonly verdict: WireVerdict
  readonly context: AgentContext
}

/** Answers `{outcome: 'approve' | 'reject' | 'unresolved', context_identity, verdict}`; the identity is the request's. */
export type ApprovalResolver = (request: ApprovalRequest) => unknown

/** Takes out of a context what an approver need not see. */
export type Redact = (context: AgentContext) => unknown

interface Asking {
  readonly resolver: ApprovalResolver
  readonly redact: Redact | undefined
  readonly identify: (context: AgentContext) => string | null | undefined
  readonly approvalTimeoutMs: number
}

/** What the approver's answer puts in the place of the deny: a permit only when all of it is in order. */
export async function askResolver(
  { resolver, redact, identify, approvalTimeoutMs }: Asking,
  verdict: WireVerdict,
  context: AgentContext,
): Promise<WireVerdict> {
  const copy = copyJson(context) as AgentContext
  const redacted = redact === undefined ? undefined : await within(approvalTimeoutMs, () => redact(copy))
  const shown =
    redacted === undefined ? copy : redacted.status === 'answered' ? readContext(redacted.value) : undefined
  const identity = shown === undefined ? undefined : identify(shown)
  if (shown === undefined || identity === undefined) return hostError('approval_resolver_failed')
  const { interception_point } = context
  const answer = await within(approvalTimeoutMs, () =>
    resolver({
      context_identity: identity,
      interception_point,
      verdict: copyJson(verdict) as unknown as WireVerdict,
      context: copyJson(shown) as AgentContext,
    }),
  )
  const resolution = answer.status === 'answered' ? copyJson(answer.value) : undefined
  return isJsonObject(resolution) ? judged(resolution, identity) : hostError('approval_resolver_failed')
}

/** The order of these tests is that of the contract, section 9. */
function judged(resolution: JsonObject, identity: string | null): WireVerdict {
  const { outcome, context_identity, verdict } = resolution
  if ((context_identity ?? null) !== identity) return hostError('approval_identity_mismatch')
  if (outcome === 'unresolved')
    return hostError(verdict === undefined ? 'approval_unresolved' : 'approval_resolver_failed')
  if ((outcome !== 'approve' && outcome !== 'reject') || verdict === undefined)
    return hostError('approval_resolver_failed')
  const read = readVerdict(verdict)
  if (read === undefined || (read.decision === 'deny') !== (outcome === 'reject'))
    return hostError('verdict_invalid')
  return read
}
