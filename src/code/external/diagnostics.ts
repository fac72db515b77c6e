import { createHash } from 'node:crypto'
import { relative, resolve } from 'node:path'
import type { OtherFindings } from '../check-project.ts'
import type { CodeFinding, CodeSeverity } from '../finding.ts'

/** A diagnostic of a compiler or linter; lines and columns from 1. */
export interface Diagnostic {
  readonly rule: string
  readonly cwe?: string | null
  readonly severity: CodeSeverity
  readonly message: string
  /** Absolute, or relative to the folder. */
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine?: number
  readonly endColumn?: number
  readonly help?: string
}

const MAX_DIAGNOSTICS = 20_000

/** Diagnostics of one program as findings; those outside of the folder are left out. */
export function findingsOf(by: string, folder: string, diagnostics: readonly Diagnostic[]): OtherFindings {
  const seen = new Map<string, number>()
  const findings = diagnostics.slice(0, MAX_DIAGNOSTICS).flatMap((each) => {
    const path = relative(folder, resolve(folder, each.file)).replaceAll('\\', '/')
    if (path === '' || path.startsWith('../')) return []
    const key = `${each.rule}\n${path}\n${each.message}`
    const occurrence = seen.get(key) ?? 0
    seen.set(key, occurrence + 1)
    const finding: CodeFinding = {
      rule: each.rule,
      cwe: each.cwe ?? null,
      severity: each.severity,
      message: each.message.slice(0, 2_000),
      location: {
        path,
        line: each.line,
        column: each.column,
        endLine: each.endLine ?? each.line,
        endColumn: each.endColumn ?? each.column + 1,
      },
      path: [],
      ...(each.help === undefined ? {} : { fix: { text: each.help } }),
      fingerprint: createHash('sha256').update(`${key}\n${occurrence}`).digest('hex').slice(0, 24),
    }
    return [{ finding, by }]
  })
  return { ...NOTHING, findings }
}

export const NOTHING: OtherFindings = { findings: [], skipped: [], files: 0, lines: 0, texts: new Map() }

/** A program that could not be run is said, and the others still run. */
export function notRun(program: string, why: unknown): OtherFindings {
  const reason = why instanceof Error ? why.message : String(why)
  return { ...NOTHING, skipped: [{ path: '', reason: `${program} did not run: ${reason.slice(0, 300)}` }] }
}
