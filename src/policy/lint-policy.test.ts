import { expect, test } from 'vitest'
import { lintPolicy } from './lint-policy.ts'

function lint(text: string): string[] {
  return lintPolicy({ text: `version: 1\n${text}`, path: 'p.yaml' }, { checks: [] }).map(
    ({ severity, code, line, column }) => `${severity} ${code} ${line}:${column}`,
  )
}

const OWNERS = '\napprovers: { o: { members: [m@example.com] } }'
const action = (body: string): string => `actions:\n  a:\n    ${body}${OWNERS}`
const USED = '    approve: [{ by: [o] }]'

test.each([
  [
    'a quorum that cannot be reached',
    `actions:\n  a:\n${USED}\napprovers:\n  o: { members: [x], quorum: 2 }`,
    'error lint:quorum 6:22',
  ],
  [
    'the same member twice does not help',
    `actions:\n  a:\n${USED}\napprovers:\n  o: { members: [x, x], quorum: 2 }`,
    'error lint:quorum 6:25',
  ],
  [
    'an empty group',
    `actions:\n  a:\n${USED}\napprovers:\n  o: { members: [] }`,
    'error lint:empty_group 6:8',
  ],
  ['a group nobody names', `approvers:\n  o: { members: [x] }`, 'warning lint:unused_group 3:3'],
  ['a group that does not exist', `actions:\n  a:\n${USED}`, 'error policy:unknown_group 4:22'],
  ['an unknown field', 'mdoe: observe', 'error policy:unknown_field 2:1'],
  [
    'a limit that cannot be used up',
    'budget:\n  - { limit_usd: 50, per: day }\n  - { limit_usd: 60, per: action }',
    'warning lint:limit_order 4:7',
  ],
  [
    'two limits for one window',
    'rate:\n  - { limit: 5, per: hour }\n  - { limit: 6, per: hour }',
    'warning lint:duplicate_limit 4:5',
  ],
  ['a limit of nothing', 'agents:\n  x:\n    rate: [{ limit: 0, per: day }]', 'warning lint:zero_limit 4:14'],
  ['a list nobody names', 'lists:\n  a: [x]', 'warning lint:unused_list 3:3'],
  [
    'a list that does not exist',
    action("verify: [{ rule: { when: 'mentions(input.t, lists.x)' } }]\n    approve: [{ by: [o] }]"),
    'error policy:expression 4:49',
  ],
  [
    'undo of reading',
    action('effect: read\n    undo: { within: 1h }\n    approve: [{ by: [o] }]'),
    'warning lint:undo_read 5:5',
  ],
  [
    'undo of the irreversible',
    action('effect: irreversible\n    undo: { within: 1h }\n    approve: [{ by: [o] }]'),
    'error lint:undo_irreversible 5:5',
  ],
  [
    'a release by one person',
    action('break_glass: { by: [o] }\n    approve: [{ by: [o] }]'),
    'error lint:break_glass 4:20',
  ],
  [
    'an escalation after the end',
    action('approve: [{ by: [o], expires: 1h, escalate: { after: 2h, to: [o] } }]'),
    'error policy:escalation 4:58',
  ],
  [
    'escalations out of order',
    action('approve: [{ by: [o], escalate: [{ after: 2h, to: [o] }, { after: 1h, to: [o] }] }]'),
    'error policy:escalation 4:70',
  ],
  ['no time to approve', action('approve: [{ by: [o], expires: 0s }]'), 'error lint:zero_time 4:26'],
  ['no time to run', action('timeout: 0s\n    approve: [{ by: [o] }]'), 'error lint:zero_time 4:5'],
  [
    'an unguarded irreversible action',
    `actions:\n  a: { effect: irreversible }`,
    'warning lint:unguarded 3:3',
  ],
  [
    'a condition that never holds',
    action("approve: [{ by: [o], when: '1 > 2' }]"),
    'warning lint:constant_false 4:26',
  ],
  [
    'a rule that always denies',
    action("verify: [{ rule: { when: 'true' } }]") + '\n',
    'warning lint:constant_true 4:24',
  ],
  [
    'an approval after a rule that always denies',
    action("verify: [{ rule: { when: 'true' } }]\n    approve: [{ by: [o] }]"),
    'warning lint:never_reached 5:15',
  ],
  [
    'the same line twice',
    action(
      'verify:\n      - rule: { when: input.a }\n      - rule: { when: input.a }\n    approve: [{ by: [o] }]',
    ),
    'warning lint:duplicate_check 6:9',
  ],
  [
    'a rule that a stricter one outranks',
    action(
      'verify:\n      - rule: { when: input.a, then: warn }\n      - rule: { when: input.a, then: deny }\n    approve: [{ by: [o] }]',
    ),
    'warning lint:outranked 5:9',
  ],
  [
    'the same approval twice',
    action('approve:\n      - { by: [o], when: input.a }\n      - { by: [o], when: input.a }'),
    'warning lint:duplicate_approval 6:9',
  ],
  ['a group twice in a chain', action('approve: [{ by: [o, o] }]'), 'warning lint:duplicate_group 4:17'],
  ['an entry that no name reaches', "agents:\n  'x.*': {}\n  'x.**': {}", 'warning lint:unreachable 4:3'],
])('%s', (_name, text, expected) => {
  expect(lint(text)).toContain(expected)
})

test('a policy without oddities has no findings', () => {
  expect(lint(action("approve: [{ by: [o], when: 'input.a > 1' }]"))).toEqual([])
})

test('reports a file that is not YAML', () => {
  expect(lint('[')[0]).toBe('error policy:yaml 2:2')
})
