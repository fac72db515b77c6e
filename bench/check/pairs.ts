// What the packs find in the pairs of test/code/pairs:
//   node bench/check/pairs.ts
// A third was kept back while the rules were written. All were written by the same people as the rules: the figures say
// that the rules do what they say, not how they do on code of others.
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'
import { programOf } from '../../test/code/program-of.ts'
import { type Case, type CaseFile, readCases } from '../../test/code/read-case.ts'

const PACKS = ALL_PACKS.filter((each) =>
  ['value-flow', 'misuse', 'performance', 'silent-failure', 'compliance'].includes(each.name),
)

const findingsOn = (files: readonly CaseFile[]) => {
  const program = programOf(files)
  return PACKS.flatMap((each) => [...each.run(program)])
}

function isFound({ rule, bad }: Case): { found: boolean; others: number } {
  const findings = findingsOn(bad)
  const near = findings.filter(
    (each) =>
      each.rule === rule &&
      bad.some(
        (file) =>
          file.path === each.location.path &&
          file.marked.some((line) => Math.abs(line - each.location.line) <= 2),
      ),
  )
  return { found: near.length > 0, others: findings.length - near.length }
}

const share = (part: number, of: number): string => `${part}/${of}`

console.log(
  'pack              pairs     part        found   fixed silent   other findings   look-alikes silent',
)
for (const { name } of PACKS) {
  const { pairs, benign } = readCases(name)
  const quiet = benign.filter((each) => findingsOn(each.bad).length === 0).length
  for (const kept of [false, true]) {
    const part = pairs.filter((each) => each.kept === kept)
    const results = part.map(isFound)
    const silent = part.filter((each) => findingsOn(each.fixed).length === 0).length
    const found = results.filter((each) => each.found).length
    const others = results.reduce((sum, each) => sum + each.others, 0)
    console.log(
      `${name.padEnd(18)}${String(pairs.length).padEnd(10)}${(kept ? 'kept back' : 'seen').padEnd(12)}${share(found, part.length).padEnd(8)}${share(silent, part.length).padEnd(15)}${String(others).padEnd(17)}${share(quiet, benign.length)}`,
    )
  }
}
