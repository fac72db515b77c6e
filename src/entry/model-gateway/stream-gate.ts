import type { JsonObject } from '../../action/json.ts'
import type { ResultVerdict } from '../../action/action.ts'
import type { StreamEvent, StreamFormat, StreamReading } from './wire-formats/wire-format.ts'

/** What the gate asks of the policy: a verdict on the text that is about to be released. */
export type JudgeText = (result: JsonObject) => ResultVerdict | Promise<ResultVerdict>

export interface GateOptions {
  readonly format: StreamFormat
  /** `null`: no check looks at the answer, text passes at once. */
  readonly judge: JudgeText | null
  /** Characters of each text that are held back; `Infinity` holds everything to the end. */
  readonly hold: number
}

/** What may go to the agent now, or why nothing more may. */
export type Passage =
  | { readonly status: 'open'; readonly events: readonly StreamEvent[] }
  | { readonly status: 'refused'; readonly verdict: ResultVerdict }

interface Held {
  readonly event: StreamEvent
  readonly reading: StreamReading
  text: string | null
  changed: boolean
  /** Where the event's text ends within its part, in characters as the agent gets them. */
  end: number
}

interface Part {
  /** What the agent has got of it already. */
  released: string
  /** What is held, as it came or as a check left it. */
  held: string
  /** How much of `released + held` a check has seen with everything after it that the window demands. */
  cleared: number
}

/**
 * Stands between the provider's stream and the agent. Text is released only after a check has seen it together with
 * at least `hold` characters that follow it, or with the end of the answer: nothing that a check finds within a
 * window of that size reaches the agent. From the first tool call on everything is held until the calls are judged.
 */
export class StreamGate {
  readonly #options: GateOptions
  readonly #held: Held[] = []
  readonly #parts: Part[] = []
  #heldText = 0
  #toolAt = -1
  #verdict: ResultVerdict | undefined

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** The strictest verdict so far, for the record. */
  get verdict(): ResultVerdict | undefined {
    return this.#verdict
  }

  /** Anything has been given out. */
  releasedAny = false

  /** The texts as the agent gets them; kept only where a check looks at them. */
  texts(): readonly string[] {
    return this.#parts.map(({ released, held }) => released + held)
  }

  take(event: StreamEvent, reading: StreamReading): Passage | Promise<Passage> {
    const { judge, hold } = this.#options
    if (reading.tool && this.#toolAt === -1) this.#toolAt = this.#held.length
    if (judge === null && this.#toolAt === -1) {
      if (reading.unasked) return NOTHING
      this.releasedAny = true
      return { status: 'open', events: [event] }
    }
    if (judge !== null && reading.text !== null) {
      const part = this.#part(reading.part)
      part.held += reading.text
      // More of a text that was thought to be complete: what is new has not been seen.
      if (part.cleared === Infinity)
        part.cleared = part.released.length + part.held.length - reading.text.length
      this.#heldText += reading.text.length
    }
    this.#held.push({ event, reading, text: reading.text, changed: false, end: this.#endOf(reading) })
    if (judge === null) return this.#release(false)
    const whole = reading.repeats === true && Number.isFinite(hold)
    if (!whole && (this.#heldText < 2 * hold || this.#heldText === 0)) return this.#release(false)
    return this.#judged(judge, whole ? 'texts' : 'window', {})
  }

  /** At the end of the answer: everything is judged, with what only the end tells (tool calls, finish reason). */
  finish(more: JsonObject): Passage | Promise<Passage> {
    const { judge } = this.#options
    if (judge === null) return this.#release(true)
    return this.#judged(judge, 'answer', more)
  }

  /** After `finish`: the events from the first tool call on, for the verdicts on the calls. */
  heldCalls(): readonly StreamEvent[] {
    return this.#held
      .filter(({ reading }) => !reading.unasked)
      .map((held) => this.#written(held))
      .filter(isThere)
  }

  /** `window`: more of the texts may follow; `texts`: the texts so far are complete; `answer`: everything is. */
  #judged(
    judge: JudgeText,
    extent: 'window' | 'texts' | 'answer',
    more: JsonObject,
  ): Passage | Promise<Passage> {
    const atEnd = extent === 'answer'
    const open = this.#parts.flatMap((part, index) => (part.held !== '' || atEnd ? [index] : []))
    if (atEnd && open.length === 0) open.push(-1)
    const next = (at: number): Passage | Promise<Passage> => {
      const index = open[at]
      if (index === undefined) return this.#release(atEnd)
      const last = at === open.length - 1
      const part = this.#parts[index]
      const context = part === undefined ? '' : contextOf(part.released, this.#options.hold)
      const text = context + (part?.held ?? '')
      const asked = judge({ text, ...(atEnd && last && more) })
      const conclude = (verdict: ResultVerdict): Passage | Promise<Passage> => {
        this.#note(verdict)
        if (verdict.effective === 'deny') return { status: 'refused', verdict }
        if (
          verdict.effective === 'transform' &&
          !this.#transform(index, context, text, verdict, more, atEnd && last)
        )
          return { status: 'refused', verdict: { ...verdict, effective: 'deny' } }
        if (part !== undefined)
          part.cleared = extent === 'window' ? part.released.length + part.held.length : Infinity
        return next(at + 1)
      }
      return asked instanceof Promise ? asked.then(conclude) : conclude(asked)
    }
    return next(0)
  }

  #note(verdict: ResultVerdict): void {
    const before = this.#verdict
    if (before === undefined || RANK[verdict.decision] > RANK[before.decision]) this.#verdict = verdict
    else if (verdict.decision === before.decision && verdict.decision !== 'allow') {
      const known = new Set(before.reasons.map(({ code }) => code))
      const reasons = [...before.reasons, ...verdict.reasons.filter(({ code }) => !known.has(code))]
      this.#verdict = { ...before, reasons }
    }
  }

  /** Puts a changed text into the held events. `false` when it cannot be done: the change reaches into what was given out already, or is in a tool call. */
  #transform(
    index: number,
    context: string,
    before: string,
    { result }: ResultVerdict,
    more: JsonObject,
    withMore: boolean,
  ): boolean {
    const { text: after, ...others } = result
    if (withMore && JSON.stringify(others) !== JSON.stringify(more)) return false
    if (typeof after !== 'string' || !after.startsWith(context)) return false
    if (after === before) return true
    const part = this.#parts[index]
    if (part === undefined) return false
    const old = part.held
    const fresh = after.slice(context.length)
    let start = 0
    while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++
    let tail = 0
    while (
      tail < old.length - start &&
      tail < fresh.length - start &&
      old.at(-1 - tail) === fresh.at(-1 - tail)
    )
      tail++
    this.#replace(index, start, old.length - tail, fresh.slice(start, fresh.length - tail))
    part.held = fresh
    this.#heldText += fresh.length - old.length
    return true
  }

  /** Replaces [from, to) of a part's held text: the first event that it touches carries the new text. */
  #replace(index: number, from: number, to: number, text: string): void {
    let at = 0
    let placed = false
    for (const held of this.#held) {
      if (held.text === null || held.reading.part !== index) continue
      const begin = at
      at += held.text.length
      const cutFrom = Math.max(from, begin)
      const cutTo = Math.min(to, at)
      if (cutFrom < cutTo || (!placed && from === to && from >= begin && from <= at)) {
        const own = held.text
        held.text =
          own.slice(0, cutFrom - begin) + (placed ? '' : text) + own.slice(Math.max(cutTo, cutFrom) - begin)
        held.changed = true
        placed = true
      }
    }
    let end = this.#parts[index]?.released.length ?? 0
    for (const held of this.#held) {
      if (held.reading.part !== index || held.text === null) continue
      end += held.text.length
      held.end = end
    }
  }

  #release(atEnd: boolean): Passage {
    const { judge, hold } = this.#options
    const events: StreamEvent[] = []
    let count = 0
    const limit = this.#toolAt === -1 ? this.#held.length : this.#toolAt
    // Until the first text is cleared not even the opening goes out: the answer may still be asked for again.
    if (judge !== null && !atEnd && !this.releasedAny && !this.#firstTextCleared(hold)) return NOTHING
    for (; count < limit; count++) {
      const held = this.#held[count] as Held
      if (judge !== null && held.text !== null) {
        if (!atEnd && held.end > this.#part(held.reading.part).cleared - hold) break
        this.#releaseText(held.reading.part, held.text.length)
      }
      if (held.reading.unasked) continue
      const event = this.#written(held)
      if (event !== null) events.push(event)
    }
    this.#held.splice(0, count)
    if (this.#toolAt !== -1) this.#toolAt -= count
    if (events.length > 0) this.releasedAny = true
    return { status: 'open', events }
  }

  #firstTextCleared(hold: number): boolean {
    const first = this.#held.find(({ text }) => text !== null && text !== '')
    return first !== undefined && first.end <= this.#part(first.reading.part).cleared - hold
  }

  #written({ event, reading, text, changed }: Held): StreamEvent | null {
    const { format, judge } = this.#options
    if (reading.repeats === true && format.finalText !== undefined)
      return judge === null ? event : format.finalText(event, this.texts())
    return changed && text !== null ? format.withText(event, text) : event
  }

  #releaseText(index: number, length: number): void {
    const part = this.#part(index)
    part.released += part.held.slice(0, length)
    part.held = part.held.slice(length)
    this.#heldText -= length
  }

  #endOf({ text, part: index }: StreamReading): number {
    if (text === null || this.#options.judge === null) return 0
    const part = this.#part(index)
    return part.released.length + part.held.length
  }

  #part(index: number): Part {
    for (let at = this.#parts.length; at <= index; at++)
      this.#parts.push({ released: '', held: '', cleared: 0 })
    return this.#parts[index] as Part
  }
}

const NOTHING: Passage = { status: 'open', events: [] }
const RANK = { allow: 0, transform: 1, require_approval: 2, deny: 3 } as const

function contextOf(released: string, hold: number): string {
  return Number.isFinite(hold) ? released.slice(Math.max(0, released.length - hold)) : released
}

function isThere(event: StreamEvent | null): event is StreamEvent {
  return event !== null
}
