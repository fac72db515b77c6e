import { describe, expect, test } from 'vitest'
import type { CodeFinding } from '../../src/code/finding.ts'
import { COMPLIANCE } from '../../src/code/packs/compliance/compliance.ts'
import { MISUSE } from '../../src/code/packs/misuse/misuse.ts'
import { PERFORMANCE } from '../../src/code/packs/performance/performance.ts'
import { SILENT_FAILURE } from '../../src/code/packs/silent-failure/silent-failure.ts'
import { programOf } from './program-of.ts'
import { type CaseFile, readCases } from './read-case.ts'

const PACKS = [MISUSE, PERFORMANCE, SILENT_FAILURE, COMPLIANCE]

function find(files: readonly CaseFile[]): CodeFinding[] {
  const program = programOf(files)
  return PACKS.flatMap((pack) => [...pack.run(program)])
}

const told = (findings: readonly CodeFinding[]): string[] =>
  findings.map((each) => `${each.rule} ${each.location.path}:${each.location.line}`)

for (const pack of PACKS) {
  const { pairs, benign } = readCases(pack.name)

  describe(`pack ${pack.name}`, () => {
    test('there are enough pairs and look-alikes, of every rule', () => {
      expect(pairs.length).toBeGreaterThanOrEqual(40)
      expect(benign.length).toBeGreaterThanOrEqual(30)
      expect(new Set(pairs.map((each) => each.rule))).toEqual(new Set(pack.rules.map((each) => each.id)))
    })

    test.each(pairs)('$name', ({ rule, bad, fixed }) => {
      const places = bad.flatMap((file) => file.marked.map((line) => ({ path: file.path, line })))
      const hits = find(bad).filter((each) => each.rule === rule)
      const near = hits.filter((each) =>
        places.some((one) => one.path === each.location.path && Math.abs(one.line - each.location.line) <= 2),
      )
      expect({ told: told(hits), near: near.length > 0 }).toMatchObject({ near: true })
      expect(told(find(fixed))).toEqual([])
    })

    test.each(benign)('stays silent: $name', ({ bad }) => {
      expect(told(find(bad))).toEqual([])
    })
  })
}
