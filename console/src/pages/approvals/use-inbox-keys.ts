import { useEffect, useEffectEvent } from 'react'
import { useShortcutsEnabled } from '../../parts/shortcuts.ts'
import { commandOf } from './inbox-keys.ts'
import type { Command } from './inbox-keys.ts'

/** Hands the commands of keys on, while nothing else has the keyboard. */
export function useInboxKeys(run: (command: Command) => void): void {
  const [shortcuts] = useShortcutsEnabled()
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented) return
    const target = event.target instanceof Element ? event.target : null
    const busy =
      target?.closest(
        'input:not([type=checkbox]), textarea, select, [contenteditable], [role=menu], [popover]',
      ) != null || document.querySelector('[role=dialog], [role=alertdialog]') !== null
    const inList = target?.closest('.inbox-list') != null
    const command = commandOf(event, { shortcuts, busy, inList })
    if (command === null) return
    event.preventDefault()
    run(command)
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => press(event)
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}
