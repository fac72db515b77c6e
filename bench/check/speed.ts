/**
 * How fast `belay check` reads and follows a repository, cold: one process, one run, CPU time beside wall time.
 *
 *   node bench/check/speed.ts FOLDER [--security]
 *
 * `--security` runs the value-flow pack alone. On a machine that does other work, the figure of CPU time counts.
 */
import { parseArgs } from 'node:util'
import { checkTree } from '../../src/code/check-tree.ts'
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { security: { type: 'boolean' } },
})
const [folder] = positionals
if (folder === undefined) throw new Error('node bench/check/speed.ts FOLDER [--security]')

const before = process.cpuUsage()
const started = performance.now()
const packs = values.security === true ? ALL_PACKS.filter((each) => each.name === 'value-flow') : ALL_PACKS
const result = await checkTree(folder, { packs })
const wall = (performance.now() - started) / 1000
const cpu = process.cpuUsage(before)
const seconds = (cpu.user + cpu.system) / 1e6
const byRule = new Map<string, number>()
for (const each of result.findings) byRule.set(each.rule, (byRule.get(each.rule) ?? 0) + 1)
console.log(
  `${result.lines} lines in ${result.files} files: ${wall.toFixed(1)} s, ${seconds.toFixed(1)} s of CPU; ` +
    `${Math.round(result.lines / wall)} lines/s, ${Math.round(result.lines / seconds)} lines per CPU-second; ` +
    `${Math.round(process.resourceUsage().maxRSS / 1024)} MB at most; ` +
    `${result.findings.length} findings, ${((result.findings.length * 1000) / Math.max(1, result.lines)).toFixed(2)} per 1,000 lines; ` +
    `${result.skipped.length} skipped`,
)
for (const [rule, count] of [...byRule].sort((a, b) => b[1] - a[1])) console.log(`  ${count} ${rule}`)
