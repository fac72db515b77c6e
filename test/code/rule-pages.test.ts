import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { RuleInfo } from '../../src/code/pack.ts'
import { COMPLIANCE } from '../../src/code/packs/compliance/compliance.ts'
import { PERFORMANCE } from '../../src/code/packs/performance/performance.ts'
import { SILENT_FAILURE } from '../../src/code/packs/silent-failure/silent-failure.ts'
import { programOf } from './program-of.ts'

const PACKS = [PERFORMANCE, SILENT_FAILURE, COMPLIANCE]
const PAGES = new URL('../../docs/checks/code/', import.meta.url)

interface Page {
  readonly text: string
  readonly bad: { path: string; text: string }[]
  readonly good: { path: string; text: string }[]
}

function readPage(rule: RuleInfo): Page {
  const text = readFileSync(new URL(`${rule.id}.md`, PAGES), 'utf8')
  const files = (section: string): { path: string; text: string }[] => {
    const body = text.split(/^## /m).find((each) => each.startsWith(`${section}\n`)) ?? ''
    return [...body.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map((each) => ({
      path: each[1] as string,
      text: each[2] as string,
    }))
  }
  const both = files('Beside both')
  return { text, bad: [...files('Bad'), ...both], good: [...files('Good'), ...both] }
}

function rulesOn(files: readonly { path: string; text: string }[]): string[] {
  const program = programOf(files)
  return PACKS.flatMap((pack) => pack.run(program).map((each) => each.rule))
}

describe.each(PACKS.map((pack) => [pack.name, pack] as const))('pages of the pack %s', (name, pack) => {
  test('there is one for each rule, and none besides', () => {
    const there = readdirSync(new URL(`${name}/`, PAGES)).map(
      (file) => `${name}/${file.replace(/\.md$/, '')}`,
    )
    expect(there.toSorted()).toEqual(pack.rules.map((rule) => rule.id).toSorted())
  })

  test.each(pack.rules.map((rule) => [rule.id, rule] as const))('%s says what the rule says', (id, rule) => {
    const { text } = readPage(rule)
    expect(text).toContain(
      `# ${id}\n\n${rule.title}. Severity: ${rule.severity}${rule.cwe === null ? '' : `; ${rule.cwe}`}.`,
    )
    for (const tag of rule.tags) expect(text).toContain(tag)
    expect(text).toContain(rule.help)
  })

  test.each(pack.rules.map((rule) => [rule.id, rule] as const))(
    '%s: bad is reported, good is silent',
    (id, rule) => {
      const { bad, good } = readPage(rule)
      expect(rulesOn(bad)).toContain(id)
      expect(rulesOn(good)).toEqual([])
    },
  )
})
