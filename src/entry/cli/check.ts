import { existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { styleText } from 'node:util'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { ProjectCheckOptions } from '../../code/check-project.ts'
import type { CheckReport } from '../../code/report/check-report.ts'
import type { Paint } from '../../code/report/pretty.ts'
import { VERSION } from './version.ts'
import type { Watched } from './check-watch.ts'
import { CommandFailure } from './failure.ts'
import { json, note } from './print.ts'
import { showProgress } from './progress.ts'

interface CheckCommandOptions {
  readonly format: 'pretty' | 'json' | 'sarif'
  readonly json?: boolean
  readonly failOn: 'error' | 'warning' | 'note'
  readonly since?: string
  readonly staged?: boolean
  readonly baseline?: string
  readonly updateBaseline?: boolean
  readonly rules?: readonly string[]
  readonly output?: string
  readonly watch?: boolean
  readonly types?: boolean
  readonly lint?: boolean
  readonly with?: readonly string[]
  readonly merge?: readonly string[]
}

/** Taken when it is there and no other is named. */
const BASELINE = 'belay-baseline.json'

export function addCheck(program: Command): void {
  const words = (text: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    ...text.split(',').filter((word) => word !== ''),
  ]
  program
    .command('check')
    .argument('[paths...]', 'files and folders (default: the current folder)')
    .description('generated code, before it runs: security, performance, silent failure, compliance')
    .addOption(
      new Option('--format <format>', 'of the report').choices(['pretty', 'json', 'sarif']).default('pretty'),
    )
    .option('--json', 'the same as --format json')
    .addOption(
      new Option('--fail-on <severity>', 'what a finding must be for exit code 1')
        .choices(['error', 'warning', 'note'])
        .default('error'),
    )
    .option('--since <rev>', 'only what touches code that changed since a git revision can fail the check')
    .option('--staged', 'what is staged for the next commit, as it is staged')
    .option('--baseline <file>', `findings that are known already (default: ${BASELINE}, where it is there)`)
    .option('--update-baseline', 'write all findings of now to the baseline')
    .option(
      '--rules <names>',
      "only these: sql-injection, 'value-flow/*'; '!performance/*' leaves out",
      words,
    )
    .option('--output <file>', 'write the report there')
    .option('--watch', 'check again whenever a file changes')
    .option('--types', 'run tsc and basedpyright too')
    .option('--lint', 'run oxlint and ruff too')
    .option('--with <names>', 'merge what semgrep, opengrep, bandit or codeql on the PATH finds', words)
    .option('--merge <file>', 'merge a SARIF log', words)
    .action(check)
}

async function check(paths: readonly string[], options: CheckCommandOptions): Promise<void> {
  const { CheckProblem } = await import('../../code/check-problem.ts')
  try {
    await checkPaths(paths, options)
  } catch (error) {
    if (error instanceof CheckProblem) throw new CommandFailure(error.message, { cause: error })
    throw error
  }
}

async function checkPaths(paths: readonly string[], options: CheckCommandOptions): Promise<void> {
  if (options.staged === true && options.since !== undefined)
    throw new CommandFailure('--staged and --since cannot be said together.')
  const { folder, below } = placeOf(paths.length === 0 ? ['.'] : paths)
  if (options.watch === true) {
    const { watchFolder } = await import('./check-watch.ts')
    return await watchFolder(folder, await watched(folder, below, options))
  }
  await checkOnce(folder, below, options)
}

async function checkOnce(
  folder: string,
  below: readonly string[] | undefined,
  options: CheckCommandOptions,
): Promise<void> {
  const settings = await settingsOf(folder, below, options)
  const { checkProject } = await import('../../code/check-project.ts')
  const progress = showProgress()
  const report = await checkProject(folder, {
    ...settings,
    progress: (...told) => progress.tell(...told),
  }).finally(() => progress.end())
  if (options.updateBaseline === true) return await updateBaseline(report, baselineFile(folder, options))
  await print(report, options)
  const { failing } = await import('../../code/report/check-report.ts')
  if (failing(report, options.failOn).length > 0) process.exitCode = 1
}

/** Checks of a folder that follow each other. */
async function watched(
  folder: string,
  below: readonly string[] | undefined,
  options: CheckCommandOptions,
): Promise<Watched> {
  const { WatchedProject } = await import('../../code/watched-project.ts')
  const project = new WatchedProject(folder)
  let told = ''
  const tell = async (report: CheckReport, confirms: boolean): Promise<void> => {
    const findings = JSON.stringify(report.findings)
    if (!confirms || findings !== told) await print(report, options)
    told = findings
  }
  return {
    concern: (path) => project.concern(path),
    async changed(paths) {
      const report = await project.changed(paths, await settingsOf(folder, below, options))
      if (report !== null) await tell(report, false)
      return report !== null
    },
    async whole(confirms, pause) {
      const settings = await settingsOf(folder, below, options)
      // Nobody waits for what only confirms.
      const progress = confirms ? null : showProgress()
      const report = await project
        .whole({
          ...settings,
          ...(pause === undefined ? {} : { pause }),
          progress: (...step) => progress?.tell(...step),
        })
        .finally(() => progress?.end())
      await tell(report, confirms)
    },
  }
}

async function settingsOf(
  folder: string,
  below: readonly string[] | undefined,
  options: CheckCommandOptions,
): Promise<ProjectCheckOptions> {
  const others = [(await import('../../code/other-languages/other-languages.ts')).OTHER_LANGUAGES]
  if (options.types === true)
    others.push(...(await import('../../code/external/type-checkers.ts')).TYPE_CHECKERS)
  if (options.lint === true) others.push(...(await import('../../code/external/linters.ts')).LINTERS)
  if (options.with !== undefined || options.merge !== undefined) {
    const { sarifFile, sarifProgram } = await import('../../code/external/sarif-programs.ts')
    others.push(
      ...(options.with ?? []).map(sarifProgram),
      ...(options.merge ?? []).map((file) => sarifFile(resolve(file))),
    )
  }
  const { changedInIndex, changedSince, stagedContents } = await import('../../code/changed-lines.ts')
  const changed =
    options.staged === true
      ? { changed: await changedInIndex(folder), contents: await stagedContents(folder) }
      : options.since === undefined
        ? {}
        : { changed: await changedSince(folder, options.since) }
  const file = baselineFile(folder, options)
  const { readBaseline } = await import('../../code/baseline.ts')
  const named = options.updateBaseline !== true && (options.baseline !== undefined || existsSync(file))
  return {
    others,
    ...changed,
    ...(below === undefined ? {} : { below }),
    ...(named ? { baseline: readBaseline(file) } : {}),
    ...(options.rules === undefined ? {} : { rules: options.rules }),
  }
}

function baselineFile(folder: string, { baseline }: CheckCommandOptions): string {
  return baseline === undefined ? resolve(folder, BASELINE) : resolve(baseline)
}

async function updateBaseline(report: CheckReport, file: string): Promise<void> {
  const { writeBaseline } = await import('../../code/baseline.ts')
  const findings = report.findings
    .filter(({ standing }) => standing.name !== 'suppressed')
    .map(({ finding }) => finding)
  writeBaseline(file, findings)
  note(`belay: ${findings.length} findings are known now (${relative('', file)})`)
}

async function print(
  report: CheckReport,
  { format, json: asJson, output }: CheckCommandOptions,
): Promise<void> {
  const chosen = asJson === true ? 'json' : format
  const value =
    chosen === 'json'
      ? (await import('../../code/report/json-report.ts')).jsonReport(report)
      : chosen === 'sarif'
        ? (await import('../../code/report/sarif.ts')).sarifReport(report, VERSION)
        : null
  const { prettyReport } = await import('../../code/report/pretty.ts')
  if (output !== undefined) {
    writeFileSync(
      output,
      value === null ? prettyReport(report, (_colour, text) => text) : `${JSON.stringify(value)}\n`,
    )
    return note(
      prettyReport({ ...report, findings: [], skipped: [] }, (_colour, text) => text)
        .trimEnd()
        .replace('no findings', `${report.findings.length} findings in ${output}`),
    )
  }
  if (value !== null) return json(value)
  process.stdout.write(prettyReport(report, paint))
}

const paint: Paint = (colour, text) => styleText(colour, text, { stream: process.stdout })

/** The folder that paths are told relative to, and what below it is meant; `undefined`: all of it. */
function placeOf(paths: readonly string[]): { folder: string; below: readonly string[] | undefined } {
  const places = paths.map((path) => {
    const place = resolve(path)
    if (!existsSync(place)) throw new CommandFailure(`There is no ${path}.`)
    return { place, folder: statSync(place).isDirectory() ? place : dirname(place) }
  })
  let folder = places[0]!.folder
  while (
    !places.every(
      (each) => each.folder === folder || each.folder.startsWith(folder === '/' ? '/' : `${folder}/`),
    )
  )
    folder = dirname(folder)
  const below = places.map(({ place }) => relative(folder, place).replaceAll('\\', '/'))
  return { folder, below: below.includes('') ? undefined : below }
}
