import type { NanoUsd } from '../../../action/money.ts'
import type { MediaCounts, TokenUsage } from '../model-call.ts'

/**
 * What one model costs, compiled once. Amounts are nano-USD, rounded up. An unknown model has no price: the caller
 * refuses, naming how to declare one.
 */
export interface ModelPrice {
  /** Id of the entry that matched, recorded with every charge: an unknown model may match an older one's entry. */
  readonly id: string
  /** Where the price comes from: `policy`, or the price table with its version. */
  readonly source: string
  /** Tokens; `null` when not known. */
  readonly contextWindow: number | null
  /** The most that one answer can have, where the policy says so; `null`: not known. */
  readonly maxOutput: number | null
  /** The most tokens that one image can be; absent: as for a vendor of whom nothing is known. */
  readonly imageTokens?: number
  /** What reported usage costs. Throws `input:invalid_amount` for counts that are no whole numbers. */
  cost(usage: TokenUsage): NanoUsd
  /** The most that a call can cost: every input token at its dearest rate, every answer at full length. Hosted tools come on top. */
  worst(inputTokens: number, outputTokens: number): NanoUsd
  /** The most output tokens (over all answers together) that `room` pays for after the prompt; 0 when it does not, `Infinity` when output is free. */
  affordable(room: NanoUsd, inputTokens: number): number
}

export interface PriceBook {
  /** Reads the price table into memory (some 20 MB). To be awaited before `price`; costs nothing when repeated. */
  load(): Promise<void>
  /** `undefined` when nobody knows the price. */
  price(provider: string, model: string): ModelPrice | undefined
}

/** An upper bound of the prompt's tokens: a token is at least one byte of the body. `tools`: the request names some. */
export type InputBound = (bodyBytes: number, media: MediaCounts, price: ModelPrice, tools: boolean) => number
