import { useEffect, useSyncExternalStore } from 'react'

/** What the inbox remembers from one address to the next: each has a component of its own. */
interface Memory {
  /** Ids that waited when the list was last asked. */
  readonly waiting: readonly string[]
  /** Ids that waited and do not any more, the last to go first. */
  readonly gone: readonly string[]
  readonly selected: ReadonlySet<string>
}

/** How many that were decided while one looked stay in sight. */
const MAX_GONE = 20

let memory: Memory = { waiting: [], gone: [], selected: new Set() }
const listeners = new Set<() => void>()

function put(next: Memory): void {
  memory = next
  for (const listener of listeners) listener()
}

const listen = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Ids that left the list, given what is in it now; `undefined` while that is not known. */
export function useGone(waiting: readonly string[] | undefined): readonly string[] {
  const key = waiting?.join(' ')
  useEffect(() => {
    if (key === undefined) return
    const now = key === '' ? [] : key.split(' ')
    const left = memory.waiting.filter((id) => !now.includes(id))
    put({
      waiting: now,
      gone: [...new Set([...left, ...memory.gone])].filter((id) => !now.includes(id)).slice(0, MAX_GONE),
      selected: new Set([...memory.selected].filter((id) => now.includes(id))),
    })
  }, [key])
  return useSyncExternalStore(listen, () => memory.gone)
}

/** Selected for a batch; those that wait no longer drop out. */
export function useSelected(): readonly [ReadonlySet<string>, (selected: ReadonlySet<string>) => void] {
  const selected = useSyncExternalStore(listen, () => memory.selected)
  return [selected, (next) => put({ ...memory, selected: next })]
}
