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
  /** The checks only look: text passes at once. */
  readonly observing?: boolean
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
}

interface Part {
  /** What the agent has got of it already. */
  released: string
  /** The text of the held events, as it came or as a check left it. */
  held: string
  /** How much of `held` nothing that follows can change any more. */
  final: number
  /** How much of `held` a check has seen. */
  seen: number
  /** The last characters before what is not final yet, as the agent gets them. */
  context: string
}

/** `window`: more of the text may follow; `complete`: none will. */
interface Question {
  readonly index: number
  readonly extent: 'window' | 'complete'
  /** What only the end of the answer tells. */
  readonly more: JsonObject
}

/**
 * Stands between the provider's stream and the agent. Text is released only after a check has seen it together with
 * at least `hold` characters that follow it, or with the end of the answer: nothing that a check finds within a
 * window of that size reaches the agent. What is held stays as it came until then: a finding at the edge of what has
 * arrived may be the beginning of another one. From the first tool call on everything is held until the calls are judged.
 */
export class StreamGate {
  readonly #options: GateOptions
  readonly #held: Held[] = []
  readonly #parts: Part[] = []
  #toolAt = -1
  #verdict: ResultVerdict | undefined

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** The strictest verdict so far, for the record. */
  get verdict(): ResultVerdict | undefined {
    return this.#verdict
  }

  /** Nothing is held back. */
  get empty(): boolean {
    return this.#held.length === 0
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
    if (judge !== null && reading.text !== null) this.#part(reading.part).held += reading.text
    this.#held.push({ event, reading, text: reading.text, changed: false })
    // What is held for the tool calls is judged with them, at the end.
    if (judge === null || this.#toolAt !== -1 || !Number.isFinite(hold)) return this.#release(false)
    const questions = this.#questions(reading)
    return questions.length === 0 ? this.#release(false) : this.#ask(judge, questions, false)
  }

  /** At the end of the answer: everything is judged, with what only the end tells (tool calls, finish reason). */
  finish(more: JsonObject): Passage | Promise<Passage> {
    const { judge } = this.#options
    if (judge === null) return this.#release(true)
    const questions: Question[] = this.#openParts().map((index) => ({
      index,
      extent: 'complete',
      more: NOTHING_MORE,
    }))
    const last = questions.pop()?.index ?? this.#parts.length - 1
    return this.#ask(judge, [...questions, { index: last, extent: 'complete', more }], true)
  }

  /** After `finish`: the events from the first tool call on, for the verdicts on the calls. */
  heldCalls(): readonly StreamEvent[] {
    return this.#held
      .filter(({ reading }) => !reading.unasked)
      .map((held) => this.#written(held))
      .filter(isThere)
  }

  #openParts(): number[] {
    return this.#parts.flatMap(({ held, final }, index) => (held.length > final ? [index] : []))
  }

  #questions({ text, part: index, closes, repeats }: StreamReading): readonly Question[] {
    const complete = repeats === true ? this.#openParts() : (closes ?? []).filter((at) => this.#isOpen(at))
    const questions: Question[] = complete.map((at) => ({
      index: at,
      extent: 'complete',
      more: NOTHING_MORE,
    }))
    if (text === null || text === '' || complete.includes(index)) return questions
    const { hold } = this.#options
    const { held, final, seen } = this.#part(index)
    if (held.length - final >= 2 * hold && held.length - seen >= hold)
      questions.push({ index, extent: 'window', more: NOTHING_MORE })
    return questions
  }

  #isOpen(index: number): boolean {
    const part = this.#parts[index]
    return part !== undefined && part.held.length > part.final
  }

  #ask(judge: JudgeText, questions: readonly Question[], atEnd: boolean): Passage | Promise<Passage> {
    const next = (at: number): Passage | Promise<Passage> => {
      const question = questions[at]
      if (question === undefined) return this.#release(atEnd)
      const answer = this.#answer(judge, question)
      const go = (refusal: ResultVerdict | null): Passage | Promise<Passage> =>
        refusal === null ? next(at + 1) : { status: 'refused', verdict: refusal }
      return answer instanceof Promise ? answer.then(go) : go(answer)
    }
    return next(0)
  }

  /** `null`: it may pass, as it is or changed. */
  #answer(
    judge: JudgeText,
    { index, extent, more }: Question,
  ): ResultVerdict | null | Promise<ResultVerdict | null> {
    const part = this.#parts[index]
    const { hold } = this.#options
    const context = part?.context ?? ''
    const from = part?.final ?? 0
    const whole = part?.held ?? ''
    const to = extent === 'window' ? wordEnd(whole, hold) : whole.length
    const text = whole.slice(from, to)
    const conclude = (verdict: ResultVerdict): ResultVerdict | null | Promise<ResultVerdict | null> => {
      if (verdict.effective === 'deny') {
        this.#note(verdict)
        return verdict
      }
      const changed = verdict.effective === 'transform'
      const after = changed ? changedText(verdict, context, more) : text
      if (after === undefined) {
        this.#note(verdict)
        return { ...verdict, effective: 'deny' }
      }
      // The policy enforces since a moment, and the text is with the agent already.
      if (after !== text && this.#options.observing === true) return { ...verdict, effective: 'deny' }
      if (part !== undefined) part.seen = to
      if (extent === 'complete' || !changed || after === text) {
        this.#note(verdict)
        if (part === undefined) return after === '' ? null : { ...verdict, effective: 'deny' }
        const safe = extent === 'complete' ? to : Math.max(from, to - hold)
        this.#settle(index, from, safe, extent === 'complete' ? after : text.slice(0, safe - from))
        return null
      }
      return this.#settleStart(judge, index, to, after, verdict)
    }
    const asked = judge({ text: context + text, ...more })
    return asked instanceof Promise ? asked.then(conclude) : conclude(asked)
  }

  /**
   * A check changed a text of which more may follow: only what lies before the window is settled, up to the end of an
   * event at which the change falls into two (what it makes of either side gives what it made of both).
   */
  async #settleStart(
    judge: JudgeText,
    index: number,
    to: number,
    after: string,
    verdict: ResultVerdict,
  ): Promise<null> {
    const { hold } = this.#options
    const part = this.#part(index)
    const { final: from, context, held } = part
    const ends = this.#ends(index).filter((end) => end > from && end <= to - hold)
    for (const end of ends.slice(-MOST_CUTS).toReversed()) {
      const head = held.slice(from, end)
      const start = await textAfter(judge, context, head)
      if (start === undefined || !after.startsWith(start)) continue
      const rest = await textAfter(judge, contextOf(context + start, hold), held.slice(end, to))
      if (rest === undefined || start + rest !== after) continue
      if (start !== head) this.#note(verdict)
      this.#settle(index, from, end, start)
      break
    }
    return null
  }

  /** Where the events of a part end within its held text. */
  #ends(index: number): readonly number[] {
    const ends: number[] = []
    let end = 0
    for (const { reading, text } of this.#held)
      if (text !== null && text !== '' && reading.part === index) ends.push((end += text.length))
    return ends
  }

  /** [from, to) of a part's held text is final, and is `text` from now on. */
  #settle(index: number, from: number, to: number, text: string): void {
    const part = this.#part(index)
    const old = part.held.slice(from, to)
    if (text !== old) {
      let start = 0
      while (start < old.length && start < text.length && old[start] === text[start]) start++
      const most = Math.min(old.length, text.length) - start
      let tail = 0
      while (tail < most && old.at(-1 - tail) === text.at(-1 - tail)) tail++
      this.#replace(index, from + start, to - tail, text.slice(start, text.length - tail))
      part.held = part.held.slice(0, from) + text + part.held.slice(to)
      part.seen += text.length - old.length
    }
    part.final = from + text.length
    part.context = contextOf(part.context + text, this.#options.hold)
    // The events are out: what the check has seen need not be kept for them.
    if (this.#options.observing === true) this.#drop(part, part.final)
  }

  #drop(part: Part, length: number): void {
    part.released += part.held.slice(0, length)
    part.held = part.held.slice(length)
    part.final -= length
    part.seen = Math.max(0, part.seen - length)
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
  }

  #release(atEnd: boolean): Passage {
    const { judge, observing } = this.#options
    const checked = judge !== null && observing !== true
    const events: StreamEvent[] = []
    let count = 0
    const limit = this.#toolAt === -1 ? this.#held.length : this.#toolAt
    // Until the first text is cleared not even the opening goes out: the answer may still be asked for again.
    if (checked && !atEnd && !this.releasedAny && !this.#isFirstTextFinal()) return NOTHING
    for (; count < limit; count++) {
      const held = this.#held[count] as Held
      if (checked && held.text !== null) {
        const part = this.#part(held.reading.part)
        if (held.text.length > part.final) break
        this.#drop(part, held.text.length)
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

  #isFirstTextFinal(): boolean {
    const first = this.#held.find(({ text }) => text !== null && text !== '')
    return first !== undefined && (first.text as string).length <= this.#part(first.reading.part).final
  }

  #written({ event, reading, text, changed }: Held): StreamEvent | null {
    const { format, judge } = this.#options
    if (reading.repeats === true && format.finalText !== undefined)
      return judge === null ? event : format.finalText(event, this.texts())
    return changed && text !== null ? format.withText(event, text) : event
  }

  #part(index: number): Part {
    for (let at = this.#parts.length; at <= index; at++)
      this.#parts.push({ released: '', held: '', final: 0, seen: 0, context: '' })
    return this.#parts[index] as Part
  }
}

const NOTHING: Passage = { status: 'open', events: [] }
/** Of an answer that has not ended: no tool call and no reason for an end yet. */
const NOTHING_MORE: JsonObject = { tool_calls: [], finish_reason: null }
const RANK = { allow: 0, transform: 1, require_approval: 2, deny: 3 } as const
/** Longer than that nothing is a word. */
const LONGEST_WORD = 64
/** Places at which a changed text is tried to be cut, from the last one on. */
const MOST_CUTS = 8

/** The text that a check left behind `context`; `undefined` when it changed what the agent has already, or more than a text. */
function changedText({ result }: ResultVerdict, context: string, more: JsonObject): string | undefined {
  const { text, ...others } = result
  if (typeof text !== 'string' || !text.startsWith(context)) return undefined
  return JSON.stringify(others) === JSON.stringify(more) ? text.slice(context.length) : undefined
}

async function textAfter(judge: JudgeText, context: string, text: string): Promise<string | undefined> {
  const verdict = await judge({ text: context + text, ...NOTHING_MORE })
  if (verdict.effective === 'deny') return undefined
  return verdict.effective === 'transform' ? changedText(verdict, context, NOTHING_MORE) : text
}

/** Whole words alone: half of one may look like something that it is not. */
function contextOf(before: string, hold: number): string {
  if (!Number.isFinite(hold)) return before
  const start = before.length - hold
  if (start <= 0) return before
  const end = Math.min(before.length, start + LONGEST_WORD)
  for (let at = start; at < end; at++) if (isSpace(before, at)) return before.slice(at)
  return before.slice(start)
}

/** Where the last whole word of the text ends, the space behind it included. */
function wordEnd(text: string, hold: number): number {
  const least = Math.max(0, text.length - Math.min(hold, LONGEST_WORD))
  for (let at = text.length; at > least; at--) if (isSpace(text, at - 1)) return at
  return text.length
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 32 || (code >= 9 && code <= 13)
}

function isThere(event: StreamEvent | null): event is StreamEvent {
  return event !== null
}
