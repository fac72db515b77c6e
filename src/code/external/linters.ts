import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OtherFinder, OtherFindings, ProjectCheckOptions } from '../check-project.ts'
import { findFiles } from '../reading/find-files.ts'
import { isTestPath } from '../reading/readable.ts'
import { findingsOf, NOTHING, notRun, type Diagnostic } from './diagnostics.ts'
import { ruffWeaknesses } from './ruff-weaknesses.ts'
import { inPackages, onPath, runProgram } from './run-program.ts'

/** oxlint over JavaScript and TypeScript; ruff's WebAssembly build over Python. */
export const LINTERS: readonly OtherFinder[] = [
  { rules: [], find: (folder) => runOxlint(folder) },
  { rules: [], find: runRuff },
]

async function runOxlint(folder: string): Promise<OtherFindings> {
  const program = inPackages('oxlint', folder) ?? onPath('oxlint')
  if (program === undefined) return notRun('oxlint', 'it is not installed in the project')
  try {
    return findingsOf(
      'oxlint',
      folder,
      readOxlint((await runProgram([program, '--format=json', '.'], folder)).stdout),
    )
  } catch (error) {
    return notRun('oxlint', error)
  }
}

/** `--format=json`. A linter's findings are warnings here: whether they fail its own run is its own affair. */
export function readOxlint(output: string): readonly Diagnostic[] {
  const { diagnostics = [] } = JSON.parse(output) as {
    readonly diagnostics?: readonly {
      readonly message?: string
      readonly code?: string
      readonly severity?: string
      readonly help?: string
      readonly filename?: string
      readonly labels?: readonly {
        readonly span?: { readonly line: number; readonly column: number; readonly length: number }
      }[]
    }[]
  }
  return diagnostics.flatMap(({ message, code, help, filename, labels }) => {
    const span = labels?.[0]?.span
    if (filename === undefined || span === undefined || typeof span.line !== 'number') return []
    return [
      {
        rule: `lint/${/\(([\w/-]+)\)/.exec(code ?? '')?.[1] ?? 'finding'}`,
        severity: 'warning' as const,
        message: message ?? '',
        file: filename,
        line: span.line,
        column: span.column,
        endColumn: span.column + Math.max(1, span.length),
        ...(help === undefined ? {} : { help }),
      },
    ]
  })
}

interface Ruff {
  readonly Workspace: new (
    options: object,
    encoding: number,
  ) => { check(text: string): readonly RuffDiagnostic[] }
  readonly PositionEncoding: { readonly Utf16: number }
}

interface RuffDiagnostic {
  readonly code: string | null
  readonly message: string
  readonly start_location: { readonly row: number; readonly column: number }
  readonly end_location: { readonly row: number; readonly column: number }
  readonly fix: { readonly message: string | null } | null
}

/** Bandit's rules, bugbear's and pyflakes', without those that are a matter of taste (`assert`, unused imports). */
const RUFF_OPTIONS = { lint: { select: ['S', 'B', 'F'], ignore: ['S101', 'F401', 'B008', 'B904'] } }

async function runRuff(folder: string, options: ProjectCheckOptions): Promise<OtherFindings> {
  const { sources } = await findFiles(folder, options)
  const files = sources.filter((path) => path.endsWith('.py') && !isTestPath(path))
  if (files.length === 0) return NOTHING
  const library = await loadRuff(folder)
  if (library === undefined) return notRun('ruff', '@astral-sh/ruff-wasm-nodejs is not installed')
  const workspace = new library.Workspace(RUFF_OPTIONS, library.PositionEncoding.Utf16)
  const diagnostics: Diagnostic[] = []
  const skipped: { path: string; reason: string }[] = []
  for (const path of files) {
    const text =
      options.contents?.has(path) === true
        ? options.contents.get(path)
        : await readFile(join(folder, path), 'utf8').catch(() => null)
    if (text === null || text === undefined) continue
    try {
      for (const { code, message, start_location: start, end_location: end, fix } of workspace.check(text))
        if (code !== null && code !== 'invalid-syntax')
          diagnostics.push({
            rule: `ruff/${code}`,
            cwe: ruffWeaknesses(code)[0] ?? null,
            severity: 'warning',
            message,
            file: path,
            line: start.row,
            column: start.column,
            endLine: end.row,
            endColumn: end.column,
            ...(fix?.message == null ? {} : { help: fix.message }),
          })
    } catch (error) {
      skipped.push({ path, reason: `ruff: ${error instanceof Error ? error.message : 'fault'}` })
    }
  }
  return { ...findingsOf('ruff', folder, diagnostics), skipped }
}

async function loadRuff(folder: string): Promise<Ruff | undefined> {
  for (const from of [pathToFileURL(join(folder, 'package.json')).href, import.meta.url]) {
    try {
      const path = createRequire(from).resolve('@astral-sh/ruff-wasm-nodejs')
      return (await import(pathToFileURL(path).href)) as Ruff
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}
