import type { Action, ResultVerdict } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { ResultRule } from '../../policy/policy.ts'
import type { AnswerSink } from './answer-sink.ts'
import type { CallEnd } from './call-record.ts'
import type { ModelAnswer, ToolCall } from './model-call.ts'
import type { ModelError } from './model-errors.ts'
import type { IncomingCall, Plan } from './plan-call.ts'
import { responseHeaders } from './upstream/headers.ts'
import { FREE, type Charged } from './usage-cost.ts'
import { JSON_ARRAY_TYPE } from './wire-formats/json-array.ts'

export interface ProviderCall {
  readonly plan: Plan
  /** The action that is executing. */
  readonly action: Action
  readonly incoming: IncomingCall
  readonly sink: AnswerSink
  readonly path: string
  readonly body: Buffer | null
  readonly asArray: boolean
  /** Checks of what comes back. */
  readonly rule: ResultRule | null
  /** Tokens of all answers together that are paid for. */
  readonly maxTokens: number
  readonly headers: Readonly<Record<string, string>>
  readonly judgeCalls: (calls: readonly ToolCall[]) => Promise<ReadonlyMap<number, string>>
}

export type UpstreamHeaders = Readonly<Record<string, string | readonly string[]>>

/** What is known of a try that was stopped. */
export interface Known {
  readonly charged: Charged
  readonly answer: ModelAnswer | null
  readonly verdict: ResultVerdict | null
}

export const NOT_CALLED: Known = { charged: FREE, answer: null, verdict: null }

/** What became of one try. */
export type Called = Charged & {
  readonly answer: ModelAnswer | null
  readonly verdict: ResultVerdict | null
  readonly firstByteMs: number | null
  readonly status: number | string
} & (
    | {
        /** The agent has its answer, or all of it that it will get. */
        readonly kind: 'answered'
        readonly ended: CallEnd['ended']
        readonly result: JsonObject | null
        readonly error: string | null
      }
    | {
        /** Nothing has reached the agent: the call may be tried again. */
        readonly kind: 'failed'
        /** Why it was stopped; absent when the provider failed. */
        readonly ended?: CallEnd['ended']
        readonly error: ModelError
        /** The provider's own refusal, to be passed on when nothing heals it. */
        readonly response: { readonly headers: UpstreamHeaders; readonly body: Buffer } | null
        /** Worth another try: overload, rate limit, no connection, no sensible answer. */
        readonly transient: boolean
        readonly headers: UpstreamHeaders
      }
    | { readonly kind: 'rejected' }
  )

const TRANSIENT: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529])

/** The provider refused or failed by itself: nothing is billed, and what it said can be passed on. */
export function providerError(plan: Plan, status: number, headers: UpstreamHeaders, body: Buffer): Called {
  return {
    kind: 'failed',
    ...FREE,
    answer: null,
    verdict: null,
    firstByteMs: null,
    status,
    error: {
      status,
      code: 'provider:error',
      message: `The provider ${plan.provider.name} answered ${status}.`,
    },
    response: { headers, body },
    transient: TRANSIENT.has(status),
    headers,
  }
}

/** The head of an answer as the agent gets it. */
export function clientHeaders(
  headers: UpstreamHeaders,
  { action, asArray }: ProviderCall,
  rewritten: boolean,
  streams: boolean,
): Record<string, string | string[]> {
  const out = responseHeaders(headers, { rewritten })
  out['belay-action'] = action.id
  if (streams && asArray) out['content-type'] = JSON_ARRAY_TYPE
  return out
}
