import { DAY } from './behaviour.ts'

/** After this time an observation counts half. */
const HALF_LIFE = 7 * DAY

/** How much of its weight something has kept; a clock that went back takes nothing away. */
export function keptAfter(ms: number): number {
  return ms <= 0 ? 1 : 2 ** (-ms / HALF_LIFE)
}

/** Decay costs an exponential: it is taken in steps of this, ms. */
export const DECAY_STEP = 60_000
