import { useSyncExternalStore } from 'react'
import './toast.css'

let said: { readonly text: string; readonly key: number } | null = null
let timer: ReturnType<typeof setTimeout> | undefined
const listeners = new Set<() => void>()

function put(next: typeof said): void {
  said = next
  for (const listener of listeners) listener()
}

/** Says that something was done, for a few seconds, aloud to screen readers. Errors belong beside what caused them. */
export function say(text: string): void {
  clearTimeout(timer)
  put({ text, key: (said?.key ?? 0) + 1 })
  timer = setTimeout(() => put(null), 6_000)
}

/** Once, in the shell. */
export function Toast() {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => said,
  )
  return (
    <div className="toast-place" role="status">
      {now !== null && (
        <p key={now.key} className="toast">
          {now.text}
        </p>
      )}
    </div>
  )
}
