import { Tabs as Base } from '@base-ui/react/tabs'
import type { ReactNode } from 'react'
import './tabs.css'

export interface Tab<V extends string> {
  readonly value: V
  readonly label: ReactNode
  readonly content: ReactNode
}

/** Several views of one thing, of which one is shown. */
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
  return (
    <Base.Root value={value} onValueChange={(next) => onChange(next as V)} className="tabs">
      <Base.List className="tabs-list" aria-label={label}>
        {tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value} className="tabs-tab">
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className="tabs-panel">
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  )
}
