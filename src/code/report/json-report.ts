import type { CodeFinding } from '../finding.ts'
import type { CheckReport, Standing } from './check-report.ts'

/** The report as JSON; fields are only ever added. */
export interface JsonReport {
  readonly version: 1
  readonly files: number
  readonly lines: number
  readonly milliseconds: number
  readonly findings: readonly (CodeFinding & {
    readonly standing: Standing['name']
    readonly reason?: string
    readonly by?: string
  })[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
}

export function jsonReport(report: CheckReport): JsonReport {
  return {
    version: 1,
    files: report.files,
    lines: report.lines,
    milliseconds: Math.round(report.milliseconds),
    findings: report.findings.map(({ finding, standing, by }) => ({
      ...finding,
      standing: standing.name,
      ...(standing.name === 'suppressed' ? { reason: standing.reason } : {}),
      ...(by === undefined ? {} : { by }),
    })),
    skipped: report.skipped,
  }
}
