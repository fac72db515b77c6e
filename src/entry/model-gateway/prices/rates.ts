/** Whole pico-USD (10⁻¹² USD) for one unit: sums of them are exact, unlike sums of dollars. */
export type Pico = number

/**
 * What a model charges, by what it charges for. Tokens that have no rate of their own are charged as what they are
 * part of: cached and audio input as input, reasoning and audio output as output.
 */
export interface Rates {
  readonly input: Pico
  readonly output: Pico
  readonly cacheRead: Pico | null
  readonly cacheWrite: Pico | null
  readonly cacheWriteHour: Pico | null
  readonly inputAudio: Pico | null
  readonly cacheAudioRead: Pico | null
  readonly outputAudio: Pico | null
  readonly reasoning: Pico | null
}

/** Rates for prompts of more than `above` tokens, the whole prompt and answer alike. */
export interface RateTier {
  readonly above: number
  readonly rates: Rates
}

/** A complete price: the tiers by rising `above`, the first from 0 tokens on (`above: -1`). */
export interface RateCard {
  readonly tiers: readonly RateTier[]
  /** For every request, whatever it holds. */
  readonly request: Pico
  readonly webSearch: Pico
}

/** Dollars per million of something to pico-USD for one, rounded up. `undefined` when it is no usable amount. */
export function picoPer(usd: number, units: number): Pico | undefined {
  const pico = (usd * 1e12) / units
  if (!(pico >= 0) || pico > Number.MAX_SAFE_INTEGER) return undefined
  // 0.07 × 1e6 comes out a hair above the integer; trim the binary noise before rounding up.
  return Math.ceil(Number(pico.toPrecision(15)))
}
