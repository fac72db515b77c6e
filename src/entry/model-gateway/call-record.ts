import type { ResultVerdict } from '../../action/action.ts'
import { digestOf } from '../../action/digest.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { usdFromNano, type NanoUsd } from '../../action/money.ts'
import { rememberRecent } from '../../action/recent-texts.ts'
import type { ModelAnswer, TokenUsage } from './model-call.ts'
import type { ModelPrice } from './prices/price-book.ts'
import type { Plan } from './plan-call.ts'

/** One try to get an answer within one action: only the last may have cost something. */
export interface AttemptNote {
  readonly provider: string
  readonly model: string | null
  /** HTTP status, or what kept it from having one. */
  readonly status: number | string
  readonly ms: number
  /** Waited before it, ms. */
  readonly waited?: number
}

/** How a call ended, for the record. */
export interface CallEnd {
  readonly ended:
    | 'complete'
    | 'client_gone'
    | 'truncated'
    | 'refused'
    | 'provider_error'
    | 'timeout'
    | 'over_reservation'
    | 'agent_stopped'
    | 'closing'
  readonly answer: ModelAnswer | null
  readonly cost: NanoUsd
  /** Where the figures come from: the provider's own report, a bound of what was produced, or the whole reservation. */
  readonly usageSource: 'reported' | 'bound' | 'reserved' | 'none'
  readonly usage: TokenUsage | null
  readonly attempts: readonly AttemptNote[]
  /** From the request to the provider's first byte, ms. */
  readonly firstByteMs: number | null
  readonly verdict: ResultVerdict | null
  readonly error: string | null
}

/** An agent offers the same tools with every call, and they can be most of it. */
const digestOfSchemas = rememberRecent((text) => digestOf(JSON.parse(text) as JsonValue))

/** What the decision's record says of a call beside its input: nothing of it is personal. */
export function decisionFacts(plan: Plan, price: ModelPrice | null): JsonObject {
  const { request, provider, prompt, cause, format } = plan
  return {
    model: {
      provider: provider.name,
      requested: request.model,
      format: format.name,
      params: request.params,
      tools_digest:
        request.toolSchemas === null ? null : digestOfSchemas(JSON.stringify(request.toolSchemas)),
    },
    prompt,
    ...(price && { price: { id: price.id, source: price.source }, input_tokens_bound: plan.inputTokens }),
    ...(cause && { ...(cause.action !== null && { heals: cause.action }), because: cause.why }),
  }
}

/** What the outcome's record says: the fingerprint of what answered, the usage and every attempt. */
export function outcomeFacts(plan: Plan, end: CallEnd): JsonObject {
  const { answer, usage } = end
  return {
    ended: end.ended,
    model: {
      provider: plan.provider.name,
      requested: plan.request.model,
      responded: bounded(answer?.model),
      response_id: bounded(answer?.id),
      system_fingerprint: bounded(answer?.systemFingerprint),
      finish_reasons: answer?.finishReasons.slice(0, MOST_REASONS).map(bounded) ?? [],
    },
    usage_source: end.usageSource,
    ...(usage && { usage: usageFacts(usage) }),
    ...(end.firstByteMs !== null && { first_byte_ms: end.firstByteMs }),
    attempts: end.attempts.map(({ provider, model, status, ms, waited }) => ({
      provider,
      model,
      status,
      ms,
      ...(waited !== undefined && { waited_ms: waited }),
    })),
    charged_usd: usdFromNano(end.cost),
  }
}

const MOST_REASONS = 16
const LONGEST_FACT = 200

/** What a provider says of itself: a record takes neither pages of it nor what is no Unicode. */
function bounded(text: string | null | undefined): string | null {
  return text == null ? null : text.slice(0, LONGEST_FACT).toWellFormed()
}

function usageFacts(usage: TokenUsage): JsonObject {
  return {
    input_tokens: usage.input,
    output_tokens: usage.output,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation_input_tokens: usage.cacheWrite,
    reasoning_output_tokens: usage.reasoning,
    ...(usage.webSearches > 0 && { web_searches: usage.webSearches }),
  }
}
