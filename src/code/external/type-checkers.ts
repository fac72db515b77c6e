import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { OtherFinder, OtherFindings } from '../check-project.ts'
import { findingsOf, NOTHING, notRun, type Diagnostic } from './diagnostics.ts'
import { inPackages, onPath, runProgram } from './run-program.ts'

/** `tsc`, where the project has a tsconfig.json; basedpyright or pyright, where it has Python. */
export const TYPE_CHECKERS: readonly OtherFinder[] = [
  { rules: [], find: (folder) => checkTypeScript(folder) },
  { rules: [], find: (folder) => checkPython(folder) },
]

async function checkTypeScript(folder: string): Promise<OtherFindings> {
  if (!existsSync(join(folder, 'tsconfig.json'))) return NOTHING
  const program = inPackages('tsc', folder) ?? onPath('tsc')
  if (program === undefined) return notRun('tsc', 'it is not installed in the project')
  try {
    const { stdout, stderr, code } = await runProgram(
      [program, '--noEmit', '--pretty', 'false', '-p', '.'],
      folder,
    )
    const diagnostics = readTypeScript(stdout)
    if (code !== 0 && diagnostics.length === 0) return notRun('tsc', (stdout + stderr).trim().split('\n')[0])
    return findingsOf('tsc', folder, diagnostics)
  } catch (error) {
    return notRun('tsc', error)
  }
}

/** `path(line,column): error TS1234: message`, indented lines going on with it. */
export function readTypeScript(output: string): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  for (const line of output.split(/\r?\n/)) {
    const head = /^(.+?)\((\d+),(\d+)\): (error|warning) (TS\d+): (.*)$/.exec(line)
    if (head === null) continue
    const [, file = '', row, column, level, code, message = ''] = head
    diagnostics.push({
      rule: `types/${code}`,
      severity: level === 'error' ? 'error' : 'warning',
      message,
      file,
      line: Number(row),
      column: Number(column),
    })
  }
  return diagnostics
}

async function checkPython(folder: string): Promise<OtherFindings> {
  const python = [
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
    'requirements.txt',
    'pyrightconfig.json',
    'Pipfile',
  ]
  if (!python.some((file) => existsSync(join(folder, file)))) return NOTHING
  for (const name of ['basedpyright', 'pyright']) {
    const program = inPackages(name, folder) ?? onPath(name)
    if (program === undefined) continue
    try {
      const { stdout } = await runProgram([program, '--outputjson', '.'], folder)
      return findingsOf(name, folder, readPyright(stdout))
    } catch (error) {
      return notRun(name, error)
    }
  }
  return notRun('basedpyright', 'it is not installed')
}

/** `--outputjson`, whose lines and characters begin at 0. Errors alone: warnings are its taste. */
export function readPyright(output: string): readonly Diagnostic[] {
  const { generalDiagnostics = [] } = JSON.parse(output) as {
    readonly generalDiagnostics?: readonly {
      readonly file?: string
      readonly severity?: string
      readonly message?: string
      readonly rule?: string
      readonly range?: Record<'start' | 'end', { readonly line: number; readonly character: number }>
    }[]
  }
  return generalDiagnostics.flatMap(({ file, severity, message, rule, range }) =>
    file === undefined || severity !== 'error' || range === undefined || rule === 'reportMissingImports'
      ? []
      : [
          {
            rule: `types/${rule ?? 'error'}`,
            severity: 'error' as const,
            message: (message ?? '').split('\n')[0] ?? '',
            file,
            line: range.start.line + 1,
            column: range.start.character + 1,
            endLine: range.end.line + 1,
            endColumn: range.end.character + 1,
          },
        ],
  )
}
