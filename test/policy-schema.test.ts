import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { builtInChecks } from '../src/flow/verify/checks/index.ts'
import { lintPolicy } from '../src/policy/lint-policy.ts'
import { policySchema } from '../src/policy/schema.ts'

const FILE = new URL('../src/policy/belay.schema.json', import.meta.url)

test('the example in docs/policy.md loads and lints without a word', () => {
  const page = readFileSync(new URL('../docs/policy.md', import.meta.url), 'utf8')
  const text = /```yaml\n(version: 1\n[^`]*)```/.exec(page)![1]!
  expect(lintPolicy({ text, path: null }, { checks: builtInChecks })).toEqual([])
})

// UPDATE_SCHEMA=1 vitest run test/policy-schema.test.ts writes the file anew; then format it.
test('the published schema is that of the code, with every built-in check', () => {
  const generated = `${JSON.stringify(policySchema(builtInChecks), null, 2)}\n`
  if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(FILE, generated)
  expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(JSON.parse(generated))
})
