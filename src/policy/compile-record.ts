import type { JsonObject } from '../action/json.ts'
import { described, listOf, map } from './schema-words.ts'

/** `record:`. What is kept of what went to and fro, so that it can be replayed. */
export interface RecordRule {
  readonly models: boolean
  readonly api: boolean
  readonly mcp: boolean
  /** Bytes of the largest answer that is kept. */
  readonly maxBytes: number
}

/** `replay:`. */
export interface ReplayRule {
  /** What may differ from run to run: JSON pointers with `*`, or the names of what is masked in every text. */
  readonly volatile: readonly string[]
}

export interface RecordEntry {
  readonly models?: 'off' | 'full'
  readonly api?: 'off' | 'full'
  readonly mcp?: 'off' | 'full'
  readonly max_bytes?: number
}

export interface ReplayEntry {
  readonly volatile?: readonly string[]
}

const MAX_BYTES = 4 * 1024 * 1024

export function compileRecord({ models, api, mcp, max_bytes: maxBytes }: RecordEntry): RecordRule {
  return Object.freeze({
    models: models === 'full',
    api: api === 'full',
    mcp: mcp === 'full',
    maxBytes: maxBytes ?? MAX_BYTES,
  })
}

export function compileReplay({ volatile = [] }: ReplayEntry): ReplayRule {
  return Object.freeze({ volatile: Object.freeze([...volatile]) })
}

const kept = (what: string): JsonObject => ({
  description: `Whether ${what} are kept whole, secrets masked. They take disk and hold what people said. Default: off.`,
  enum: ['off', 'full'],
})

export const recordSchema: JsonObject = described(
  'What is kept of requests and answers, so that sessions can be replayed.',
  map({
    models: kept('calls of models'),
    api: kept('calls of the HTTP API by agents'),
    mcp: kept('what clients ask MCP servers'),
    max_bytes: {
      description: 'The largest answer that is kept. Default: 4 MiB.',
      type: 'integer',
      minimum: 1024,
      maximum: 67_108_864,
    },
  }),
)

export const replaySchema: JsonObject = described(
  'How a replay compares what an agent asks with what it asked then.',
  map({
    volatile: listOf(
      'What may differ: JSON pointers into the body (/metadata/*/id; * stands for any one step), or `dates` and `ids` for those anywhere in texts.',
      { type: 'string', pattern: '^(?:/.{0,199}|dates|ids)$' },
    ),
  }),
)
