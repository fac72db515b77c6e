import { canonicalJson, sha256 } from '../../action/digest.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { Recording } from '../../action/recording.ts'
import { maskJson, maskText } from '../recording/mask-secrets.ts'
import { firstDifferences, type Difference } from './first-differences.ts'
import type { Settle } from './volatile.ts'

/** One recorded exchange of a session. Steps count from 1, in the order in which the requests came. */
export interface Step {
  readonly step: number
  readonly action: string
  readonly recording: Recording
}

/** What an agent asks, as a door reads it. */
export interface Asked {
  readonly method: string
  /** Without any key. */
  readonly path: string
  readonly body: JsonValue
}

/** Where a run left the recording. */
export interface Divergence {
  /** The step that was due; `null` when all had been asked for. */
  readonly step: number | null
  readonly action: string | null
  readonly why: 'other_request' | 'beyond_the_end' | 'answer_withheld'
  readonly expected: string | null
  readonly came: string
  readonly differences: readonly Difference[]
}

export type Found =
  | { readonly status: 'found'; readonly step: Step; readonly again: boolean }
  | { readonly status: 'diverged'; readonly divergence: Divergence }

/** A recorded session, answering each request once: the earliest step with the same canonical request that is still due. */
export class SessionBook {
  readonly steps: readonly Step[]
  readonly #settle: Settle
  readonly #due = new Map<string, Step[]>()
  /** Reading may be repeated: how often an agent polls depends on the clock. */
  readonly #read = new Map<string, Step>()
  readonly #open: Set<Step>

  constructor(steps: readonly Step[], settle: Settle) {
    this.steps = steps
    this.#settle = settle
    this.#open = new Set(steps)
    for (const step of steps) {
      const { method, path, request } = step.recording
      const key = digest(this.#settled({ method, path, body: request }))
      const same = this.#due.get(key)
      if (same === undefined) this.#due.set(key, [step])
      else same.push(step)
    }
  }

  /** Steps that nobody has asked for yet, in their order. */
  due(): readonly Step[] {
    return [...this.#open]
  }

  /** The number of the step that is due; `Infinity` when all were asked for. */
  get next(): number {
    const [first] = this.#open
    return first?.step ?? Infinity
  }

  take(asked: Asked): Found {
    // What was recorded has its secrets masked.
    const masked = { ...asked, path: maskText(asked.path).value, body: maskJson(asked.body).value }
    const settled = this.#settled(masked)
    const key = digest(settled)
    const step = this.#due.get(key)?.shift()
    if (step !== undefined) {
      this.#open.delete(step)
      if (asked.method === 'GET') this.#read.set(key, step)
      return step.recording.answer === null
        ? { status: 'diverged', divergence: this.#withheld(step, masked) }
        : { status: 'found', step, again: false }
    }
    const read = this.#read.get(key)
    if (read !== undefined) return { status: 'found', step: read, again: true }
    return { status: 'diverged', divergence: this.#missed(masked, settled) }
  }

  #missed(masked: Asked, settled: JsonObject): Divergence {
    const [next] = this.#open
    // What is compared is the request that the agent most likely meant.
    const alike = [...this.#open].find(
      ({ recording: { method, path } }) => method === masked.method && path === masked.path,
    )
    const expected = alike ?? next
    if (expected === undefined)
      return {
        step: null,
        action: null,
        why: 'beyond_the_end',
        expected: null,
        came: named(masked),
        differences: [],
      }
    const { method, path, request } = expected.recording
    return {
      step: expected.step,
      action: expected.action,
      why: 'other_request',
      expected: named({ method, path }),
      came: named(masked),
      differences: firstDifferences(this.#settled({ method, path, body: request }), settled),
    }
  }

  #withheld({ step, action, recording }: Step, masked: Asked): Divergence {
    return {
      step,
      action,
      why: 'answer_withheld',
      expected: `an answer that was not kept (${recording.withheld ?? 'unknown'})`,
      came: named(masked),
      differences: [],
    }
  }

  #settled({ method, path, body }: Asked): JsonObject {
    return { method, path: this.#settle(path), body: this.#settle(body) }
  }
}

function digest(settled: JsonObject): string {
  return sha256(canonicalJson(settled))
}

function named({ method, path }: Pick<Asked, 'method' | 'path'>): string {
  return `${method} ${path}`
}

/** One sentence of where a run left the recording. */
export function describe({ step, why, expected, came, differences }: Divergence): string {
  if (why === 'beyond_the_end') return `The recording has ended; ${came} came.`
  if (why === 'answer_withheld') return `Step ${step} has ${expected}.`
  const [first] = differences
  const where = first === undefined ? '' : ` First difference at ${first.pointer || '/'}.`
  return `Step ${step} was ${expected}; ${came} came, which is not the same.${where}`
}
