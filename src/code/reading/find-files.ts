import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { FRONT_ENDS } from '../front-ends/all-front-ends.ts'
import type { Skipped } from '../flow-graph/program.ts'
import { isIgnored, readIgnoreRules, type IgnoreRule } from './git-ignore.ts'

/** Folders that hold other people's code or what a build made. */
const FOREIGN = new Set([
  'node_modules', 'bower_components', 'jspm_packages', '.git', '.hg', '.svn', '.yarn', '.pnp', '.venv', 'venv',
  '__pycache__', '.tox', 'site-packages', '.mypy_cache', 'vendor', 'third_party', '.cache', '.turbo', '.next',
  '.nuxt', '.output', '.svelte-kit', '.vercel', '.serverless', 'coverage', '.nyc_output',
]) // prettier-ignore
/** Folders that are mostly made by a build: read only where there is nothing else. */
const BUILT = new Set(['dist', 'build', 'out', 'umd', 'esm', 'cjs', 'es', 'lib-cov', 'public/build'])
/** Up to this size a file is read; larger ones are bundles or data. */
const SIZE_LIMIT = 1_500_000
const TEXT_LIMIT = 500_000
const FILE_LIMIT = 200_000
const DEPTH_LIMIT = 40

const SOURCE = new RegExp(
  `(?:${FRONT_ENDS.flatMap((each) => each.extensions)
    .map((each) => each.replace('.', '\\.'))
    .join('|')})$`,
)
const TEXT =
  /(?:^|\/)(?:package\.json|[jt]sconfig[\w.-]*\.json|pyproject\.toml|requirements\.txt)$|\.(?:prisma|sql|ejs|hbs|handlebars|mustache|njk|pug|jade|swig)$|(?:^|\/)(?:views|templates)\/.*\.html$/

export interface Found {
  readonly sources: readonly string[]
  readonly texts: readonly string[]
  /** Files that `Wanted.beside` names. */
  readonly others: readonly string[]
  readonly skipped: readonly Skipped[]
}

export interface Wanted {
  /** Which source files, relative; all when absent. */
  readonly files?: readonly string[]
  /** Files and folders that they lie in; everywhere when absent. */
  readonly below?: readonly string[]
  /** Texts in place of what lies on disk: new files among them are found, those with null are not. */
  readonly contents?: ReadonlyMap<string, string | null>
  /** Files beside the sources that somebody else reads. */
  readonly beside?: RegExp
}

/** The files of a folder that can be checked, in a stable order; symbolic links are not followed, nor what git ignores. */
export async function findFiles(folder: string, wanted: Wanted = {}): Promise<Found> {
  const sources: string[] = []
  const built: string[] = []
  const texts: string[] = []
  const others: string[] = []
  const skipped: Skipped[] = []
  const { contents, below } = wanted
  let ignored = 0
  const take = async (path: string, isBuilt: boolean): Promise<void> => {
    if (/\.d\.[mc]?ts$/.test(path)) return
    const source = SOURCE.test(path) || (/(?:^|\/)bin\/[^./]+$/.test(path) && !isBuilt)
    const other = wanted.beside?.test(path) === true && !isBuilt && isBelow(below, path)
    if (!source && !other && !TEXT.test(path)) return
    const given = contents?.get(path)
    if (given === null) return
    const size = given?.length ?? (await stat(join(folder, path)).catch(() => null))?.size
    if (size === undefined) return
    if (source && !isBelow(below, path)) return
    if (source && size > SIZE_LIMIT) skipped.push({ path, reason: `it has ${(size / 1e6).toFixed(1)} MB` })
    else if (source) (isBuilt ? built : sources).push(path)
    else if (size <= TEXT_LIMIT && !isBuilt) {
      if (TEXT.test(path)) texts.push(path)
      if (other) others.push(path)
    }
  }
  const walk = async (
    path: string,
    isBuilt: boolean,
    depth: number,
    above: readonly IgnoreRule[],
  ): Promise<void> => {
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => [])
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    const own = entries.some((entry) => entry.name === '.gitignore' && entry.isFile())
    const rules = own ? [...above, ...(await rulesOf(join(folder, path), path))] : above
    for (const entry of entries) {
      if (sources.length + built.length >= FILE_LIMIT) return
      const inner = path === '' ? entry.name : `${path}/${entry.name}`
      const isFolder = entry.isDirectory()
      if ((!isFolder && !entry.isFile()) || (isFolder && (FOREIGN.has(entry.name) || depth >= DEPTH_LIMIT)))
        continue
      if (rules.length > 0 && isIgnored(rules, inner, isFolder)) ignored += 1
      else if (isFolder) await walk(inner, isBuilt || BUILT.has(entry.name), depth + 1, rules)
      else await take(inner, isBuilt)
    }
  }
  await walk('', false, 0, await rulesAbove(folder))
  const seen = new Set([...sources, ...built, ...texts, ...others])
  for (const [path, text] of contents ?? []) if (text !== null && !seen.has(path)) await take(path, false)
  if (ignored > 0) skipped.push({ path: '', reason: `${ignored} files and folders that git ignores` })
  // A handful of files beside what was built are its configuration, not its sources.
  let chosen = sources.length * 8 < built.length ? [...sources, ...built] : sources
  if (sources.length > 0 && built.length > 0 && wanted.files === undefined)
    skipped.push({ path: '', reason: `${built.length} built files, as their sources are there` })
  if (wanted.files !== undefined) {
    const named = new Set(wanted.files)
    chosen = [...sources, ...built].filter((path) => named.has(path))
  }
  return { sources: chosen, texts, others, skipped }
}

function isBelow(below: readonly string[] | undefined, path: string): boolean {
  return below === undefined || below.some((each) => path === each || path.startsWith(`${each}/`))
}

async function rulesOf(folder: string, base: string): Promise<readonly IgnoreRule[]> {
  return readIgnoreRules(await readFile(join(folder, '.gitignore'), 'utf8').catch(() => ''), base)
}

/** Rules of the folders above, up to the root of the repository, told relative to the checked folder. */
async function rulesAbove(folder: string): Promise<readonly IgnoreRule[]> {
  const above: string[] = []
  let root = folder
  while (!existsSync(join(root, '.git'))) {
    const next = dirname(root)
    if (next === root) return []
    root = next
    above.unshift(root)
  }
  const rules: IgnoreRule[] = []
  for (const each of above) {
    const way = relative(each, folder).split(/[\\/]/)
    for (const rule of await rulesOf(each, '')) {
      if (!rule.anchored) rules.push(rule)
      // `/app/build` of the root is `/build` to whoever checks app.
      else if (rule.segments.length > way.length && way.every((step, index) => rule.segments[index] === step))
        rules.push({ ...rule, segments: rule.segments.slice(way.length) })
    }
  }
  return rules
}
