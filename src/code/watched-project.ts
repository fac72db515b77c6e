import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  findInProject,
  judge,
  packsFor,
  type ProjectCheckOptions,
  type ProjectFindings,
} from './check-project.ts'
import { compareFindings, runPacks } from './check-tree.ts'
import type { CodeFinding } from './finding.ts'
import type { Location, Module } from './flow-graph/module.ts'
import { KeptModules } from './kept-modules.ts'
import { isSource, readText } from './read-tree.ts'
import { ModuleIndex } from './reading/module-index.ts'
import { readPathAliases } from './reading/path-aliases.ts'
import type { CheckReport } from './report/check-report.ts'
import { analyse } from './value-flow/analyse.ts'
import { ImportGraph } from './watched-slice.ts'

/** Milliseconds for following values through what a change reaches. */
const SLICE_TIME = 2_000
/** More files at once are a checkout or a formatter: only the whole tells. */
const MANY = 20
const SIZE_LIMIT = 1_500_000

/** What a change of a file needs: nothing that we look at, a look at what it reaches, or at everything. */
export type Concern = 'nothing' | 'reached' | 'everything'

interface Change {
  readonly before: ReadonlyMap<string, Module>
  readonly after: ReadonlyMap<string, Module>
  readonly graph: ImportGraph
}

/**
 * A project that is checked again and again. The whole is read once; after that a file that changed is parsed alone,
 * and `changed` tells what it makes of the findings: the few thousand lines around it are checked as they were and as
 * they are, and what differs is the answer. That is quick, and can miss what lies further away; `whole` then tells.
 */
export class WatchedProject {
  readonly #folder: string
  readonly #kept = new KeptModules()
  #last: ProjectFindings | null = null
  #graph: ImportGraph | null = null
  /** What was looked at last: how it is after one change is how it was before the next. */
  #slice: { readonly modules: readonly Module[]; readonly findings: readonly CodeFinding[] } | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Checks everything; files that did not change are not parsed again. */
  async whole(options: ProjectCheckOptions): Promise<CheckReport> {
    const started = performance.now()
    const found = await findInProject(this.#folder, { ...options, kept: this.#kept })
    this.#last = found
    // Who imports a file that cannot be read just now is known from before.
    if (!found.program.skipped.some(({ path }) => this.#graph?.has(path) === true)) this.#graph = null
    return judge(this.#folder, found, options, started)
  }

  /** What of a project a changed file concerns; `path` relative. */
  concern(path: string): Concern {
    if (isSource(path)) {
      const known = this.#last?.program
      const read =
        known?.modules.some((each) => each.path === path) === true ||
        known?.skipped.some((each) => each.path === path) === true
      return read ? 'reached' : 'everything'
    }
    return /\.(?:md|mdx|txt|png|jpe?g|gif|svg|webp|ico|css|scss|html|lock|log|map|snap|woff2?)$/i.test(path)
      ? 'nothing'
      : 'everything'
  }

  /** The findings after these files have changed, as far as what is near them tells; null: only the whole tells. */
  async changed(paths: readonly string[], options: ProjectCheckOptions): Promise<CheckReport | null> {
    const started = performance.now()
    const last = this.#last
    if (last === null || options.contents !== undefined || paths.length > MANY) return null
    if (paths.some((path) => this.concern(path) === 'everything')) return null
    const before = new Map(last.program.modules.map((module) => [module.path, module]))
    const graph = (this.#graph ??= new ImportGraph(last.program))
    const after = new Map(before)
    const skipped = last.program.skipped.filter((each) => !paths.includes(each.path))
    for (const path of paths) {
      if (this.concern(path) === 'nothing') continue
      if (!graph.has(path)) return null
      const text = await textOf(join(this.#folder, path))
      if (text === null) return null
      const read = this.#kept.take(path, text) ?? readText(path, text)
      this.#kept.keep(path, text, read)
      if ('reason' in read) {
        skipped.push(read)
        after.delete(path)
      } else after.set(path, read)
    }
    const differing = paths.filter((path) => before.get(path) !== after.get(path))
    const ours =
      differing.length === 0
        ? last.ours
        : await this.#compare(differing, { before, after, graph }, last, options)
    const program = { ...last.program, modules: [...after.values()], skipped }
    this.#last = { ...last, program, ours }
    return judge(this.#folder, this.#last, options, started)
  }

  /** What was found, less what the surroundings of the change no longer show, and with what they show now. */
  async #compare(
    paths: readonly string[],
    { before, after, graph }: Change,
    last: ProjectFindings,
    options: ProjectCheckOptions,
  ): Promise<readonly CodeFinding[]> {
    const changed = new Set(paths)
    const touched = last.ours.filter((each) => places(each).some(({ path }) => changed.has(path)))
    const needed = touched.flatMap((each) => places(each).map(({ path }) => path))
    const around = [before, after].flatMap((modules) => paths.flatMap((path) => modules.get(path) ?? []))
    const inside = graph.around(around, needed, after)
    const within = (modules: ReadonlyMap<string, Module>): readonly Module[] =>
      [...modules.values()].filter(({ path }) => inside.has(path))
    const earlier = this.#slice
    const now = await this.#findIn(within(after), last, options)
    const found = new Map(now.map((each) => [each.fingerprint, each]))
    const known = new Set(last.ours.map(({ fingerprint }) => fingerprint))
    const shown = (each: CodeFinding): boolean => places(each).every(({ path }) => inside.has(path))
    // Where nothing is new and nothing missing, there is no need to look at how it was.
    const settled =
      now.every(({ fingerprint }) => known.has(fingerprint)) &&
      last.ours.every((each) => found.has(each.fingerprint) || !shown(each))
    const latest = this.#slice
    this.#slice = earlier
    const old = settled ? [] : await this.#findIn(within(before), last, options)
    const then = new Set(old.map(({ fingerprint }) => fingerprint))
    this.#slice = latest
    const standing = last.ours
      .filter(
        (each) =>
          found.has(each.fingerprint) ||
          !then.has(each.fingerprint) ||
          !(shown(each) || touched.includes(each)),
      )
      .map((each) => found.get(each.fingerprint) ?? moved(each, before, after, changed))
    const fresh = now.filter(({ fingerprint }) => !known.has(fingerprint) && !then.has(fingerprint))
    return [...standing, ...fresh].sort(compareFindings)
  }

  async #findIn(
    modules: readonly Module[],
    { program }: ProjectFindings,
    options: ProjectCheckOptions,
  ): Promise<readonly CodeFinding[]> {
    const known = this.#slice
    if (known?.modules.length === modules.length && modules.every((each, at) => each === known.modules[at]))
      return known.findings
    const { packages, texts } = program
    const index = new ModuleIndex(modules, packages, readPathAliases(texts))
    const part = analyse({ modules, packages, texts, index, skipped: [], timeLimit: SLICE_TIME })
    const { findings } = await runPacks(part, await packsFor(options), {})
    this.#slice = { modules, findings }
    return findings
  }
}

async function textOf(path: string): Promise<string | null> {
  const size = await stat(path).then(
    (found) => found.size,
    () => Infinity,
  )
  return size > SIZE_LIMIT ? null : await readFile(path, 'utf8').catch(() => null)
}

function places(finding: CodeFinding): readonly Location[] {
  return [finding.location, ...finding.path.map((step) => step.location)]
}

/** A finding whose lines in changed files are told as they are now. */
function moved(
  finding: CodeFinding,
  before: ReadonlyMap<string, Module>,
  after: ReadonlyMap<string, Module>,
  changed: ReadonlySet<string>,
): CodeFinding {
  const place = (location: Location): Location => {
    const old = before.get(location.path)
    const now = after.get(location.path)
    if (!changed.has(location.path) || old === undefined || now === undefined) return location
    const by = now.lineStarts.length - old.lineStarts.length
    let same = 0
    while (same < old.text.length && old.text[same] === now.text[same]) same++
    return (old.lineStarts[location.line - 1] ?? 0) < same
      ? location
      : { ...location, line: Math.max(1, location.line + by), endLine: Math.max(1, location.endLine + by) }
  }
  return {
    ...finding,
    location: place(finding.location),
    path: finding.path.map((step) => ({ ...step, location: place(step.location) })),
  }
}
