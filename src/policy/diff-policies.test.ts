import { expect, test } from 'vitest'
import { builtInChecks } from '../flow/verify/checks/index.ts'
import { diffPolicies } from './diff-policies.ts'
import { loadPolicy } from './load-policy.ts'
import type { Policy } from './policy.ts'

const BASE = `
version: 1
mode: observe
budget: [{ limit_usd: 50, per: day }]
agents:
  writer: { budget: [{ limit_usd: 5, per: day }], breaker: { error_rate: 0.1 } }
actions:
  mail.send:
    verify:
      - pii: { field: text }
      - secrets: {}
      - rule: { when: 'size(input.to) > 10', then: deny, code: 'mail:many' }
    approve:
      - { when: 'input.amount > 100', by: [finance] }
    undo: { within: 60m }
  pay.*: { effect: irreversible, approve: [{ by: [finance], expires: 1h }] }
lists: { words: [one, two] }
approvers: { finance: { members: [a@example.com, b@example.com] } }
`

function load(text: string): Policy {
  const { policy, faults } = loadPolicy({ text, path: null }, { checks: builtInChecks })
  if (policy === null) throw new Error(JSON.stringify(faults))
  return policy
}

/** What changes when the text is replaced in the base. */
const changed = (...replacements: readonly (readonly [string, string])[]) => {
  let text = BASE
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`the base has no ${from}`)
    text = text.replace(from, to)
  }
  return diffPolicies(load(BASE), load(text))
}

test.each([
  ['comments', ['version: 1', '# hello\nversion: 1']],
  ['a default written out', ['version: 1', 'version: 1\ndefaults: { decision: deny }']],
  ['a duration in other units', ['60m', '1h']],
  ['another word for a decision', ["then: deny, code: 'mail:many'", "then: block, code: 'mail:many'"]],
  ['a default decision left out', ["then: deny, code: 'mail:many'", "code: 'mail:many'"]],
  ['defaults of an entry', ['undo: { within: 60m }', 'undo: { within: 60m }\n    effect: write']],
  ['defaults of a breaker', ['{ error_rate: 0.1 }', '{ error_rate: 0.1, over: 100, then: pause }']],
  ['an expiry of a day', ['by: [finance] }', 'by: [finance], expires: 1d }']],
  ['the order of members', ['[a@example.com, b@example.com]', '[b@example.com, a@example.com]']],
  ['a quorum of one', ['b@example.com] }', 'b@example.com], quorum: 1 }']],
  [
    'two limits for one window',
    ['{ limit_usd: 50, per: day }', '{ limit_usd: 50, per: day }, { limit_usd: 60, per: day }'],
  ],
] as const)('%s are no difference', (_what, replacement) => {
  expect(changed(replacement)).toEqual([])
})

test.each([
  ['mode: observe', 'mode: enforce', 'mode', 'changed', 'stricter'],
  ['version: 1', 'version: 1\ndefaults: { decision: hold }', 'defaults.decision', 'changed', 'looser'],
  ['limit_usd: 50', 'limit_usd: 60', 'budget per day', 'changed', 'looser'],
  ['limit_usd: 5,', 'limit_usd: 4,', 'agents.writer.budget per day', 'changed', 'stricter'],
  ['budget: [{ limit_usd: 50, per: day }]', '', 'budget per day', 'removed', 'looser'],
  [
    'budget: [{ limit_usd: 50',
    'rate: [{ limit: 9, per: hour }]\nbudget: [{ limit_usd: 50',
    'rate per hour',
    'added',
    'stricter',
  ],
  [', breaker: { error_rate: 0.1 }', '', 'agents.writer.breaker', 'removed', 'looser'],
  ['error_rate: 0.1', 'error_rate: 0.2', 'agents.writer.breaker.error_rate', 'changed', null],
  ['      - secrets: {}\n', '', 'actions.mail.send.verify.secrets', 'removed', 'looser'],
  [
    '      - secrets: {}\n',
    '      - secrets: {}\n      - profanity: { field: text }\n',
    'actions.mail.send.verify.profanity',
    'added',
    'stricter',
  ],
  [
    '      - secrets: {}\n',
    '      - secrets: {}\n      - profanity: { field: text, then: warn }\n',
    'actions.mail.send.verify.profanity',
    'added',
    null,
  ],
  [
    'pii: { field: text }',
    'pii: { field: text, then: redact }',
    'actions.mail.send.verify.pii.then',
    'changed',
    'looser',
  ],
  ['pii: { field: text }', 'pii: { field: body }', 'actions.mail.send.verify.pii.field', 'changed', null],
  [
    'size(input.to) > 10',
    'size(input.to) > 20',
    'actions.mail.send.verify.rule mail:many.when',
    'changed',
    null,
  ],
  ['input.amount > 100', 'input.amount > 200', 'actions.mail.send.approve.finance.when', 'changed', null],
  [', approve: [{ by: [finance], expires: 1h }]', '', 'actions.pay.*.approve.finance', 'removed', 'looser'],
  ['expires: 1h', 'expires: 2h', 'actions.pay.*.approve.finance.expires', 'changed', null],
  ['    undo: { within: 60m }\n', '', 'actions.mail.send.undo', 'removed', null],
  ['effect: irreversible', 'effect: write', 'actions.pay.*.effect', 'changed', null],
  ['[one, two]', '[one, two, three]', 'lists.words', 'added', null],
  ['b@example.com]', 'b@example.com], quorum: 2', 'approvers.finance.quorum', 'changed', 'stricter'],
  [', b@example.com', '', 'approvers.finance.members', 'removed', null],
  ['version: 1', "version: 1\nnotify: { slack: { channel: '#a' } }", 'notify', 'added', null],
] as const)('%j → %j: %s is %s, %s', (from, to, where, kind, direction) => {
  const changes = changed([from, to])
  expect(changes).toHaveLength(1)
  expect(changes[0]).toMatchObject({ where, kind, direction })
})

test('an entry that comes or goes says what stands in its place', () => {
  expect(changed(['actions:', 'actions:\n  crm.delete: {}'])).toEqual([
    {
      where: 'actions.crm.delete',
      kind: 'added',
      after: {},
      direction: 'looser',
      otherwise: 'no entry: deny',
    },
  ])
  expect(changed(['actions:', 'actions:\n  pay.out: {}'])).toMatchObject([
    { where: 'actions.pay.out', kind: 'added', direction: null, otherwise: 'pay.*' },
  ])
  const [gone] = diffPolicies(load(BASE.replace('actions:', 'actions:\n  crm.delete: {}')), load(BASE))
  expect(gone).toMatchObject({ kind: 'removed', direction: 'stricter', otherwise: 'no entry: deny' })
  expect(changed(['actions:', 'actions:\n  crm.*: {}'])).toMatchObject([
    { where: 'actions.crm.*', direction: null },
  ])
})

test('checks in another order are one difference', () => {
  const changes = changed([
    '      - pii: { field: text }\n      - secrets: {}\n',
    '      - secrets: {}\n      - pii: { field: text }\n',
  ])
  expect(changes).toMatchObject([{ where: 'actions.mail.send.verify', kind: 'changed', direction: null }])
})

test('several lines of one check are told apart by what they say', () => {
  const changes = changed(['      - secrets: {}\n', '      - secrets: {}\n      - pii: { field: subject }\n'])
  expect(changes).toMatchObject([
    { where: 'actions.mail.send.verify.pii', kind: 'added', after: { pii: { field: 'subject' } } },
  ])
})

test('keys are shown to nobody', () => {
  const provider = (key: string): string => `${BASE}providers: { openai: { api_key: ${key} } }\n`
  const changes = diffPolicies(load(BASE), load(provider('not-a-variable')))
  expect(JSON.stringify(changes)).not.toContain('not-a-variable')
  expect(changes).toMatchObject([{ where: 'providers', kind: 'added' }])
})
