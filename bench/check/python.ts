// Recall and false alarms of `belay check` on Python, by class, beside ruff with bandit's rules in the same run:
//   node bench/check/python.ts FOLDER [--list [CLASS]]
// FOLDER is a checkout of OWASP BenchmarkPython (expectedresults-*.csv says which files are vulnerable) or of
// SecurityEval (each file lies in a folder named after its weakness). Neither is part of this repository.
// A third of the files, chosen by the digest of their names, is held out: rules and models were made by looking at
// the others alone, and `--list`, which names what is missed and what is a false alarm, never names one of them.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkProject } from '../../src/code/check-project.ts'
import { openRuff } from './ruff.ts'

/** Weaknesses that one rule of ours stands for, where a set uses a neighbour's number. */
const NEAR: Readonly<Record<string, readonly string[]>> = {
  'CWE-330': ['CWE-338', 'CWE-331', 'CWE-339'],
  'CWE-79': ['CWE-80', 'CWE-116'],
  'CWE-78': ['CWE-77', 'CWE-88'],
  'CWE-94': ['CWE-95', 'CWE-1336'],
  'CWE-328': ['CWE-327', 'CWE-916'],
  'CWE-916': ['CWE-759', 'CWE-760', 'CWE-328'],
  'CWE-329': ['CWE-1204'],
  'CWE-377': ['CWE-379'],
  'CWE-730': ['CWE-400'],
  'CWE-1336': ['CWE-94', 'CWE-95', 'CWE-79'],
  'CWE-1333': ['CWE-730', 'CWE-400'],
  'CWE-611': ['CWE-827', 'CWE-776'],
  'CWE-22': ['CWE-99', 'CWE-641'],
  'CWE-798': ['CWE-259', 'CWE-321'],
  'CWE-489': ['CWE-215'],
}

const args = process.argv.slice(2)
const folder = resolve(args[0] ?? '.')
const listing = args.includes('--list')
const only = listing ? args[args.indexOf('--list') + 1] : undefined
const expected = readdirSync(folder).find((name) => /^expectedresults.*\.csv$/.test(name))
if (expected !== undefined) await owasp(join(folder, expected))
else if (existsSync(join(folder, 'Testcases_Insecure_Code')))
  await securityEval(join(folder, 'Testcases_Insecure_Code'))
else throw new Error(`${folder} is neither BenchmarkPython nor SecurityEval`)

type Found = Map<string, { readonly weaknesses: Set<string>; findings: number }>

async function findingsByFile(from: string): Promise<Found> {
  const report = await checkProject(from)
  const found: Found = new Map()
  for (const { finding } of report.findings) {
    const file = found.get(finding.location.path) ?? { weaknesses: new Set(), findings: 0 }
    found.set(finding.location.path, file)
    file.findings++
    if (finding.cwe !== null)
      for (const cwe of [finding.cwe, ...(NEAR[finding.cwe] ?? [])]) file.weaknesses.add(cwe)
  }
  process.stdout.write(
    `${report.files} files, ${report.lines} lines, ${(report.milliseconds / 1000).toFixed(1)} s, ${report.findings.length} findings\n`,
  )
  return found
}

function heldOut(name: string): boolean {
  return (createHash('sha256').update(name).digest()[0] as number) % 3 === 0
}

interface Row {
  bad: number
  hit: number
  good: number
  alarm: number
}

function empty(): Row {
  return { bad: 0, hit: 0, good: 0, alarm: 0 }
}

function count(row: Row, real: boolean, told: boolean): void {
  if (real) [row.bad, row.hit] = [row.bad + 1, row.hit + (told ? 1 : 0)]
  else [row.good, row.alarm] = [row.good + 1, row.alarm + (told ? 1 : 0)]
}

async function owasp(list: string): Promise<void> {
  const found = await findingsByFile(folder)
  const ruff = await openRuff()
  const rows = new Map<string, { seen: Row; kept: Row; ruff: Row }>()
  for (const line of readFileSync(list, 'utf8').split('\n')) {
    const [name, category, real, number] = line.split(',')
    if (name === undefined || category === undefined || number === undefined || name.startsWith('#')) continue
    const row = rows.get(category) ?? { seen: empty(), kept: empty(), ruff: empty() }
    rows.set(category, row)
    const cwe = `CWE-${Number(number)}`
    const told = found.get(`testcode/${name}.py`)?.weaknesses.has(cwe) === true
    const text = readFileSync(join(folder, 'testcode', `${name}.py`), 'utf8')
    count(heldOut(name) ? row.kept : row.seen, real === 'true', told)
    count(row.ruff, real === 'true', ruff(text).weaknesses.has(cwe))
    if (listing && !heldOut(name) && told !== (real === 'true') && (only ?? category) === category)
      process.stdout.write(`${real === 'true' ? 'missed' : 'alarm '} ${category} ${name}\n`)
  }
  const cell = (row: Row): string =>
    `${row.hit}/${row.bad} (${share(row.hit, row.bad)})  ${row.alarm}/${row.good} (${share(row.alarm, row.good)})`.padEnd(
      34,
    )
  process.stdout.write(
    `\n${'class'.padEnd(16)} ${'looked at: found, false alarms'.padEnd(34)} ${'held out: found, false alarms'.padEnd(34)} ${'ruff, all: found, false alarms'.padEnd(34)} found − false alarms: belay, ruff\n`,
  )
  for (const [category, row] of rows) {
    const both = sum([row.seen, row.kept])
    const [ours, theirs] = [score(both), score(row.ruff)]
    process.stdout.write(
      `${category.padEnd(16)} ${cell(row.seen)} ${cell(row.kept)} ${cell(row.ruff)} ${ours.toFixed(2)}  ${theirs.toFixed(2)}${ours > theirs ? '' : ours === theirs ? '  EVEN' : '  BEHIND'}\n`,
    )
  }
  const whole = [...rows.values()]
  process.stdout.write(
    `${'all'.padEnd(16)} ${cell(sum(whole.map((each) => each.seen)))} ${cell(sum(whole.map((each) => each.kept)))} ${cell(sum(whole.map((each) => each.ruff)))}\n`,
  )
}

function sum(rows: readonly Row[]): Row {
  const out = empty()
  for (const row of rows) for (const key of ['bad', 'hit', 'good', 'alarm'] as const) out[key] += row[key]
  return out
}

function score(row: Row): number {
  return row.hit / Math.max(1, row.bad) - row.alarm / Math.max(1, row.good)
}

async function securityEval(cases: string): Promise<void> {
  const found = await findingsByFile(cases)
  const ruff = await openRuff()
  const rows = new Map<string, { seen: Row; kept: Row; ruff: Row }>()
  let said = 0
  for (const name of readdirSync(cases).filter((each) => each.startsWith('CWE-')))
    for (const file of readdirSync(join(cases, name)).filter((each) => each.endsWith('.py'))) {
      const cwe = `CWE-${Number(name.slice(4))}`
      const row = rows.get(cwe) ?? { seen: empty(), kept: empty(), ruff: empty() }
      rows.set(cwe, row)
      const told = found.get(`${name}/${file}`)?.weaknesses.has(cwe) === true
      const held = heldOut(`${name}/${file}`)
      count(held ? row.kept : row.seen, true, told)
      const other = ruff(readFileSync(join(cases, name, file), 'utf8'))
      said += other.findings
      count(row.ruff, true, other.weaknesses.has(cwe))
      if (listing && !held && !told && (only ?? cwe) === cwe) process.stdout.write(`missed ${name}/${file}\n`)
    }
  const cell = (row: Row): string => (row.bad === 0 ? '-' : `${row.hit}/${row.bad}`).padEnd(10)
  process.stdout.write(`${'class'.padEnd(10)} ${'looked at'.padEnd(10)} ${'held out'.padEnd(10)} ruff\n`)
  for (const [cwe, row] of rows) {
    const ours = row.seen.hit + row.kept.hit
    process.stdout.write(
      `${cwe.padEnd(10)} ${cell(row.seen)} ${cell(row.kept)} ${cell(row.ruff)}${ours < row.ruff.hit ? '  BEHIND' : ''}\n`,
    )
  }
  const all = [...rows.values()]
  const total = (key: 'seen' | 'kept' | 'ruff'): Row => sum(all.map((each) => each[key]))
  process.stdout.write(
    `all        ${cell(total('seen'))} ${cell(total('kept'))} ${cell(total('ruff'))}; ruff says ${said} things\n`,
  )
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : (part / whole).toFixed(2)
}
