import type { CodeFinding } from './finding.ts'
import type { Program, Skipped } from './flow-graph/program.ts'
import type { Pack } from './pack.ts'
import type { KeptModules } from './kept-modules.ts'
import { readTree } from './read-tree.ts'
import type { Found } from './reading/find-files.ts'

export interface CheckOptions {
  /** Which files of the folder to read, relative; all that front ends know when absent. */
  readonly files?: readonly string[]
  /**
   * Texts to read in place of what lies on disk, by relative path (what is staged, or about to be written); null: as
   * if the file were not there.
   */
  readonly contents?: ReadonlyMap<string, string | null>
  /** Files and folders, relative, that alone are read; everything when absent. */
  readonly below?: readonly string[]
  /** All packs when absent. */
  readonly packs?: readonly Pack[]
  /** Told while files are read and packs run. */
  readonly progress?: (done: number, of: number, what: string) => void
  /** What an earlier run has read. */
  readonly kept?: KeptModules
  /** The files of the folder, when somebody has looked already. */
  readonly found?: Promise<Found>
  /** Awaited every few milliseconds: others may have their turn. Rejects where the run is to end. */
  readonly pause?: () => Promise<void>
  /** Milliseconds for the whole run; what is left undone then is listed as skipped. Default: none. */
  readonly timeLimit?: number
}

export interface CheckResult {
  readonly findings: readonly CodeFinding[]
  readonly skipped: readonly Skipped[]
  readonly files: number
  readonly lines: number
  readonly milliseconds: number
}

/** Checks a folder: finds its files, reads them into one program, runs the packs over it. */
export async function checkTree(folder: string, options: CheckOptions = {}): Promise<CheckResult> {
  const started = performance.now()
  const program = await readTree(folder, options)
  const packs = options.packs ?? (await import('./packs/all-packs.ts')).ALL_PACKS
  const { findings, skipped } = await runPacks(program, packs, options)
  return {
    findings,
    skipped: [...program.skipped, ...skipped],
    files: program.modules.length,
    lines: program.modules.reduce((sum, module) => sum + module.lineStarts.length, 0),
    milliseconds: performance.now() - started,
  }
}

/** Runs packs over a program that is already there (watch mode keeps one). */
export async function runPacks(
  program: Program,
  packs: readonly Pack[],
  options: CheckOptions = {},
): Promise<{ findings: CodeFinding[]; skipped: Skipped[] }> {
  const skipped: Skipped[] = []
  const failed = (pack: Pack, error: unknown): void =>
    void skipped.push({ path: '', reason: `the pack ${pack.name} failed: ${String(error)}` })
  const found = new Map<Pack, readonly CodeFinding[]>()
  const asked = new Map(
    packs.map((pack) => [pack, pack.ahead?.(program).catch((error: unknown) => failed(pack, error))]),
  )
  // Those that have asked others something come last: what they wait for is worked out meanwhile.
  const inTurn = packs.toSorted((a, b) => Number(a.ahead !== undefined) - Number(b.ahead !== undefined))
  for (const [index, pack] of inTurn.entries()) {
    options.progress?.(index, packs.length, pack.name)
    // Lets what was asked for be sent, and be heard of.
    await (asked.get(pack) ?? new Promise(setImmediate))
    await options.pause?.()
    try {
      found.set(pack, pack.run(program))
    } catch (error) {
      failed(pack, error)
    }
  }
  const findings = packs.flatMap((pack) => found.get(pack) ?? [])
  findings.sort(compareFindings)
  return { findings, skipped }
}

/** By place, then by rule. */
export function compareFindings(a: CodeFinding, b: CodeFinding): number {
  return (
    compare(a.location.path, b.location.path) ||
    a.location.line - b.location.line ||
    a.location.column - b.location.column ||
    compare(a.rule, b.rule)
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
