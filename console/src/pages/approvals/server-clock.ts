import { useSyncExternalStore } from 'react'
import { useNow } from '../../parts/clock.ts'
import { timeLeft } from './time-left.ts'
import type { TimeLeft } from './time-left.ts'

/** What a clock of this machine must be set forward by to agree with Belay's, ms. Less than two seconds is not noise worth having. */
let offset = 0
let asked: Promise<void> | undefined
const listeners = new Set<() => void>()

/** Countdowns go by the server's clock: this machine's may be minutes off. */
export function askServerClock(): Promise<void> {
  asked ??= (async () => {
    const before = Date.now()
    const response = await fetch('/healthz', { cache: 'no-store' })
    const date = Date.parse(response.headers.get('date') ?? '')
    if (Number.isNaN(date)) return
    // The header has whole seconds.
    const difference = date + 500 - (before + Date.now()) / 2
    offset = Math.abs(difference) < 2_000 ? 0 : difference
    for (const listener of listeners) listener()
  })().catch(() => {
    asked = undefined
  })
  return asked
}

export function serverNow(): number {
  return Date.now() + offset
}

/** The time until `end` (epoch ms), by the server's clock; to the second when that matters. */
export function useTimeLeft(end: number): TimeLeft {
  const shift = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    () => offset,
  )
  const coarse = useNow(30_000) + shift
  const fine = useNow(end - coarse < 12 * 60_000 ? 1_000 : 30_000) + shift
  return timeLeft(end, fine)
}
