import type { CodeFinding, CodeSeverity } from '../finding.ts'
import type { Skipped } from '../flow-graph/program.ts'
import type { RuleInfo } from '../pack.ts'

/** What a finding is worth in this run; only what is new can fail it. */
export type Standing =
  | { readonly name: 'new' }
  /** Listed in the baseline. */
  | { readonly name: 'known' }
  /** Nothing on its way lies in what has changed. */
  | { readonly name: 'unchanged' }
  /** Silenced by a comment in the code. */
  | { readonly name: 'suppressed'; readonly reason: string; readonly line: number }

export interface ReportedFinding {
  readonly finding: CodeFinding
  readonly standing: Standing
  /** The program that found it, when it was another one. */
  readonly by?: string
}

export interface CheckReport {
  /** Absolute path of what was checked. */
  readonly folder: string
  readonly findings: readonly ReportedFinding[]
  readonly skipped: readonly Skipped[]
  readonly rules: readonly RuleInfo[]
  readonly files: number
  readonly lines: number
  readonly milliseconds: number
  /** Whether findings were compared with a baseline or a revision. */
  readonly compared: boolean
  /** The text of a file as it was checked. */
  textOf(path: string): string | undefined
}

const RANK: Readonly<Record<CodeSeverity, number>> = { error: 2, warning: 1, note: 0 }

/** Findings that fail the check. */
export function failing(report: Pick<CheckReport, 'findings'>, failOn: CodeSeverity): readonly CodeFinding[] {
  return report.findings
    .filter(({ finding, standing }) => standing.name === 'new' && RANK[finding.severity] >= RANK[failOn])
    .map(({ finding }) => finding)
}
