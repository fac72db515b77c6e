import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkProject } from '../../src/code/check-project.ts'
import { LANGUAGES, OTHER_LANGUAGES } from '../../src/code/other-languages/other-languages.ts'

const PAGES = new URL('../../docs/checks/code/languages/', import.meta.url)

interface Example {
  readonly rule: string
  readonly bad: readonly [path: string, text: string]
  readonly good: readonly [path: string, text: string]
}

/** A section for each rule, with a bad and a good file. */
function readPage(name: string): readonly Example[] {
  const text = readFileSync(new URL(`${name}.md`, PAGES), 'utf8')
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const file = (label: string): readonly [string, string] => {
        const found = new RegExp(`^${label}:\\n\\n\`\`\`\\w+ (\\S+)\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(
          section,
        )
        if (found === null) throw new Error(`${name}: no ${label} in ${section.slice(0, 60)}`)
        return [found[1] as string, found[2] as string]
      }
      return { rule: section.split('\n')[0] as string, bad: file('Bad'), good: file('Good') }
    })
}

const folder = mkdtempSync(join(tmpdir(), 'belay-language-pages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function rulesOn(file: readonly [path: string, text: string]): Promise<readonly string[]> {
  const { findings, skipped } = await checkProject(folder, {
    contents: new Map([file]),
    others: [OTHER_LANGUAGES],
  })
  expect(skipped).toEqual([])
  return findings.map(({ finding }) => finding.rule)
}

const NAMES: readonly string[] = [...LANGUAGES.map(({ grammar }) => grammar), 'shell', 'dockerfile', 'python']

describe.each(NAMES)('the page of %s', (name) => {
  const examples = readPage(name)

  test.each(examples.map((each) => [each.rule, each] as const))('%s', async (rule, { bad, good }) => {
    expect(await rulesOn(bad)).toContain(rule)
    expect(await rulesOn(good)).toEqual([])
  })
})

test.each(LANGUAGES.map((each) => [each.name, each] as const))(
  '%s has an example of each rule that it knows',
  (_name, { grammar, sinks, patterns }) => {
    const known = [
      ...sinks.map(({ harm }) => `value-flow/${harm}`),
      ...patterns.map(({ rule }) => `patterns/${rule}`),
    ]
    expect(
      readPage(grammar)
        .map(({ rule }) => rule)
        .toSorted(),
    ).toEqual([...new Set(known)].toSorted())
  },
)
