/**
 * How much of what is known to be wrong is found, how much of it falls silent once it is fixed, and how much else is
 * reported. Takes folders of prepared sets: each has a `set.json`, a list of
 * `{ name, vulnerable, fixed?, cwes, weaknesses: [{ file, line }] }` with folders relative to it.
 *
 *   node bench/check/recall.ts FOLDER... [LABELS.json:FOLDER]... [--eslint FOLDER_WITH_NODE_MODULES] [--verbose]
 *
 * `bench/check/labels` names the weaknesses of two applications that were written to have them, at one commit each.
 * `secbench.ts` prepares a part of SecBench.js.
 *
 * A weakness counts as found by a finding of the same class (by CWE) in the same file, at most LINES lines away.
 * Precision is a lower bound: what no label names counts as wrong.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'
import { checkTree } from '../../src/code/check-tree.ts'
import { eslintFindings, loadEslint } from './eslint-security.ts'

export interface Place {
  readonly file: string
  readonly line: number
  readonly class: string
  readonly also?: { readonly file: string; readonly line: number }
}

interface Case {
  readonly name: string
  readonly vulnerable: string
  readonly fixed?: string
  readonly cwes: readonly string[]
  readonly weaknesses: readonly { readonly file: string; readonly line: number }[]
  /** Not looked at while the models were written. */
  readonly kept?: boolean
}

const LINES = 6

/** CWE ids that name one class. */
const CLASSES: Readonly<Record<string, readonly number[]>> = {
  command: [77, 78, 88],
  path: [22, 23, 35, 36, 73, 99],
  xss: [79, 80, 87, 116],
  code: [94, 95, 96, 1336],
  prototype: [1321, 915, 471],
  sql: [89],
  nosql: [943],
  ssrf: [918],
  redirect: [601],
  regex: [1333, 730, 400],
  deserialise: [502],
  csrf: [352],
  resource: [770],
  xml: [611, 776],
  crypto: [326, 327, 328, 330, 338, 916],
  secret: [259, 321, 798, 522],
  access: [284, 285, 639, 862, 863],
  cookie: [614, 1004, 1275],
  log: [117, 532],
  ldap: [90],
  xpath: [643],
  validation: [20],
  information: [200],
}

export function classOf(cwe: string | null): string {
  const number = Number(/\d+/.exec(cwe ?? '')?.[0] ?? 0)
  return Object.entries(CLASSES).find(([, numbers]) => numbers.includes(number))?.[0] ?? `cwe-${number}`
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { eslint: { type: 'string' }, verbose: { type: 'boolean' } },
})

type Engine = (folder: string) => Promise<{ places: Place[]; lines: number }>

const belay: Engine = async (folder) => {
  const result = await checkTree(folder, {
    packs: ALL_PACKS.filter((each) => !/performance|silent|compliance/.test(each.name)),
  })
  const places = result.findings.map((each) => {
    const { location } = each
    const matched = each.path?.findLast((step) => step.message === 'is matched')?.location
    const at = { file: location.path, line: location.line, class: classOf(each.cwe) }
    // A label of a slow expression names the expression or the place where a text meets it.
    return matched === undefined ? at : { ...at, also: { file: matched.path, line: matched.line } }
  })
  return { places, lines: result.lines }
}

const engines: [string, Engine][] = [['belay', belay]]
if (values.eslint !== undefined) {
  const eslint = await loadEslint(values.eslint)
  engines.push(['eslint-plugin-security', (folder) => eslintFindings(eslint, folder)])
}

interface Tally {
  found: number
  of: number
  silent: number
  fixed: number
  right: number
  reported: number
}

const nothing = (): Tally => ({ found: 0, of: 0, silent: 0, fixed: 0, right: 0, reported: 0 })

class Tallies {
  readonly #byName = new Map<string, Tally>()

  at(name: string): Tally {
    let known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, (known = nothing()))
    return known
  }

  rows(): [string, Tally][] {
    return [...this.#byName].toSorted(([a], [b]) => (a < b ? -1 : 1))
  }
}

async function measure(name: string, engine: Engine, folder: string, cases: readonly Case[]): Promise<void> {
  const classes = new Tallies()
  const parts = new Tallies()
  let lines = 0
  const results = new Map<string, Awaited<ReturnType<Engine>>>()
  for (const each of cases) {
    const wanted = [...new Set(each.cwes.map(classOf))]
    const counted = [classes.at(wanted[0] as string), parts.at('all')]
    if (each.kept !== undefined) counted.push(parts.at(each.kept ? 'kept back' : 'seen'))
    const known = results.get(each.vulnerable)
    const before = known ?? (await engine(join(folder, each.vulnerable)))
    results.set(each.vulnerable, before)
    const hits = nearest(before.places, each.weaknesses, wanted)
    const near = before.places.filter((place) => each.weaknesses.some((at) => matches(place, at, wanted)))
    for (const place of near) classes.at(place.class).right++
    for (const tally of counted.slice(1)) tally.right += near.length
    if (known === undefined) {
      lines += before.lines
      for (const place of before.places) classes.at(place.class).reported++
      for (const tally of counted.slice(1)) tally.reported += before.places.length
    }
    for (const tally of counted) tally.of++
    let note = 'missed'
    if (hits.length > 0) {
      for (const tally of counted) tally.found++
      note = 'found'
      if (each.fixed !== undefined && existsSync(join(folder, each.fixed))) {
        const after = await engine(join(folder, each.fixed))
        const still = stillReported(folder, each, hits, before.places, after.places)
        for (const tally of counted) {
          tally.fixed++
          if (still.length === 0) tally.silent++
        }
        note +=
          still.length === 0
            ? ', silent when fixed'
            : `, still reported at ${still.map((one) => `${one.file}:${one.line}`).join(' ')}`
      }
    }
    if (values.verbose === true)
      console.log(`  ${each.name} [${wanted.join()}] ${note} (${before.places.length} reported)`)
  }
  console.log(name)
  for (const [key, tally] of [...classes.rows(), ...parts.rows()])
    if (tally.of > 0)
      console.log(
        `  ${key.padEnd(14)} ${share(tally.found, tally.of)} found, ${share(tally.silent, tally.fixed)} silent when fixed, precision ≥ ${(tally.right / Math.max(1, tally.reported)).toFixed(3)} of ${tally.reported}`,
      )
  const { reported } = parts.at('all')
  console.log(`  ${((reported * 1000) / lines).toFixed(2)} reported for 1,000 lines, ${lines} lines`)
}

const share = (part: number, of: number): string =>
  `${part}/${of}${of === 0 ? '' : ` = ${(part / of).toFixed(2)}`}`

function readCases(labels: string | undefined, folder: string): Case[] {
  const json = JSON.parse(readFileSync(labels ?? join(folder, 'set.json'), 'utf8')) as
    | Case[]
    | { readonly cases: Omit<Case, 'vulnerable'>[] }
  return Array.isArray(json) ? json : json.cases.map((each) => ({ ...each, vulnerable: '.' }))
}

interface At {
  readonly file: string
  readonly line: number
}

function matches(place: Place, at: At, wanted: readonly string[]): boolean {
  return wanted.includes(place.class) && distanceOf(place, at) <= LINES
}

function distanceOf(place: Place, at: At): number {
  const distances = [place, ...(place.also === undefined ? [] : [place.also])].map((each) =>
    each.file === at.file ? Math.abs(each.line - at.line) : Infinity,
  )
  return Math.min(...distances)
}

/** For each weakness the findings that are nearest to it: those that lie farther away are others, fixed or not. */
function nearest(places: readonly Place[], weaknesses: readonly At[], wanted: readonly string[]): Place[] {
  return weaknesses.flatMap((at) => {
    const near = places.filter((place) => matches(place, at, wanted))
    const distance = Math.min(...near.map((place) => distanceOf(place, at)))
    return near.filter((place) => distanceOf(place, at) === distance)
  })
}

/**
 * Findings of the fixed version where a hit was. What was reported beside it before, on a line that is still the same,
 * is another finding.
 */
function stillReported(
  folder: string,
  each: Case,
  hits: readonly Place[],
  before: readonly Place[],
  after: readonly Place[],
): Place[] {
  const text = (version: string, place: Place): string =>
    `${place.class} ${place.file} ${linesOf(folder, version, place.file)[place.line - 1]?.trim()}`
  const others = before.filter((place) => !hits.includes(place)).map((place) => text(each.vulnerable, place))
  return after.filter((place) => {
    const near = hits.some(
      (hit) =>
        hit.file === place.file &&
        hit.class === place.class &&
        Math.abs(place.line - movedLine(folder, each, hit)) <= LINES,
    )
    if (!near) return false
    const other = others.indexOf(text(each.fixed as string, place))
    if (other >= 0) others.splice(other, 1)
    return other < 0
  })
}

function linesOf(folder: string, version: string, file: string): string[] {
  const path = join(folder, version, file)
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
}

/** Where a line of the vulnerable version lies in the fixed one, by what both have in common at their ends. */
function movedLine(folder: string, each: Case, place: Place): number {
  const before = linesOf(folder, each.vulnerable, place.file)
  const after = linesOf(folder, each.fixed as string, place.file)
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  return place.line <= start
    ? place.line
    : place.line + (place.line > before.length - commonEnd(before, after) ? after.length - before.length : 0)
}

function commonEnd(a: readonly string[], b: readonly string[]): number {
  let length = 0
  while (length < a.length && length < b.length && a[a.length - 1 - length] === b[b.length - 1 - length])
    length++
  return length
}

for (const each of positionals) {
  const [, labels, folder = each] = /^(.+\.json):(.+)$/.exec(each) ?? []
  const cases = readCases(labels, folder)
  console.log(`\n${folder}: ${cases.length} weaknesses`)
  for (const [name, engine] of engines) await measure(name, engine, folder, cases)
}
