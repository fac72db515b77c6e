import { BelayError } from '../errors/catalogue.ts'

/**
 * Money is counted in whole nano-USD (10⁻⁹ USD) as safe integers: exact up to nine million dollars
 * an account, and fine enough for one token of the cheapest model.
 */
export type NanoUsd = number

export const NANO_PER_USD = 1_000_000_000
export const MAX_USD = Math.floor(Number.MAX_SAFE_INTEGER / NANO_PER_USD)

/** Dollars to nano-USD, rounded up: an estimate never undercounts. Refuses NaN, negative and huge amounts. */
export function nanoFromUsd(usd: number, where = 'cost_usd'): NanoUsd {
  if (!Number.isFinite(usd) || usd < 0 || usd > MAX_USD) {
    throw new BelayError('input:invalid_amount', { where, got: String(usd), max: String(MAX_USD) })
  }
  // 0.1 * 1e9 may come out a hair above the integer; trim the binary noise before rounding up.
  return Math.ceil(Number((usd * NANO_PER_USD).toPrecision(15)))
}

export function usdFromNano(nano: NanoUsd): number {
  return nano / NANO_PER_USD
}

/** Throws `input:invalid_amount` for what is no whole, safe, non-negative number of nano-USD. */
export function refuseBadAmount(nano: NanoUsd | undefined, where = 'cost'): void {
  if (nano === undefined || (Number.isSafeInteger(nano) && nano >= 0)) return
  throw new BelayError('input:invalid_amount', { where, got: String(nano), max: String(MAX_USD) })
}
