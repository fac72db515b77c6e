// Recall and false alarms of `belay check` on Python, by class: node bench/check/python.ts FOLDER
// FOLDER is a checkout of OWASP BenchmarkPython (expectedresults-*.csv says which files are vulnerable) or of
// SecurityEval (each file lies in a folder named after its weakness). Neither is part of this repository.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkProject } from '../../src/code/check-project.ts'

/** Weaknesses that one rule of ours stands for, where a set uses a neighbour's number. */
const NEAR: Readonly<Record<string, readonly string[]>> = {
  'CWE-330': ['CWE-338'],
  'CWE-79': ['CWE-80', 'CWE-116'],
  'CWE-78': ['CWE-77', 'CWE-88'],
  'CWE-94': ['CWE-95', 'CWE-1336'],
  'CWE-328': ['CWE-327', 'CWE-916'],
  'CWE-1336': ['CWE-94', 'CWE-95'],
}

const folder = resolve(process.argv[2] ?? '.')
const expected = readdirSync(folder).find((name) => /^expectedresults.*\.csv$/.test(name))
if (expected !== undefined) await owasp(join(folder, expected))
else if (existsSync(join(folder, 'Testcases_Insecure_Code')))
  await securityEval(join(folder, 'Testcases_Insecure_Code'))
else throw new Error(`${folder} is neither BenchmarkPython nor SecurityEval`)

async function findingsByFile(from: string): Promise<Map<string, Set<string>>> {
  const report = await checkProject(from)
  const found = new Map<string, Set<string>>()
  for (const { finding } of report.findings) {
    const weaknesses = found.get(finding.location.path) ?? new Set()
    found.set(finding.location.path, weaknesses)
    if (finding.cwe !== null)
      for (const cwe of [finding.cwe, ...(NEAR[finding.cwe] ?? [])]) weaknesses.add(cwe)
  }
  process.stdout.write(
    `${report.files} files, ${report.lines} lines, ${(report.milliseconds / 1000).toFixed(1)} s, ${report.findings.length} findings\n`,
  )
  return found
}

async function owasp(list: string): Promise<void> {
  const found = await findingsByFile(folder)
  const rows = new Map<string, { bad: number; hit: number; good: number; alarm: number }>()
  for (const line of readFileSync(list, 'utf8').split('\n')) {
    const [name, category, real, number] = line.split(',')
    if (name === undefined || category === undefined || number === undefined || name.startsWith('#')) continue
    const row = rows.get(category) ?? { bad: 0, hit: 0, good: 0, alarm: 0 }
    rows.set(category, row)
    const told = found.get(`testcode/${name}.py`)?.has(`CWE-${Number(number)}`) === true
    if (real === 'true') [row.bad, row.hit] = [row.bad + 1, row.hit + (told ? 1 : 0)]
    else [row.good, row.alarm] = [row.good + 1, row.alarm + (told ? 1 : 0)]
  }
  for (const [category, { bad, hit, good, alarm }] of rows)
    process.stdout.write(
      `${category.padEnd(16)} found ${hit}/${bad} (${share(hit, bad)})  alarms on safe ones ${alarm}/${good} (${share(alarm, good)})\n`,
    )
}

async function securityEval(cases: string): Promise<void> {
  const found = await findingsByFile(cases)
  const rows = new Map<string, [hit: number, all: number]>()
  for (const name of readdirSync(cases).filter((each) => each.startsWith('CWE-')))
    for (const file of readdirSync(join(cases, name)).filter((each) => each.endsWith('.py'))) {
      const cwe = `CWE-${Number(name.slice(4))}`
      const row = rows.get(cwe) ?? [0, 0]
      rows.set(cwe, row)
      row[1] += 1
      if (found.get(`${name}/${file}`)?.has(cwe) === true) row[0] += 1
    }
  const all = [...rows.values()]
  for (const [cwe, [hit, of]] of rows) process.stdout.write(`${cwe.padEnd(9)} ${hit}/${of}\n`)
  const [hits, of] = [all.reduce((sum, [hit]) => sum + hit, 0), all.reduce((sum, [, each]) => sum + each, 0)]
  process.stdout.write(`all      ${hits}/${of} (${share(hits, of)})\n`)
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : (part / whole).toFixed(2)
}
