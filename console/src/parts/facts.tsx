import type { ReactNode } from 'react'
import './facts.css'

/** Names and what they are: `[['Agent', 'writer'], …]`. Entries that are `undefined` are left out. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ReactNode] | undefined)[]
}) {
  return (
    <dl className="facts">
      {facts.map(
        (fact) =>
          fact !== undefined && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

/** A few figures that matter most, large. */
export function Tiles({
  tiles,
}: {
  readonly tiles: readonly (readonly [name: string, value: ReactNode, tone?: 'bad' | 'warn'])[]
}) {
  return (
    <dl className="tiles">
      {tiles.map(([name, value, tone]) => (
        <div key={name} className="tile" data-tone={tone}>
          <dt>{name}</dt>
          <dd className="figures">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Text as it is, such as JSON: nothing in it is shortened or hidden. */
export function Code({ children, label }: { readonly children: string; readonly label: string }) {
  // What scrolls must be reachable with the keyboard.
  return (
    <pre className="code" tabIndex={0} role="region" aria-label={label}>
      {children}
    </pre>
  )
}
