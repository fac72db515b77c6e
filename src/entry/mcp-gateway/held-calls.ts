import { sha256 } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Standing } from './action-door.ts'

/** A call that waits for a person while nobody waits for it: the same call again goes on with it. */
export interface HeldCall {
  readonly action: string
  readonly approval: string
  /** What the server had asked to have back, while the approval was asked for through the client (MCP 2026-07-28). */
  readonly carried: JsonObject
}

const MAX_HELD = 1_000

/** What a held call carries for the server, beside its standing. */
export const carriedOf = new WeakMap<Standing, JsonObject>()

/**
 * Calls whose client was told to come back. An agent that repeats a held call does not start a second approval, and
 * nothing runs unless it is called again.
 */
export class HeldCalls {
  readonly #calls = new Map<string, HeldCall>()

  /** `canonicalInput`: the arguments as RFC 8785 canonical JSON. */
  key(agent: string, tool: string, canonicalInput: string): string {
    return sha256([agent, tool, canonicalInput].join('\n'))
  }

  /** Takes it: whoever has it now waits for it. */
  take(key: string): HeldCall | undefined {
    const call = this.#calls.get(key)
    this.#calls.delete(key)
    return call
  }

  put(key: string, call: HeldCall): void {
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size < MAX_HELD) break
      this.#calls.delete(oldest)
    }
    this.#calls.set(key, call)
  }
}
