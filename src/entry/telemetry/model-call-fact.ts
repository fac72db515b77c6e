import type { Decision } from '../../action/decision.ts'
import type { NanoUsd } from '../../action/money.ts'

/** What is known of a model call before it goes out. */
export interface ModelCallStart {
  /** `gen_ai.operation.name`: `chat`, `generate_content`, `text_completion`, `embeddings` …; the span is named after it. */
  readonly operation: string
  /** As the agent named it; `null` when the request names none. */
  readonly requestedModel: string | null
  /** The client's `traceparent` header as it came. An invalid one is ignored. */
  readonly traceparent: string | null
  /** Epoch milliseconds; a fraction is fine. */
  readonly startedAt: number
}

/** A model call that is over, however it ended. */
export interface ModelCallFact extends ModelCallStart {
  /** `null` when it was refused before it became an action. */
  readonly actionId: string | null
  readonly agent: string
  readonly session: string | null
  readonly release?: string | null
  /** The provider by its name in the policy, for Prometheus. */
  readonly provider: string
  /** `gen_ai.provider.name`, for OpenTelemetry. */
  readonly telemetryName: string
  /** The model that the provider says it ran. */
  readonly respondedModel: string | null
  readonly responseId: string | null
  readonly finishReasons: readonly string[]
  readonly usage: ModelUsage | null
  readonly cost: NanoUsd
  /** Seconds, from the request to the last byte of the answer. */
  readonly duration: number
  /** Seconds; `null` when no token came or the answer was not streamed. */
  readonly timeToFirstToken: number | null
  readonly decision: Decision
  readonly outcome: ModelOutcome
  /** Low in number: the code of a catalogued error or of a reason, a kind of failure, a status. `null` when nothing failed. */
  readonly errorType: string | null
  /** Calls to providers, in order; empty when none was made. */
  readonly attempts: readonly ModelAttempt[]
  /** Exported only when the operator has opted in: what was really sent and what the agent really got, after redaction. */
  readonly content?: ModelContent | null
}

/** `refused`: no provider was called. */
export type ModelOutcome = 'succeeded' | 'failed' | 'unknown' | 'refused'

/** The parts of a `TokenUsage` that are counted. `input` and `output` are whole; the others are parts of them. */
export interface ModelUsage {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly reasoning: number
}

export interface ModelAttempt {
  /** By its name in the policy. */
  readonly provider: string
  readonly model: string | null
  /** HTTP status, or what kept it from having one. */
  readonly status: number | string
  readonly ms: number
  /** Waited before it, ms. */
  readonly waited?: number
}

/** What a `ModelRequest` and a `ModelAnswer` have of it. */
export interface ModelContent {
  readonly request: {
    readonly texts: readonly {
      readonly role: 'system' | 'user' | 'assistant' | 'tool'
      readonly text: string
    }[]
  }
  readonly answer: {
    readonly texts: readonly string[]
    readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[]
    readonly finishReasons: readonly string[]
  } | null
}
