import { describe, expect, test } from 'vitest'
import type { CodeFinding } from '../../src/code/finding.ts'
import type { Pack } from '../../src/code/pack.ts'
import { COMPLIANCE } from '../../src/code/packs/compliance/compliance.ts'
import { MISUSE } from '../../src/code/packs/misuse/misuse.ts'
import { PERFORMANCE } from '../../src/code/packs/performance/performance.ts'
import { SILENT_FAILURE } from '../../src/code/packs/silent-failure/silent-failure.ts'
import { VALUE_FLOW } from '../../src/code/packs/value-flow/value-flow.ts'
import { programOf } from './program-of.ts'
import { type Case, type CaseFile, readCases } from './read-case.ts'

const PACKS = [MISUSE, PERFORMANCE, SILENT_FAILURE, COMPLIANCE]

function find(files: readonly CaseFile[], packs: readonly Pack[] = PACKS): CodeFinding[] {
  const program = programOf(files)
  return packs.flatMap((pack) => [...pack.run(program)])
}

const placesOf = (findings: readonly CodeFinding[]): string[] =>
  findings.map((each) => `${each.rule} ${each.location.path}:${each.location.line}`)

for (const pack of PACKS) {
  const { pairs, benign } = readCases(pack.name)

  describe(`pack ${pack.name}`, () => {
    test('there are enough pairs and look-alikes, of every rule', () => {
      expect(pairs.length).toBeGreaterThanOrEqual(40)
      expect(benign.length).toBeGreaterThanOrEqual(30)
      expect(new Set(pairs.map((each) => each.rule))).toEqual(new Set(pack.rules.map((each) => each.id)))
    })

    test.each(pairs)('$name', (pair) => {
      expect(told(pair, PACKS)).toMatchObject({ near: true, fixed: [] })
    })

    test.each(benign)('stays silent: $name', ({ bad }) => {
      expect(placesOf(find(bad))).toEqual([])
    })
  })
}

// Its other rules have their pairs beside the source.
describe('pack value-flow', () => {
  const { pairs, benign } = readCases('value-flow')
  const packs = [VALUE_FLOW, ...PACKS]

  test.each(pairs)('$name', (pair) => {
    expect(told(pair, packs)).toMatchObject({ near: true, fixed: [] })
  })

  test.each(benign)('stays silent: $name', ({ bad }) => {
    expect(placesOf(find(bad, packs))).toEqual([])
  })
})

/** What is told of both versions, and whether the fault is told where it is. */
function told(
  { rule, bad, fixed }: Case,
  packs: readonly Pack[],
): { hits: string[]; near: boolean; fixed: string[] } {
  const places = bad.flatMap((file) => file.marked.map((line) => ({ path: file.path, line })))
  const hits = find(bad, packs).filter((each) => each.rule === rule)
  const near = hits.some(({ location }) =>
    places.some((one) => one.path === location.path && Math.abs(one.line - location.line) <= 2),
  )
  return { hits: placesOf(hits), near, fixed: placesOf(find(fixed, packs)) }
}
