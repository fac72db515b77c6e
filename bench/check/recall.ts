/**
 * How much of what is known to be wrong is found, how much of it falls silent once it is fixed, and how much else is
 * reported. Takes folders of prepared sets: each has a `set.json`, a list of
 * `{ name, vulnerable, fixed?, cwes, weaknesses: [{ file, line }] }` with folders relative to it.
 *
 *   node bench/check/recall.ts FOLDER... [--eslint FOLDER_WITH_NODE_MODULES] [--verbose]
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
}

interface Case {
  readonly name: string
  readonly vulnerable: string
  readonly fixed?: string
  readonly cwes: readonly string[]
  readonly weaknesses: readonly { readonly file: string; readonly line: number }[]
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
  const places = result.findings.map((each) => ({
    file: each.location.path,
    line: each.location.line,
    class: classOf(each.cwe),
  }))
  return { places, lines: result.lines }
}

const engines: [string, Engine][] = [['belay', belay]]
if (values.eslint !== undefined) {
  const eslint = await loadEslint(values.eslint)
  engines.push(['eslint-plugin-security', (folder) => eslintFindings(eslint, folder)])
}

for (const folder of positionals) {
  const cases = JSON.parse(readFileSync(join(folder, 'set.json'), 'utf8')) as Case[]
  console.log(`\n${folder}: ${cases.length} cases`)
  for (const [name, engine] of engines) await measure(name, engine, folder, cases)
}

interface Tally {
  found: number
  of: number
  silent: number
  fixed: number
}

async function measure(name: string, engine: Engine, folder: string, cases: readonly Case[]): Promise<void> {
  const byClass = new Map<string, Tally>()
  let reported = 0
  let right = 0
  let lines = 0
  for (const each of cases) {
    const wanted = [...new Set(each.cwes.map(classOf))]
    const known = byClass.get(wanted[0] as string) ?? { found: 0, of: 0, silent: 0, fixed: 0 }
    byClass.set(wanted[0] as string, known)
    const before = await engine(join(folder, each.vulnerable))
    reported += before.places.length
    lines += before.lines
    const matches = (place: Place, at: { file: string; line: number }): boolean =>
      place.file === at.file && wanted.includes(place.class) && Math.abs(place.line - at.line) <= LINES
    const hits = before.places.filter((place) => each.weaknesses.some((at) => matches(place, at)))
    right += hits.length
    known.of++
    let note = 'missed'
    if (hits.length > 0) {
      known.found++
      note = 'found'
      if (each.fixed !== undefined && existsSync(join(folder, each.fixed))) {
        known.fixed++
        const after = await engine(join(folder, each.fixed))
        const still = after.places.filter((place) =>
          hits.some(
            (one) =>
              one.file === place.file &&
              one.class === place.class &&
              Math.abs(place.line - movedLine(folder, each, one)) <= LINES,
          ),
        )
        if (still.length === 0) known.silent++
        note +=
          still.length === 0
            ? ', silent when fixed'
            : `, still reported at ${still.map((one) => `${one.file}:${one.line}`).join(' ')}`
      }
    }
    if (values.verbose === true)
      console.log(`  ${each.name} [${wanted.join()}] ${note} (${before.places.length} reported)`)
  }
  const all = { found: 0, of: 0, silent: 0, fixed: 0 }
  console.log(`${name}`)
  for (const [key, tally] of [...byClass].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(
      `  ${key.padEnd(14)} ${tally.found}/${tally.of} found, ${tally.silent}/${tally.fixed} silent when fixed`,
    )
    for (const field of ['found', 'of', 'silent', 'fixed'] as const) all[field] += tally[field]
  }
  console.log(
    `  all            ${all.found}/${all.of} = ${(all.found / all.of).toFixed(2)} found, ${all.silent}/${all.fixed} = ${(all.silent / Math.max(1, all.fixed)).toFixed(2)} silent when fixed, precision ≥ ${(right / Math.max(1, reported)).toFixed(3)}, ${reported} reported in ${lines} lines`,
  )
}

/** Where a line of the vulnerable version lies in the fixed one, by what both have in common at their ends. */
function movedLine(folder: string, each: Case, place: Place): number {
  const read = (version: string): string[] => {
    const path = join(folder, version, place.file)
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  }
  const before = read(each.vulnerable)
  const after = read(each.fixed as string)
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
