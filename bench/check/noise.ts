// How much is told of projects that have no known hole: alerts by pack, and in 1,000 lines.
//   node bench/check/noise.ts FOLDER... [--list PACK]
// Folders are projects as they are checked out or unpacked from a registry. Test code is not looked at.
import { parseArgs } from 'node:util'
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'
import { checkTree } from '../../src/code/check-tree.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { list: { type: 'string' } } })

const all = new Map<string, number>(ALL_PACKS.map(({ name }) => [name, 0]))
let lines = 0
console.log(`lines    per 1,000  ${ALL_PACKS.map(({ name }) => name.padEnd(15)).join('')} folder`)
for (const folder of positionals) {
  const result = await checkTree(folder)
  lines += result.lines
  const counts = ALL_PACKS.map(
    ({ name }) => result.findings.filter((each) => each.rule.startsWith(`${name}/`)).length,
  )
  for (const [index, { name }] of ALL_PACKS.entries())
    all.set(name, (all.get(name) ?? 0) + (counts[index] ?? 0))
  tell(result.lines, counts, folder)
  for (const each of result.findings)
    if (each.rule.startsWith(`${values.list}/`))
      console.log(`  ${each.rule} ${each.location.path}:${each.location.line} ${each.message}`)
}
tell(lines, [...all.values()], 'all')

function tell(of: number, counts: readonly number[], name: string): void {
  const sum = counts.reduce((a, b) => a + b, 0)
  console.log(
    `${String(of).padEnd(9)}${((sum * 1000) / Math.max(1, of)).toFixed(2).padEnd(11)}${counts.map((each) => String(each).padEnd(15)).join('')} ${name}`,
  )
}
