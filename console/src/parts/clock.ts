import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function listen(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1_000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/**
 * The time in ms, rounded down to `step`: a component is drawn again only when the rounded time changes. One timer
 * serves the whole page.
 */
export function useNow(step = 1_000): number {
  return useSyncExternalStore(listen, () => {
    // Nobody listened for a while.
    if (timer === undefined) now = Date.now()
    return Math.floor(now / step) * step
  })
}
