/**
 * How fast a changed file is answered while a project is watched, and how often that answer is what checking the whole
 * says: files are changed one after the other in a copy of the folder, each way in turn.
 *
 *   node bench/check/watch.ts FOLDER [--changes 20] [--seed 1]
 *
 * Changes: a comment on top; a function that runs a command from a request; the last function taken away. Times are
 * from the call to the findings, without the 40 ms that `belay check --watch` waits for more changes, nor printing.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { OTHER_LANGUAGES } from '../../src/code/other-languages/other-languages.ts'
import { findFiles } from '../../src/code/reading/find-files.ts'
import { isTestPath } from '../../src/code/reading/readable.ts'
import type { CheckReport } from '../../src/code/report/check-report.ts'
import { WatchedProject } from '../../src/code/watched-project.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { changes: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
})
const [source] = positionals
if (source === undefined) throw new Error('node bench/check/watch.ts FOLDER [--changes 20] [--seed 1]')

const WAYS: readonly (readonly [name: string, change: (text: string) => string])[] = [
  ['comment', (text) => `// a comment\n${text}`],
  [
    'weakness',
    (text) =>
      `${text}\nimport { exec as run } from 'node:child_process'\nimport web from 'express'\nweb().get('/x', (req) => run('ls ' + req.query.x))\n`,
  ],
  ['removal', (text) => text.slice(0, Math.max(0, text.lastIndexOf('\nexport '))) + '\n'],
]

let state = Number(values.seed)
const random = (below: number): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
  return Math.floor((state / 2_147_483_648) * below)
}
const told = (report: CheckReport): string =>
  report.findings
    .map(({ finding, standing }) => `${finding.fingerprint} ${finding.location.line} ${standing.name}`)
    .join('\n')

const folder = mkdtempSync(join(tmpdir(), 'belay-watch-'))
try {
  cpSync(source, folder, { recursive: true, filter: (path) => !/[/\\](?:node_modules|\.git)$/.test(path) })
  const sources = (await findFiles(folder)).sources.filter(
    (path) => /\.[jt]sx?$/.test(path) && !isTestPath(path),
  )
  const options = { others: [OTHER_LANGUAGES] }
  const project = new WatchedProject(folder)
  const first = await project.whole(options)
  const times: number[] = []
  const cpus: number[] = []
  let same = 0
  let all = 0
  for (let round = 0; round < Number(values.changes); round++) {
    const path = sources[random(sources.length)] as string
    const before = readFileSync(join(folder, path), 'utf8')
    const [name, change] = WAYS[round % WAYS.length] as (typeof WAYS)[number]
    for (const text of [change(before), before]) {
      writeFileSync(join(folder, path), text)
      const cpu = process.threadCpuUsage()
      const started = performance.now()
      const quick = await project.changed([path], options)
      times.push(performance.now() - started)
      const used = process.threadCpuUsage(cpu)
      cpus.push((used.user + used.system) / 1000)
      const whole = await project.whole(options)
      all++
      if (quick !== null && told(quick) === told(whole)) same++
      else console.log(`  differs: ${name} in ${path}`)
    }
  }
  const at = (list: readonly number[], share: number): string =>
    `${Math.round(list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * share)] as number)} ms`
  console.log(
    `${first.lines} lines in ${first.files} files, ${all} changes: p50 ${at(times, 0.5)}, p95 ${at(times, 0.95)}, at most ${at(times, 1)}; ` +
      `of the thread's CPU p50 ${at(cpus, 0.5)}, p95 ${at(cpus, 0.95)}, at most ${at(cpus, 1)}; ` +
      `${same} of ${all} answers are those of the whole`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
