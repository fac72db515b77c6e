import type { JsonObject, JsonValue } from '../../../src/action/json.ts'
import type { Composition } from '../../../src/entry/hooks/contract/compose.ts'

/** A conformance vector of agent-hooks 0.1, as far as it is read here. */
export interface Vector {
  readonly id: string
  readonly title: string
  readonly capabilities: readonly string[]
  readonly mode?: 'enforce' | 'evaluate_only'
  readonly composition?: Composition
  readonly identity_provider?: string | null
  readonly redact_for_approval?: readonly string[]
  readonly scenario: {
    readonly input: { readonly content: string; readonly role: string }
    readonly tools?: readonly Tool[]
    readonly model_script: readonly { readonly respond: Response }[]
  }
  readonly interceptor_script?: readonly Rule[]
  readonly interceptor_scripts?: readonly (readonly Rule[])[]
  readonly approval_script?: readonly ApprovalRule[]
  readonly expect: Expectation
}

export interface Tool {
  readonly name: string
  readonly behavior: readonly {
    readonly when_args?: JsonObject
    readonly return: JsonValue
    readonly is_error?: boolean
  }[]
}

export interface Response {
  readonly content: string | null
  readonly tool_calls: readonly { readonly id: string; readonly name: string; readonly args: JsonObject }[]
  readonly finish_reason: string
  /** The pieces in which the content comes. */
  readonly stream?: readonly string[]
  /** The stream breaks off after them. */
  readonly stream_truncated?: boolean
}

export interface Rule {
  readonly at: string
  readonly match?: JsonObject
  readonly return?: JsonObject
  readonly fault?: 'raise' | 'malformed_verdict' | 'mutate'
}

export interface ApprovalRule {
  readonly match?: JsonObject
  readonly resolve: {
    readonly fault?: 'raise'
    readonly outcome?: string
    readonly verdict?: JsonObject
    readonly identity_override?: string
    readonly echo_recomputed?: boolean
  }
}

export interface Expectation {
  readonly sequence_strict?: boolean
  readonly interceptions?: readonly ExpectedContext[]
  readonly interceptions_absent?: readonly string[]
  readonly tool_invocations?: readonly { readonly name: string; readonly args: JsonObject }[]
  readonly tool_not_invoked?: readonly string[]
  readonly records?: readonly ExpectedRecord[]
  readonly final_output?: JsonValue
  readonly released_output?: string
  readonly persisted_must_not_contain?: readonly string[]
  readonly run_outcome?: string
  readonly identities_equal?: boolean
}

export interface ExpectedContext {
  readonly interception_point: string
  readonly context?: JsonObject
  readonly context_must_contain?: readonly string[]
  readonly context_must_not_contain?: readonly string[]
}

export interface ExpectedRecord {
  readonly interception_point: string
  readonly assert?: JsonObject
  readonly present?: readonly string[]
  readonly absent?: readonly string[]
}

/** The value at a path such as `response.tool_calls[0].name`; `undefined` where there is none. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const name of path.split(/[.[\]]+/).filter((name) => name !== '')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}
