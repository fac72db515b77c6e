// How much is told of projects that have no known hole: alerts by pack, in 1,000 lines, and how many of them are right.
//   node bench/check/noise.ts [--list PACK]
//   node bench/check/noise.ts FOLDER... [--list PACK]
// Without folders: ten packages of npm by name, fetched with `npm pack` into a temporary folder. Each of their alerts
// was read and judged by hand (`labels/noise.json`): one is right if the code does what it says and whoever maintains
// it would have reason to change it. What nobody has judged counts as wrong.
// With folders: projects as they are checked out or unpacked. Test code is not looked at.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkProject } from '../../src/code/check-project.ts'
import type { CodeFinding } from '../../src/code/finding.ts'
import { OTHER_LANGUAGES } from '../../src/code/other-languages/other-languages.ts'
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'

const PACKAGES: readonly string[] = [
  'commander@14.0.3',
  'execa@9.6.1',
  'express@5.3.0',
  'fastify@5.12.8',
  'got@14.6.6',
  'koa@3.3.0',
  'pino@10.4.0',
  'prettier@3.10.1',
  'undici@7.30.2',
  'zod@4.6.7',
]

/** By package, what was said of its alerts: `rule path:line`. */
type Labels = Readonly<
  Record<string, Readonly<Record<string, { readonly right: boolean; readonly why: string }>>>
>

const { values, positionals } = parseArgs({ allowPositionals: true, options: { list: { type: 'string' } } })
const names = [...ALL_PACKS.map(({ name }) => name), 'patterns']
const all = new Map<string, number>(names.map((name) => [name, 0]))
let lines = 0
let right = 0
let judged = 0

console.log(`lines    per 1,000  ${names.map((name) => name.padEnd(15)).join('')} right    folder`)
if (positionals.length > 0) for (const folder of positionals) await check(folder, folder, {})
else {
  const labels = JSON.parse(readFileSync(new URL('labels/noise.json', import.meta.url), 'utf8')) as Labels
  const under = mkdtempSync(join(tmpdir(), 'belay-noise-'))
  try {
    for (const name of PACKAGES) await check(fetched(name, under), name, labels[name] ?? {})
  } finally {
    rmSync(under, { recursive: true, force: true })
  }
}
const sum = [...all.values()].reduce((a, b) => a + b, 0)
tell(lines, [...all.values()], 'all', positionals.length > 0 ? '' : `${right}/${sum}`)
if (positionals.length === 0)
  console.log(
    `\n${sum} alerts on ${lines} lines, ${((sum * 1000) / lines).toFixed(3)} for 1,000; ${right} judged right (${((right * 100) / Math.max(1, sum)).toFixed(0)} %), ${sum - judged} not judged`,
  )

function fetched(name: string, under: string): string {
  const folder = join(under, name)
  mkdirSync(folder)
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8' }).trim()
  run('tar', 'xzf', run('npm', 'pack', '--silent', name))
  return join(folder, 'package')
}

async function check(folder: string, name: string, labels: Labels[string]): Promise<void> {
  const { findings, lines: read } = await checkProject(folder, { others: [OTHER_LANGUAGES] })
  const found = findings.filter(({ standing }) => standing.name === 'new').map(({ finding }) => finding)
  lines += read
  const counts = names.map((pack) => found.filter((each) => each.rule.startsWith(`${pack}/`)).length)
  for (const [index, pack] of names.entries()) all.set(pack, (all.get(pack) ?? 0) + (counts[index] ?? 0))
  const verdicts = found.map((each) => labels[keyOf(each)])
  const good = verdicts.filter((each) => each?.right === true).length
  right += good
  judged += verdicts.filter((each) => each !== undefined).length
  tell(read, counts, name, positionals.length > 0 ? '' : `${good}/${found.length}`)
  for (const each of found) {
    const verdict = labels[keyOf(each)]
    const unknown = positionals.length === 0 && verdict === undefined
    if (unknown || values.list === 'all' || each.rule.startsWith(`${values.list}/`))
      console.log(
        `  ${keyOf(each)} ${each.message}${unknown ? ' NOT JUDGED' : verdict === undefined ? '' : ` ${verdict.right ? 'right' : 'wrong'}: ${verdict.why}`}`,
      )
  }
}

function keyOf({ rule, location }: CodeFinding): string {
  return `${rule} ${location.path}:${location.line}`
}

function tell(of: number, counts: readonly number[], name: string, good: string): void {
  const told = counts.reduce((a, b) => a + b, 0)
  console.log(
    `${String(of).padEnd(9)}${((told * 1000) / Math.max(1, of)).toFixed(2).padEnd(11)}${counts.map((each) => String(each).padEnd(15)).join('')} ${good.padEnd(8)} ${name}`,
  )
}
