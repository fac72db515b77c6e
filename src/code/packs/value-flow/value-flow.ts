import type { Pack } from '../../pack.ts'

/** Untrusted values that reach where they do harm. */
export const VALUE_FLOW: Pack = { name: 'value-flow', rules: [], run: () => [] }
