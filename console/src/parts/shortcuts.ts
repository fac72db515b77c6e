import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'

const STORED = 'belay-shortcuts'
const listeners = new Set<() => void>()
let enabled = read()

function read(): boolean {
  try {
    return localStorage.getItem(STORED) !== 'off'
  } catch {
    return true
  }
}

/** Keys of one letter can be switched off (WCAG 2.2, 2.1.4): they are in the way of who speaks to the computer. */
export function useShortcutsEnabled(): readonly [boolean, (on: boolean) => void] {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => enabled,
  )
  return [now, setEnabled]
}

function setEnabled(on: boolean): void {
  enabled = on
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off')
  } catch {
    // It holds for this page then.
  }
  for (const listener of listeners) listener()
}

/**
 * Calls what belongs to the key while the component is there: `{ j: next, '?': help }`. Not while one types, not with
 * Ctrl, Alt or the command key, not behind a dialog, and not when shortcuts are switched off.
 */
export function useShortcuts(keys: Readonly<Record<string, (() => void) | undefined>>): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (!enabled || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return
    const target = event.target as HTMLElement | null
    if (target?.closest('input:not([type=checkbox]), textarea, select, [contenteditable], [role=menu]'))
      return
    if (document.querySelector('[role=dialog], [role=alertdialog]') !== null) return
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined
    if (act === undefined) return
    event.preventDefault()
    act()
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => press(event)
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}
