import type { Decision } from './decision.ts'
import type { JsonValue } from './json.ts'

/** `namespace:code` with a sentence for people. The sentence never quotes the input: records outlive erasure. */
export interface Reason {
  readonly code: string
  readonly message: string
  /** The check that gave the reason. */
  readonly check?: string
  /** Standards that the rule supports, for example `ASI02`. */
  readonly tags?: readonly string[]
}

/** Replaces one value of the input. `path` leads from the root: property names and array indices. */
export interface Edit {
  readonly path: readonly (string | number)[]
  readonly value: JsonValue
}

/**
 * What a stage noticed and what it demands. Stages annotate with findings; only the kernel decides.
 * A finding that demands `allow` is a remark (`warn`): recorded, without effect.
 */
export interface Finding {
  readonly decision: Decision
  readonly reason: Reason
  /** The values that mattered. May quote the input, so it is stored with the payload and can be erased. */
  readonly evidence?: JsonValue
  /** With `transform`: what to change in the input before the action may run. */
  readonly edits?: readonly Edit[]
}
