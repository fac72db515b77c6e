import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckProblem } from '../check-problem.ts'
import type { OtherFinder, OtherFindings } from '../check-project.ts'
import { NOTHING, notRun } from './diagnostics.ts'
import { readSarif } from './read-sarif.ts'
import { onPath, runProgram } from './run-program.ts'

/** A checker of others that writes SARIF. Belay ships none of them, nor their rules. */
interface SarifProgram {
  readonly name: string
  /** What to run in the folder, one after the other, so that the log lies at `output`; `work` is an empty folder. */
  commands(program: string, folder: string, output: string, work: string): readonly (readonly string[])[]
}

const PROGRAMS: readonly SarifProgram[] = [
  {
    name: 'semgrep',
    commands: (program, folder, output) => [
      [
        program,
        'scan',
        '--sarif',
        '--quiet',
        '--metrics=off',
        '--disable-version-check',
        '--config',
        semgrepRules(folder),
        '--output',
        output,
        '.',
      ],
    ],
  },
  {
    name: 'opengrep',
    commands: (program, folder, output) => [
      [program, 'scan', '--sarif', '--quiet', '--config', semgrepRules(folder), '--output', output, '.'],
    ],
  },
  {
    name: 'bandit',
    commands: (program, _folder, output) => [
      [program, '--recursive', '--quiet', '--exit-zero', '--format', 'sarif', '--output', output, '.'],
    ],
  },
  {
    name: 'codeql',
    commands: (program, folder, output, work) => {
      const python = ['pyproject.toml', 'setup.py', 'requirements.txt'].some((file) =>
        existsSync(join(folder, file)),
      )
      const language = python && !existsSync(join(folder, 'package.json')) ? 'python' : 'javascript'
      const database = join(work, 'database')
      return [
        [program, 'database', 'create', '--quiet', `--language=${language}`, '--source-root=.', database],
        [program, 'database', 'analyze', '--quiet', database, '--format=sarif-latest', `--output=${output}`],
      ]
    },
  },
]

export const SARIF_PROGRAMS: readonly string[] = PROGRAMS.map(({ name }) => name)

const MAX_BYTES = 256 * 1024 * 1024

/** The project's own rules; without any, what semgrep downloads by default. */
function semgrepRules(folder: string): string {
  return (
    ['.semgrep.yml', '.semgrep.yaml', '.semgrep'].find((file) => existsSync(join(folder, file))) ??
    'p/default'
  )
}

/** Throws a `CheckProblem` when there is no such program: whoever asked for it must not take its silence for nothing found. */
export function sarifProgram(name: string): OtherFinder {
  const known = PROGRAMS.find((each) => each.name === name)
  if (known === undefined)
    throw new CheckProblem(`Belay cannot run ${name}. It can run: ${SARIF_PROGRAMS.join(', ')}.`)
  const program = onPath(name)
  if (program === undefined) throw new CheckProblem(`${name} is not on the PATH.`)
  return { rules: [], find: (folder) => run(known, program, folder) }
}

async function run(known: SarifProgram, program: string, folder: string): Promise<OtherFindings> {
  const work = await mkdtemp(join(tmpdir(), 'belay-check-'))
  const output = join(work, 'log.sarif')
  try {
    for (const command of known.commands(program, folder, output, work)) {
      const { code, stderr } = await runProgram(command, folder)
      if (code !== 0 && !existsSync(output) && command.includes(output))
        return notRun(known.name, stderr.trim().split('\n').at(-1) ?? `exit code ${code}`)
    }
    return await readSarifFile(output, folder)
  } catch (error) {
    return notRun(known.name, error)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A log that somebody else's program has written. */
export function sarifFile(file: string): OtherFinder {
  return { rules: [], find: (folder) => readSarifFile(file, folder) }
}

async function readSarifFile(file: string, folder: string): Promise<OtherFindings> {
  const size = await stat(file).then(
    (found) => found.size,
    () => {
      throw new CheckProblem(`${file} cannot be read.`)
    },
  )
  if (size > MAX_BYTES) throw new CheckProblem(`${file} is larger than ${MAX_BYTES / 1024 / 1024} MB.`)
  const { findings, skipped } = readSarif(await readFile(file, 'utf8'), folder)
  return { ...NOTHING, findings, skipped: skipped.map((reason) => ({ path: '', reason })) }
}
