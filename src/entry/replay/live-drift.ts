import { canonicalJson } from '../../action/digest.ts'
import type { JsonValue } from '../../action/json.ts'
import type { ModelAnswer } from '../model-gateway/model-call.ts'
import type { LiveAgent } from './ask-gateway.ts'
import { changed, modelExchange, readAnswer, type Change, type ProtocolOf } from './model-exchange.ts'
import type { Step } from './session-book.ts'

/** How often answers were like the recorded one. */
export interface Likeness {
  /** Answers that came. */
  readonly answers: number
  /** Calls that brought no answer: refused, failed, cut. */
  readonly failed: number
  readonly exact: number
  /** The same words: case, blanks and punctuation aside. */
  readonly words: number
  readonly toolCalls: number
  readonly finishReason: number
}

export interface Drift {
  readonly session: string
  readonly steps: readonly (Likeness & { readonly step: number; readonly model: string | null })[]
  readonly total: Likeness
  /** Steps that are no call of a model, or whose answer was not kept. */
  readonly skipped: number
  /** A budget ended it early. */
  readonly stopped: string | null
}

export interface LiveOptions {
  readonly steps: readonly Step[]
  readonly times: number
  readonly session: string
  readonly change: Change
  readonly protocolOf: ProtocolOf
  readonly onAnswer?: (sent: number) => void
}

type Counts = { -readonly [K in keyof Likeness]: number }

const NONE: Likeness = { answers: 0, failed: 0, exact: 0, words: 0, toolCalls: 0, finishReason: 0 }
/** What every further call would be answered with as well. */
const STOPS = /^(?:budget|rate|agent|breaker):/

/** Sends the recorded requests to their models again, through the gateway, and counts how the answers differ: a statistic. */
export async function measureDrift(live: LiveAgent, options: LiveOptions): Promise<Drift> {
  const { steps, times, session, change, protocolOf } = options
  const told: (Counts & { step: number; model: string | null })[] = []
  let skipped = 0
  let sent = 0
  let stopped: string | null = null
  for (const { step, recording } of steps) {
    const { method, path, request, answer } = recording
    const exchange = modelExchange({ method, path, body: request }, protocolOf)
    const before =
      exchange === undefined || answer === null
        ? undefined
        : readAnswer(exchange, Buffer.from(answer.body, answer.encoding))
    if (exchange === undefined || before === undefined) {
      skipped++
      continue
    }
    const counts = { ...NONE, step, model: before.model }
    told.push(counts)
    const again = changed(exchange, change)
    for (let n = 0; n < times && stopped === null; n++) {
      const response = await live.ask({ method, ...again }, session)
      const bytes = Buffer.from(await response.arrayBuffer())
      options.onAnswer?.(++sent)
      const after = response.ok ? readAnswer(exchange, bytes) : undefined
      if (after === undefined) {
        counts.failed++
        stopped = refusalIn(bytes)
      } else count(counts, before, after)
    }
    if (stopped !== null) break
  }
  const total: Counts = { ...NONE }
  for (const one of told) for (const key of Object.keys(NONE) as (keyof Likeness)[]) total[key] += one[key]
  return { session, steps: told, total, skipped, stopped }
}

function count(counts: Counts, before: ModelAnswer, after: ModelAnswer): void {
  const [was, is] = [before.texts.join('\n'), after.texts.join('\n')]
  counts.answers++
  if (was === is) counts.exact++
  if (wordsOf(was) === wordsOf(is)) counts.words++
  if (callsOf(before) === callsOf(after)) counts.toolCalls++
  if (before.finishReasons.join() === after.finishReasons.join()) counts.finishReason++
}

function wordsOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** Names and arguments; ids are new each time. */
function callsOf({ toolCalls }: ModelAnswer): string {
  return JSON.stringify(
    toolCalls.map(({ name, arguments: text }) => {
      try {
        return [name, canonicalJson(JSON.parse(text) as JsonValue)]
      } catch {
        return [name, text]
      }
    }),
  )
}

function refusalIn(bytes: Buffer): string | null {
  const found = /"(?:code|type|status)"\s*:\s*"([a-z_]{1,40}:[a-z0-9_.-]{1,60})"/.exec(
    bytes.subarray(0, 10_000).toString('utf8'),
  )
  return found !== null && STOPS.test(found[1] as string) ? (found[1] as string) : null
}
