import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Baseline } from './baseline.ts'
import { isChanged, type ChangedLines } from './changed-lines.ts'
import { runPacks, type CheckOptions } from './check-tree.ts'
import { withoutDoubles, type Found } from './doubles.ts'
import type { CodeFinding } from './finding.ts'
import type { Module } from './flow-graph/module.ts'
import type { Program, Skipped } from './flow-graph/program.ts'
import type { Pack, RuleInfo } from './pack.ts'
import { readTree } from './read-tree.ts'
import { findFiles } from './reading/find-files.ts'
import type { CheckReport, ReportedFinding, Standing } from './report/check-report.ts'
import { selectRules } from './select-rules.ts'
import {
  silence,
  SUPPRESSION_RULES,
  suppressionsIn,
  suppressionsInText,
  type Suppression,
} from './suppressions.ts'

export interface ProjectCheckOptions extends CheckOptions {
  /** Names of rules as `selectRules` takes them; all when absent. */
  readonly rules?: readonly string[]
  readonly baseline?: Baseline
  /** Findings that do not touch this are told apart. */
  readonly changed?: ChangedLines
  /** What other programs have found; asked for while the project is read. */
  readonly others?: readonly OtherFinder[]
  /** Which comments may silence findings: an agent's own, for one, need not. Default: all. */
  readonly trusts?: (suppression: Suppression) => boolean
}

/** Finds what the flow representation does not show: other languages, other programs. */
export interface OtherFinder {
  /** Files that it looks at; `findFiles` then lists them among the others. */
  readonly beside?: RegExp
  readonly rules: readonly RuleInfo[]
  find(folder: string, options: ProjectCheckOptions): Promise<OtherFindings>
}

export interface OtherFindings {
  readonly findings: readonly Found[]
  readonly skipped: readonly Skipped[]
  readonly files: number
  readonly lines: number
  /** Texts of files that were read, for suppressions and for showing code. */
  readonly texts: ReadonlyMap<string, string>
}

/** Checks a project as its people want it told: what is new, what they know already, what they have silenced and why. */
export async function checkProject(folder: string, options: ProjectCheckOptions = {}): Promise<CheckReport> {
  const started = performance.now()
  return judge(folder, await findInProject(folder, options), options, started)
}

/** What was found in a project, before anybody says what of it counts. */
export interface ProjectFindings {
  readonly program: Program
  readonly ours: readonly CodeFinding[]
  /** What the packs left out. */
  readonly skipped: readonly Skipped[]
  readonly others: readonly OtherFindings[]
}

/** Reads a project, and lets packs and other programs look at it. */
export async function findInProject(folder: string, options: ProjectCheckOptions): Promise<ProjectFindings> {
  const others = options.others ?? []
  const beside = others.flatMap((each) => (each.beside === undefined ? [] : [each.beside.source]))
  const found = findFiles(folder, {
    ...options,
    ...(beside.length === 0 ? {} : { beside: new RegExp(beside.join('|'), 'i') }),
  })
  const given = { ...options, found }
  const [program, theirs] = await Promise.all([
    readTree(folder, given),
    Promise.all(others.map((each) => each.find(folder, given))),
  ])
  const { findings, skipped } = await runPacks(program, await packsFor(options), options)
  return { program, ours: findings, skipped, others: theirs }
}

/** The packs that have a rule that is wanted. */
export async function packsFor({ packs, rules }: ProjectCheckOptions): Promise<readonly Pack[]> {
  const wanted = selectRules(rules)
  const all = packs ?? (await import('./packs/all-packs.ts')).ALL_PACKS
  return all.filter((pack) => pack.rules.some(({ id }) => wanted(id)))
}

/** Says of what was found what is new, known or silenced. `started`: of `performance.now()`. */
export async function judge(
  folder: string,
  { program, ours, skipped, others }: ProjectFindings,
  options: ProjectCheckOptions,
  started: number,
): Promise<CheckReport> {
  const packs = options.packs ?? (await import('./packs/all-packs.ts')).ALL_PACKS
  const wanted = selectRules(options.rules)
  // Only what is wanted: what nobody is shown must not hide another program's.
  const found = withoutDoubles<Found>(
    [...ours.map((finding) => ({ finding })), ...others.flatMap(({ findings }) => findings)].filter(
      ({ finding }) => wanted(finding.rule),
    ),
  )

  const modules = new Map(program.modules.map((module) => [module.path, module]))
  const texts = new Map(others.flatMap((each) => [...each.texts]))
  const suppressions = [
    ...program.modules.flatMap(suppressionsIn),
    ...[...program.texts, ...texts].flatMap(([path, text]) => suppressionsInText(path, text)),
  ]
    .filter(options.trusts ?? (() => true))
    // One for a rule that does not run now may well be used when it does.
    .filter((each) => options.rules === undefined || each.rules.some(wanted))
  const { by, complaints } = silence(
    found.map(({ finding }) => finding),
    suppressions,
    modules,
  )
  const judged: readonly Found[] = [
    ...found,
    ...complaints.filter(({ rule }) => wanted(rule)).map((finding) => ({ finding })),
  ]
  return {
    folder,
    findings: judged.map((each): ReportedFinding => ({
      finding: each.finding,
      ...(each.by === undefined ? {} : { by: each.by }),
      standing: standingOf(each.finding, by.get(each.finding), options),
    })),
    skipped: [...program.skipped, ...skipped, ...others.flatMap((each) => each.skipped)],
    rules: rulesOf(packs, options).filter(({ id }) => wanted(id)),
    files: program.modules.length + others.reduce((sum, each) => sum + each.files, 0),
    lines:
      program.modules.reduce((sum, { lineStarts }) => sum + lineStarts.length, 0) +
      others.reduce((sum, each) => sum + each.lines, 0),
    milliseconds: performance.now() - started,
    compared: options.baseline !== undefined || options.changed !== undefined,
    textOf: await textsOf(folder, judged, modules, new Map([...program.texts, ...texts]), options),
  }
}

function standingOf(
  finding: CodeFinding,
  suppression: Suppression | undefined,
  { baseline, changed }: ProjectCheckOptions,
): Standing {
  if (suppression !== undefined)
    return { name: 'suppressed', reason: suppression.reason, line: suppression.line }
  if (baseline?.has(finding.fingerprint) === true) return { name: 'known' }
  if (changed !== undefined && !touches(finding, changed)) return { name: 'unchanged' }
  return { name: 'new' }
}

/** Whether the place of a finding or a step on the way to it lies in what changed. */
function touches({ location, path }: CodeFinding, changed: ChangedLines): boolean {
  return [location, ...path.map((step) => step.location)].some((place) => {
    for (let line = place.line; line <= Math.min(place.endLine, place.line + 200); line += 1)
      if (isChanged(changed, place.path, line)) return true
    return false
  })
}

function rulesOf(packs: readonly Pack[], { others = [] }: ProjectCheckOptions): readonly RuleInfo[] {
  return [
    ...packs.flatMap((pack) => pack.rules),
    ...others.flatMap((each) => each.rules),
    ...SUPPRESSION_RULES,
  ]
}

/** Texts of what findings point at, as they were checked. */
async function textsOf(
  folder: string,
  found: readonly { readonly finding: CodeFinding }[],
  modules: ReadonlyMap<string, Module>,
  known: ReadonlyMap<string, string>,
  { contents }: ProjectCheckOptions,
): Promise<CheckReport['textOf']> {
  const texts = new Map<string, string>()
  const paths = new Set(
    found.flatMap(({ finding }) =>
      [finding.location, ...finding.path.map((step) => step.location)].map(({ path }) => path),
    ),
  )
  for (const path of paths) {
    const text = modules.get(path)?.text ?? known.get(path) ?? contents?.get(path)
    // Only a path below the folder is read: findings of others name what they like.
    const inside = !path.startsWith('/') && !path.split('/').includes('..')
    const read =
      text ?? (inside ? await readFile(join(folder, path), 'utf8').catch(() => undefined) : undefined)
    if (read !== undefined) texts.set(path, read)
  }
  return (path) => texts.get(path)
}
