import { useId, useRef } from 'react'
import type { KeyboardEvent, ReactNode } from 'react'
import './tabs.css'

export interface Tab<V extends string> {
  readonly value: V
  readonly label: ReactNode
  readonly content: ReactNode
}

/** Several views of one thing, of which one is shown. Arrow keys, Home and End go from tab to tab. */
export function Tabs<V extends string>({
  label,
  tabs,
  value,
  onChange,
}: {
  /** What the tabs are of, for screen readers. */
  readonly label: string
  readonly tabs: readonly Tab<V>[]
  readonly value: V
  readonly onChange: (value: V) => void
}) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const shown = Math.max(
    0,
    tabs.findIndex((tab) => tab.value === value),
  )
  const go = (event: KeyboardEvent): void => {
    const next = nextIndex(event.key, shown, tabs.length)
    const tab = next === undefined ? undefined : tabs[next]
    if (tab === undefined) return
    event.preventDefault()
    onChange(tab.value)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next ?? 0]?.focus()
  }
  return (
    <div className="tabs">
      <div ref={list} className="tabs-list" role="tablist" aria-label={label}>
        {tabs.map((tab, index) => (
          <button
            key={tab.value}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            className="tabs-tab"
            aria-selected={index === shown}
            {...(index === shown && { 'aria-controls': `${id}-panel` })}
            // One stop for the Tab key; the arrows do the rest.
            tabIndex={index === shown ? 0 : -1}
            onClick={() => onChange(tab.value)}
            onKeyDown={go}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        key={tabs[shown]?.value}
        id={`${id}-panel`}
        role="tabpanel"
        aria-labelledby={`${id}-tab-${shown}`}
        className="tabs-panel"
        tabIndex={0}
      >
        {tabs[shown]?.content}
      </div>
    </div>
  )
}

/** Where the key leads, round the ends; `undefined` for every other key. */
function nextIndex(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count
    case 'ArrowLeft':
      return (index - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return undefined
  }
}
