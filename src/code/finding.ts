import type { Location } from './flow-graph/module.ts'

export type CodeSeverity = 'error' | 'warning' | 'note'

/** One step of a path from where a value comes in to where it does harm. */
export interface FindingStep {
  readonly location: Location
  readonly message: string
}

/** An edit that removes the cause: offsets into the file as it was checked. */
export interface CodeEdit {
  readonly path: string
  readonly at: number
  readonly end: number
  readonly text: string
}

export interface CodeFinding {
  /** `pack/rule`, as `value-flow/sql-injection`, `performance/query-in-loop`. */
  readonly rule: string
  /** As `CWE-89`; null where none fits. */
  readonly cwe: string | null
  readonly severity: CodeSeverity
  /** One sentence: what happens, with the names in the code. */
  readonly message: string
  readonly location: Location
  /** From source to sink, both included; empty where there is no path to show. */
  readonly path: readonly FindingStep[]
  /** What to do, in words that a person or an agent can follow; `edits` when it can be applied as it is. */
  readonly fix?: { readonly text: string; readonly edits?: readonly CodeEdit[] }
  /** Stays the same when lines move: made by `fingerprintOf`. */
  readonly fingerprint: string
}
