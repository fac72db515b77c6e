import type { Protocol } from '../wire-formats/wire-format.ts'

/** A vendor that Belay knows by name: one row of data. Anything in it can be overridden under `providers:`. */
export interface Vendor {
  /** First segment of the gateway's path: `/openai/v1/…`. */
  readonly name: string
  readonly protocol: Protocol
  /** With the version segment, for example `https://api.openai.com/v1`. */
  readonly baseUrl: string
  /** Environment variable that holds its key; `null`: needs none (Ollama). */
  readonly keyVariable: string | null
  /** Id in the price table; `null`: not in it. */
  readonly priceId: string | null
  /** `gen_ai.provider.name` of OpenTelemetry. */
  readonly telemetryName: string
  /** What the OpenAI protocol's limit of an answer is called here; `max_tokens` unless said otherwise. */
  readonly maxTokensMember?: 'max_tokens' | 'max_completion_tokens'
  /** Models run on one's own machine: they cost nothing unless the policy says otherwise. */
  readonly local?: true
  /** The vendor bills the rest of an answer although the client has left: read it to the end, for at most so long (ms). */
  readonly drain?: number
}

/** A provider as the policy in force declares it, with its key resolved from the environment. */
export interface Provider extends Vendor {
  readonly key: string | null
  /** Headers that the policy adds to every call. Values may be secrets. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeouts: UpstreamTimeouts
}

/** Milliseconds. */
export interface UpstreamTimeouts {
  readonly connect: number
  /** From the request to the headers of the answer. */
  readonly firstByte: number
  /** Between two chunks. */
  readonly idle: number
}
