import { expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import type { CheckFinding } from '../../../policy/check.ts'
import { code } from './code.ts'

const run = (input: JsonObject, options: JsonObject = {}): readonly CheckFinding[] =>
  code.prepare(options, { readLines: () => [], lists: {} })({
    action: 'code.change',
    agent: 'coder',
    effect: 'write',
    input,
    provenance: {},
  }) as readonly CheckFinding[]

const error = { rule: 'value-flow/sql-injection', severity: 'error', message: 'id becomes SQL' }
const warning = { rule: 'performance/query-in-loop', severity: 'warning' }
const checked = (...findings: readonly JsonObject[]): JsonObject => ({
  checked: true,
  paths: ['a.ts'],
  findings: [...findings],
})

it('refuses what is severe enough, without quoting it', () => {
  const [found, ...more] = run(checked(error, warning, warning), { fail_on: 'warning' })
  expect(more).toEqual([])
  expect(found).toMatchObject({
    code: 'code:found',
    message: 'The change adds 1 error, 2 warnings to the code.',
    evidence: { findings: [error, warning, warning] },
  })
})

it.each([
  ['nothing found', checked(), {}],
  ['less than an error', checked(warning), {}],
  ['a rule that does not count', checked(error), { ignore: ['value-flow/sql-injection'] }],
  ['a pack that does not count', checked(warning), { fail_on: 'note', ignore: ['performance/*'] }],
])('lets pass: %s', (_what, input, options) => expect(run(input, options)).toEqual([]))

it.each([
  ['no findings', { checked: true }],
  ['not checked', { checked: false, findings: [] }],
  ['checked by hearsay', { checked: 'true', findings: [] }],
  ['nothing', {}],
])('refuses what was not checked: %s', (_what, input) => {
  expect(run(input)).toMatchObject([{ code: 'code:not_checked', decision: 'deny' }])
  expect(run(input, { unchecked: 'require_approval' })).toMatchObject([{ decision: 'require_approval' }])
  expect(run(input, { unchecked: 'allow' })).toEqual([])
})

it.each([[null], [1], [{}], [{ severity: 'harmless' }], [{ severity: ['note'], rule: 1 }]])(
  'takes what is no finding for an error: %j',
  (bent) => {
    expect(run({ checked: true, findings: [bent] })).toMatchObject([
      { message: 'The change adds 1 error to the code.' },
    ])
  },
)
