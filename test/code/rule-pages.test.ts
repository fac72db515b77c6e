import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkProject } from '../../src/code/check-project.ts'
import { OTHER_LANGUAGES } from '../../src/code/other-languages/other-languages.ts'
import { PATTERN_RULES } from '../../src/code/other-languages/rules.ts'
import type { RuleInfo } from '../../src/code/pack.ts'
import { ALL_PACKS } from '../../src/code/packs/all-packs.ts'

const PACKS: readonly { readonly name: string; readonly rules: readonly RuleInfo[] }[] = [
  ...ALL_PACKS,
  { name: 'patterns', rules: PATTERN_RULES },
]
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

const folder = mkdtempSync(join(tmpdir(), 'belay-rule-pages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function rulesOn(files: readonly { path: string; text: string }[]): Promise<string[]> {
  const { findings, skipped } = await checkProject(folder, {
    contents: new Map(files.map((each) => [each.path, each.text])),
    others: [OTHER_LANGUAGES],
  })
  expect(skipped).toEqual([])
  return findings.map(({ finding }) => finding.rule)
}

describe.each(PACKS.map((pack) => [pack.name, pack] as const))('pages of the pack %s', (name, pack) => {
  test('there is one for each rule, and none besides', () => {
    const there = readdirSync(new URL(`${name}/`, PAGES)).map(
      (file) => `${name}/${file.replace(/\.md$/, '')}`,
    )
    const index = readFileSync(new URL('README.md', PAGES), 'utf8').replaceAll(/ {2,}/g, ' ')
    for (const { id, title, severity, cwe } of pack.rules) {
      const short = id.slice(name.length + 1)
      expect(index).toContain(`| [${short}](${id}.md) | ${severity} | ${cwe ?? ''}`)
      expect(index).toContain(title)
    }
    expect(there.toSorted()).toEqual([...new Set(pack.rules.map((rule) => rule.id))].toSorted())
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
    async (id, rule) => {
      const { bad, good } = readPage(rule)
      expect(await rulesOn(bad)).toContain(id)
      expect(await rulesOn(good)).toEqual([])
    },
  )
})
