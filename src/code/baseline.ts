import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { CheckProblem } from './check-problem.ts'
import type { CodeFinding } from './finding.ts'

/** Findings that were there before: they are told, and block nothing. By fingerprint. */
export type Baseline = ReadonlySet<string>

const MAX_BYTES = 64 * 1024 * 1024

/** Throws a `CheckProblem` when the file is none: a baseline that cannot be read must not let everything through, nor block it. */
export function readBaseline(file: string): Baseline {
  try {
    if (statSync(file).size > MAX_BYTES) throw new Error('it is too large')
    const value = JSON.parse(readFileSync(file, 'utf8')) as unknown
    const { version, findings } = (value ?? {}) as { readonly version?: unknown; readonly findings?: unknown }
    if (version !== 1 || !Array.isArray(findings)) throw new Error('it has no version 1 and findings')
    return new Set(
      findings.map((finding: unknown) => {
        const { fingerprint } = (finding ?? {}) as { readonly fingerprint?: unknown }
        if (typeof fingerprint !== 'string') throw new Error('a finding has no fingerprint')
        return fingerprint
      }),
    )
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new CheckProblem(
      `The baseline ${file} cannot be read: ${cause}. \`--update-baseline\` writes a new one.`,
      {
        cause: error,
      },
    )
  }
}

/** One line a finding, in an order that does not change when lines move: small diffs, few conflicts. */
export function writeBaseline(file: string, findings: readonly CodeFinding[]): void {
  const rows = findings
    .map(({ fingerprint, rule, location }) => JSON.stringify({ path: location.path, rule, fingerprint }))
    .toSorted()
  const text = `{"version":1,"findings":[\n${[...new Set(rows)].join(',\n')}\n]}\n`
  writeFileSync(`${file}.tmp`, text)
  renameSync(`${file}.tmp`, file)
}
