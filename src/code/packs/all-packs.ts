import type { Pack } from '../pack.ts'
import { VALUE_FLOW } from './value-flow/value-flow.ts'

/** Every pack, in the order in which they run. */
export const ALL_PACKS: readonly Pack[] = [VALUE_FLOW]
