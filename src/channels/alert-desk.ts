import type { AlarmBook, AlarmRow } from '../flow/alarm-book.ts'
import { TELL_AGAIN_MS } from '../flow/alarm-book.ts'
import type { NotifyRule } from '../policy/notify.ts'
import type { Alert, AlertChannel } from './alert.ts'
import { isQuiet } from './quiet-hours.ts'

/** What comes within this time is told together, ms. */
const TOGETHER = 10_000
const MAX_KEPT = 1_000
const HOUR = 60 * 60_000

interface Told {
  readonly at: number
  /** The last of its kind. */
  last: Alert
  /** How often it came since it was put into the book. */
  repeats: number
}

export interface AlertDeskOptions {
  readonly channels: () => readonly AlertChannel[]
  readonly rule: () => NotifyRule
  /** Epoch ms. */
  readonly now: () => number
  /** Where alarms are kept for all replicas; `undefined`: in memory alone. */
  readonly book?: () => AlarmBook | undefined
  /** Where people see an alarm. */
  readonly linkTo?: (alarm: string) => string
  readonly onFault?: (error: unknown) => void
}

/**
 * Decides when people are told: the same once an hour until somebody has acknowledged it, what comes together in one
 * message, not at night, and once more when it is over.
 */
export class AlertDesk {
  readonly #options: AlertDeskOptions
  readonly #told = new Map<string, Told>()
  /** Keys of alarms that are open, as far as this process knows. */
  readonly #open = new Set<string>()
  #kept: Alert[] = []
  #timer: NodeJS.Timeout | undefined
  /** The book is written in order. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: AlertDeskOptions) {
    this.#options = options
  }

  raise(alert: Alert): void {
    const told = this.#told.get(alert.key)
    if (told !== undefined && alert.at - told.at < TELL_AGAIN_MS) {
      told.repeats++
      told.last = alert
      return
    }
    this.#told.delete(alert.key)
    this.#told.set(alert.key, { at: alert.at, last: alert, repeats: 0 })
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_KEPT) break
      this.#told.delete(oldest)
    }
    const repeats = told?.repeats ?? 0
    const facts = repeats === 0 ? alert.facts : [...alert.facts, `${repeats} more since it was last told.`]
    const book = alert.kind === 'test' ? undefined : this.#options.book?.()
    if (book === undefined) return this.#keep({ ...alert, facts })
    this.#open.add(alert.key)
    this.#write(async () => {
      const kept = await book.raise({ ...raisedOf(alert), times: repeats + 1 }).catch((error: unknown) => {
        // That it cannot be kept is no reason not to tell.
        this.#options.onFault?.(error)
        return undefined
      })
      if (kept === undefined) this.#keep({ ...alert, facts })
      else if (kept.tell) this.#keep(this.#linked({ ...alert, facts }, kept.alarm.id))
    })
  }

  /** It is over: the next of the kind is news again, and who was told of this one is told so. */
  over(key: string): void {
    this.#told.delete(key)
    const book = this.#options.book?.()
    if (book === undefined || !this.#open.delete(key)) return
    this.#write(async () => {
      const ended = await book.over(key, this.#options.now())
      if (ended !== null) this.#keep(endedAlert(ended))
    })
  }

  /** Tells what has collected, except what is to wait for the end of the quiet hours. Called by the clock. */
  tell(): void {
    const { quiet } = this.#options.rule()
    const now = quiet !== null && isQuiet(quiet, this.#options.now())
    const due = this.#kept.filter(({ urgent }) => urgent || !now)
    if (due.length === 0) return
    this.#kept = this.#kept.filter((alert) => !due.includes(alert))
    // What is about one agent stands together.
    const grouped = due.toSorted((a, b) => (a.agent ?? '').localeCompare(b.agent ?? ''))
    for (const channel of this.#options.channels()) channel.alert(grouped)
  }

  /**
   * Brings the book up to date: counts what repeated, learns what other replicas have raised, and, where `ends`, ends
   * what has not come for a while. Called by the clock.
   */
  async tend(ends: boolean): Promise<void> {
    const book = this.#options.book?.()
    if (book === undefined) return
    for (const told of this.#told.values()) {
      if (told.repeats === 0 || !this.#open.has(told.last.key)) continue
      const { last, repeats } = told
      told.repeats = 0
      this.#write(async () => void (await book.raise({ ...raisedOf(last), times: repeats })))
    }
    this.#write(async () => {
      const now = this.#options.now()
      const ended = ends ? await book.tidy(quietFor, now) : []
      for (const alarm of ended) {
        this.#told.delete(alarm.key)
        this.#keep(endedAlert(alarm))
      }
      const open = await book.openKeys()
      this.#open.clear()
      for (const key of open) this.#open.add(key)
    })
    await this.#writing
  }

  /** Resolves when all that was raised is kept. */
  settled(): Promise<void> {
    return this.#writing
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #keep(alert: Alert): void {
    if (this.#kept.length < MAX_KEPT) this.#kept.push(alert)
    // Somebody goes past those who would have decided: a harness that ends now must have told them.
    if (alert.kind === 'break_glass') return this.tell()
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.tell()
    }, TOGETHER).unref()
  }

  #linked(alert: Alert, alarm: string): Alert {
    const link = this.#options.linkTo?.(alarm)
    return { ...alert, alarm, ...(link !== undefined && { link }) }
  }

  #write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((error: unknown) => this.#options.onFault?.(error))
  }
}

function raisedOf(alert: Alert): Omit<Parameters<AlarmBook['raise']>[0], 'times'> {
  const { key, kind, agent, urgent, title, facts, act, session, action, at } = alert
  return {
    key,
    kind,
    urgent,
    title,
    facts,
    act,
    at,
    agent: agent ?? null,
    session: session ?? null,
    action: action ?? null,
  }
}

function endedAlert(alarm: AlarmRow): Alert {
  const { id, key, agent, urgent, title, count, raisedAt, resolvedAt } = alarm
  const minutes = Math.max(1, Math.round(((resolvedAt ?? raisedAt) - raisedAt) / 60_000))
  return {
    kind: 'over',
    key: `over:${id}:${key}`,
    urgent,
    ...(agent !== null && { agent }),
    title: `Over: ${title}`,
    facts: [`It came ${count === 1 ? 'once' : `${count} times`} in ${minutes} min.`],
    act: 'Nothing needs to be done.',
    at: resolvedAt ?? raisedAt,
  }
}

/** After how long without another one an alarm is over by itself, ms. */
function quietFor({ kind }: AlarmRow): number {
  if (kind === 'errors' || kind === 'anomaly' || kind === 'burn' || kind === 'budget') return HOUR
  // The others end when what they are about does, or when somebody says so.
  return kind === 'break_glass' || kind === 'quality' ? 24 * HOUR : Number.POSITIVE_INFINITY
}
