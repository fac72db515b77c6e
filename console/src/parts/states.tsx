import type { ReactNode } from 'react'
import type { UseQueryResult } from '@tanstack/react-query'
import { Problem, sentenceOf } from '../api/problem.ts'
import { Button } from './button.tsx'
import './states.css'

/** Nothing is here yet; says what to do next. */
export function EmptyState({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="soft">{children}</div>}
    </div>
  )
}

export function ErrorNote({ children }: { readonly children: ReactNode }) {
  return (
    <div className="note note-bad" role="alert">
      {children}
    </div>
  )
}

/** Something to know before one goes on. */
export function Note({
  tone = 'info',
  children,
}: {
  readonly tone?: 'info' | 'warn' | 'good' | 'bad'
  readonly children: ReactNode
}) {
  return <div className={`note note-${tone}`}>{children}</div>
}

/** Holds the place of what is being asked. */
export function Loading({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="loading" role="status">
      <span className="unseen">Loading …</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="loading-line" />
      ))}
    </div>
  )
}

/** The answer of a query, or that it is still being asked, or why there is none. */
export function Answer<T>({
  query,
  children,
  lines,
}: {
  readonly query: UseQueryResult<T>
  readonly children: (data: T) => ReactNode
  /** How much room to hold while it is being asked. */
  readonly lines?: number
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.error === null) return <Loading {...(lines !== undefined && { lines })} />
  return (
    <ErrorNote>
      <p>{sentenceOf(query.error)}</p>
      {!(query.error instanceof Problem && query.error.status === 403) && (
        <Button size="small" onClick={() => void query.refetch()}>
          Try again
        </Button>
      )}
    </ErrorNote>
  )
}
