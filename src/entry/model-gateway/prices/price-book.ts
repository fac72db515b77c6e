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
  /** What reported usage costs. */
  cost(usage: TokenUsage): NanoUsd
  /** The most that a call can cost: every input token at its dearest rate, every answer at full length. */
  worst(inputTokens: number, outputTokens: number): NanoUsd
  /** The most output tokens (over all answers together) that `room` pays for after the prompt; 0 when it does not. */
  affordable(room: NanoUsd, inputTokens: number): number
}

export interface PriceBook {
  /** `undefined` when nobody knows the price. */
  price(provider: string, model: string): ModelPrice | undefined
}

/** An upper bound of the prompt's tokens: a token is at least one byte of the body. See docs for media. */
export type InputBound = (
  bodyBytes: number,
  media: MediaCounts,
  price: ModelPrice,
) => number
