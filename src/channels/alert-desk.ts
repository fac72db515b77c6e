import type { NotifyRule } from '../policy/notify.ts'
import type { Alert, AlertChannel } from './alert.ts'
import { isQuiet } from './quiet-hours.ts'

/** What comes within this time is told together, ms. */
const TOGETHER = 10_000
/** The same is not told again within this time, ms. */
const AGAIN = 60 * 60_000
const MAX_KEPT = 1_000

interface Told {
  readonly at: number
  repeats: number
}

export interface AlertDeskOptions {
  readonly channels: () => readonly AlertChannel[]
  readonly rule: () => NotifyRule
  /** Epoch ms. */
  readonly now: () => number
}

/** Decides when people are told: the same once an hour, what comes together in one message, and not at night. */
export class AlertDesk {
  readonly #options: AlertDeskOptions
  readonly #told = new Map<string, Told>()
  #kept: Alert[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: AlertDeskOptions) {
    this.#options = options
  }

  raise(alert: Alert): void {
    const told = this.#told.get(alert.key)
    if (told !== undefined && alert.at - told.at < AGAIN) {
      told.repeats++
      return
    }
    this.#told.delete(alert.key)
    this.#told.set(alert.key, { at: alert.at, repeats: 0 })
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_KEPT) break
      this.#told.delete(oldest)
    }
    const repeats = told?.repeats ?? 0
    const facts = repeats === 0 ? alert.facts : [...alert.facts, `${repeats} more since it was last told.`]
    if (this.#kept.length < MAX_KEPT) this.#kept.push({ ...alert, facts })
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.tell()
    }, TOGETHER).unref()
  }

  /** Forgets that it was told: the next of the kind is news again. */
  over(key: string): void {
    this.#told.delete(key)
  }

  /** Tells what has collected, except what is to wait for the end of the quiet hours. Called by the clock. */
  tell(): void {
    const { quiet } = this.#options.rule()
    const now = quiet !== null && isQuiet(quiet, this.#options.now())
    const due = this.#kept.filter(({ urgent }) => urgent || !now)
    if (due.length === 0) return
    this.#kept = this.#kept.filter((alert) => !due.includes(alert))
    for (const channel of this.#options.channels()) channel.alert(due)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
