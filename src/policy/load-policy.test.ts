// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { DEFAULT_RUN } from './compile-sandbox.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Check } from './check.ts'
import { loadPolicy, pluginPaths } from './load-policy.ts'
import type { Policy, PolicyFault } from './policy.ts'

const shout: Check = {
  name: 'shout',
  options: {
    type: 'object',
    properties: { field: { type: 'string' }, max: { type: 'integer' }, file: { type: 'string' } },
    required: ['field'],
    additionalProperties: false,
  },
  prepare({ max, file }, setup) {
    if (typeof max === 'number' && max < 0) throw new Error('max must not be negative')
    if (typeof file === 'string') setup.readLines(file)
    return () => []
  },
}
const checks = [shout]

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'belay-policy-'))
  folders.push(made)
  return made
}

function load(text: string): Policy {
  const { policy, faults } = loadPolicy({ text, path: null }, { checks })
  expect(faults).toEqual([])
  return policy!
}

function faultsOf(text: string): readonly PolicyFault[] {
  const { policy, faults } = loadPolicy({ text, path: 'p.yaml' }, { checks })
  expect(policy).toBeNull()
  expect(faults.some(({ severity }) => severity === 'error')).toBe(true)
  return faults
}

const FULL = `
version: 1
mode: enforce
defaults: { decision: ask }
budget: [{ limit_usd: 500, per: month }]
rate: [{ limit: 1000, per: minute }]
plugins: [./my-check.ts]
agents:
  commenter:
    budget: [{ limit_usd: 100, per: day }, { limit_usd: 0.05, per: action }]
    rate: [{ limit: 200, per: hour }]
    breaker: { error_rate: 0.05, over: 100, then: stop, spend: { limit_usd: 5, within: 10m }, cooldown: 15m, probes: 3 }
    anomaly: { then: pause }
    command: [node, agent.js]
  bot-*:
actions:
  instagram.comment:
    effect: write
    input: { type: object, required: [text], properties: { text: { type: string } } }
    verify:
      - shout: { field: text, then: block, code: 'style:shout', message: Do not shout., tags: [ASI09] }
      - shout: { field: text, then: redact }
      - rule: { when: 'history.count("instagram.comment", "10m") > 100', then: deny, code: 'rate:burst', message: too many }
    approve:
      - { when: 'action.confidence < 0.9 || mentions(input.text, lists.competitors)', by: [social, cfo], expires: 2h }
    undo: { within: 24h, when: 'result.opened_ratio < 0.10', webhook: https://example.com/undo }
    cost_usd: 0.25
    timeout: 5s
    start_within: 1m
    subject: input.author
  payments.*:
    effect: irreversible
    approve: [{ when: 'input.amount + history.sum("payments.*", "input.amount", "7d") > 10000.0', by: [cfo] }]
  mail.read:
lists: { competitors: [Hootsuite, Buffer] }
approvers:
  social: { members: [lead@example.com] }
  cfo: { members: [cfo@example.com, deputy@example.com], quorum: 2 }
notify: { slack: { channel: '#agents' }, email: { to: [ops@example.com] } }
providers: { openai: { base_url: https://api.openai.com/v1, api_key: $OPENAI_API_KEY } }
`

describe('a policy that uses everything', () => {
  const policy = load(FULL)

  test('head and limits', () => {
    expect(policy.mode).toBe('enforce')
    expect(policy.defaultDecision).toBe('require_approval')
    expect(policy.overall).toEqual({
      budgets: [{ limit: 500_000_000_000, per: 'month' }],
      rates: [{ limit: 1000, per: 'minute' }],
    })
    expect(policy.agent('commenter')).toMatchObject({
      run: { command: ['node', 'agent.js'] },
      pattern: 'commenter',
      concurrency: null,
      egress: null,
      budgets: [
        { limit: 100_000_000_000, per: 'day' },
        { limit: 50_000_000, per: 'action' },
      ],
      rates: [{ limit: 200, per: 'hour' }],
      breaker: {
        errorRate: 0.05,
        over: 100,
        spend: { limit: 5_000_000_000, within: 600_000 },
        then: 'stop',
        cooldown: 900_000,
        probes: 3,
      },
    })
    expect(policy.agent('bot-7')).toMatchObject({
      pattern: 'bot-*',
      budgets: [],
      rates: [],
      breaker: null,
      concurrency: null,
      egress: null,
      run: DEFAULT_RUN,
    })
    expect(policy.agent('stranger')).toBeUndefined()
  })

  test('an action', () => {
    const rule = policy.action('instagram.comment')!
    expect(rule).toMatchObject({
      pattern: 'instagram.comment',
      effect: 'write',
      cost: 250_000_000,
      timeout: 5000,
      startWithin: 60_000,
      usesHistory: true,
      undo: { within: 86_400_000, webhook: 'https://example.com/undo' },
    })
    expect(
      rule.checks.map(({ name, then, code, message, tags }) => ({ name, then, code, message, tags })),
    ).toEqual([
      { name: 'shout', then: 'deny', code: 'style:shout', message: 'Do not shout.', tags: ['ASI09'] },
      { name: 'shout', then: 'redact', code: null, message: null, tags: [] },
      { name: 'rule', then: 'deny', code: 'rate:burst', message: 'too many', tags: [] },
    ])
    expect(rule.checks[2]!.run).toMatchObject({ kind: 'rule' })
    expect(rule.approvals).toMatchObject([
      {
        by: ['social', 'cfo'],
        expires: 7_200_000,
        code: 'approval:required',
        message:
          'Needs the approval of social, then cfo, because: action.confidence < 0.9 || mentions(input.text, lists.competitors)',
      },
    ])
    expect(rule.input!({ text: 'hello' })).toBeUndefined()
    expect(rule.input!({ text: 7 })).toEqual({ where: '/text', message: 'must be string' })
  })

  test('what an entry leaves out', () => {
    expect(policy.action('mail.read')).toEqual({
      pattern: 'mail.read',
      effect: 'write',
      input: null,
      checks: [],
      approvals: [],
      undo: null,
      cost: 0,
      timeout: 60_000,
      startWithin: 300_000,
      subjects: null,
      usesHistory: false,
      result: null,
      heal: null,
      approvalWait: 120_000,
      risk: null,
      standing: false,
      breakGlass: [],
    })
    const bare = load('version: 1')
    expect(bare).toMatchObject({ mode: 'enforce', defaultDecision: 'deny', measures: [], historyWindow: 0 })
    expect(bare.action('x')).toBeUndefined()
    expect(
      load(
        'version: 1\nactions: { a: { approve: [{ by: [o] }] } }\napprovers: { o: { members: [m] } }',
      ).action('a'),
    ).toMatchObject({ approvals: [{ when: null, expires: 86_400_000, message: 'Needs the approval of o.' }] })
  })

  test('what history must keep', () => {
    expect(policy.measures).toEqual([{ action: 'payments.*', path: 'input.amount' }])
    expect(policy.historyWindow).toBe(604_800_000)
    expect(policy.action('payments.refund')?.pattern).toBe('payments.*')
  })

  test('the rest, and references to the environment as text', () => {
    expect(policy.approvers).toEqual({
      social: { members: ['lead@example.com'], quorum: 1, mayDelegateTo: [], editorsDecide: false },
      cfo: {
        members: ['cfo@example.com', 'deputy@example.com'],
        quorum: 2,
        mayDelegateTo: [],
        editorsDecide: false,
      },
    })
    expect(policy.document['providers']).toEqual({
      openai: { base_url: 'https://api.openai.com/v1', api_key: '$OPENAI_API_KEY' },
    })
    expect(pluginPaths(FULL)).toEqual(['./my-check.ts'])
    expect(pluginPaths('[[[')).toEqual([])
  })
})

describe('the digest', () => {
  test('does not see comments and order, but every value', () => {
    const one = load('version: 1\nmode: enforce # really\nlists: { a: [x], b: [y] }')
    expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(load('lists: { b: [y], a: [x] }\nmode: enforce\nversion: 1').digest).toBe(one.digest)
    expect(load('lists: { b: [y], a: [z] }\nmode: enforce\nversion: 1').digest).not.toBe(one.digest)
  })

  test('sees the content of the files that checks name', () => {
    const dir = folder()
    const path = join(dir, 'belay.yaml')
    writeFileSync(
      path,
      'version: 1\nactions: { a: { verify: [{ shout: { field: text, file: words.txt } }] } }',
    )
    writeFileSync(join(dir, 'words.txt'), '# comment\none\n\ntwo\n')
    const digest = () => loadPolicy(path, { checks }).policy?.digest
    const before = digest()
    expect(before).toBeDefined()
    expect(digest()).toBe(before)
    writeFileSync(join(dir, 'words.txt'), 'one\nthree\n')
    expect(digest()).not.toBe(before)
  })
})

describe('faults say where, what was expected and what was found', () => {
  test.each([
    ['mode: observing', 2, 7, 'policy:schema', /enforce, observe/, '"observing"'],
    ['agnts: {}', 2, 1, 'policy:unknown_field', /did you mean agents\?/, 'agnts'],
    ['actions:\n  a:\n    effekt: read', 4, 5, 'policy:unknown_field', /did you mean effect\?/, 'effekt'],
    ['actions:\n  a:\n    effect: raed', 4, 13, 'policy:schema', /did you mean read\?/, '"raed"'],
    [
      'actions:\n  a:\n    verify:\n      - shuot: { field: x }',
      5,
      9,
      'policy:unknown_field',
      /did you mean shout\?/,
      'shuot',
    ],
    [
      'actions:\n  a:\n    verify:\n      - shout: { feild: x, field: y }',
      5,
      18,
      'policy:unknown_field',
      /field, max, file, then/,
      'feild',
    ],
    ['actions:\n  a:\n    verify:\n      - shout: {}', 5, 9, 'policy:schema', /the field field/, 'a map'],
    [
      'actions:\n  a:\n    verify:\n      - shout: { field: x, max: -1 }',
      5,
      16,
      'policy:check',
      /can use/,
      'max must not be negative',
    ],
    [
      'actions:\n  a:\n    verify:\n      - shout: { field: x, file: nowhere.txt }',
      5,
      16,
      'policy:check',
      /can use/,
      /ENOENT/,
    ],
    [
      'actions:\n  a:\n    verify:\n      - { shout: { field: x }, rule: { when: "true" } }',
      5,
      9,
      'policy:schema',
      /exactly one check/,
      'shout, rule',
    ],
    [
      'actions:\n  a:\n    verify:\n      - rule: { when: "true", then: redact }',
      5,
      37,
      'policy:schema',
      /deny, require_approval, warn/,
      '"redact"',
    ],
    [
      'actions:\n  a:\n    verify:\n      - rule: { when: input.x > }',
      5,
      32,
      'policy:expression',
      /CEL/,
      /EOF/,
    ],
    [
      "actions:\n  a:\n    verify:\n      - rule: { when: 'action.nme == ''x''' }",
      5,
      24,
      'policy:expression',
      /CEL/,
      /did you mean name/,
    ],
    [
      'actions:\n  a:\n    verify:\n      - rule:\n          when: |\n            input.a > 1 &&\n              foo(1)',
      8,
      15,
      'policy:expression',
      /CEL/,
      /foo/,
    ],
    [
      'actions:\n  a:\n    approve: [{ by: [boss] }]',
      4,
      22,
      'policy:unknown_group',
      /none is defined/,
      'boss',
    ],
    [
      'actions:\n  a:\n    approve: [{ by: [], when: "true" }]',
      4,
      21,
      'policy:schema',
      /fewer than 1/,
      'a list of 0',
    ],
    [
      'actions:\n  a:\n    approve: [{ by: [o], when: result.x }]\napprovers: { o: { members: [m] } }',
      4,
      32,
      'policy:expression',
      /only in undo/,
      'result',
    ],
    ['actions:\n  a:\n    undo: { within: 5 hours }', 4, 21, 'policy:schema', /24h, 7d/, '"5 hours"'],
    [
      'actions:\n  a:\n    undo: { within: 1h, webhook: "file:///etc" }',
      4,
      34,
      'policy:schema',
      /URL/,
      '"file:///etc"',
    ],
    ['actions:\n  a:\n    input: { type: objekt }', 4, 12, 'policy:input_schema', /2020-12/, /type/],
    ['actions:\n  a:\n    cost_usd: -1', 4, 15, 'policy:schema', />= 0/, '-1'],
    ['agents:\n  a:\n    budget: { limit_usd: 1, per: day }', 4, 13, 'policy:schema', /a list/, 'a map'],
    ['agents:\n  a:\n    budget: [{ limit_usd: 1 }]', 4, 14, 'policy:schema', /the field per/, 'a map'],
    ['agents:\n  a:\n    breaker: { over: 5 }', 4, 14, 'policy:breaker', /error_rate or spend/, 'neither'],
    ['lists: { a: [1] }', 2, 14, 'policy:schema', /a text/, '1'],
    ['approvers: { a: { members: x } }', 2, 28, 'policy:schema', /a list/, '"x"'],
    ['notify: { sms: {} }', 2, 11, 'policy:unknown_field', /slack, email, webhook/, 'sms'],
  ])('%s', (text, line, column, code, expected, found) => {
    const [fault] = faultsOf(`version: 1\n${text}`)
    expect(fault).toMatchObject({ severity: 'error', code, file: 'p.yaml', line, column })
    expect(fault!.expected).toMatch(expected)
    const fits = typeof found === 'string' ? fault!.found === found : found.test(fault!.found)
    expect({ found: fault!.found, fits }).toEqual({ found: fault!.found, fits: true })
  })

  test('every field refuses every wrong type', () => {
    const fields = [
      'mode', 'defaults', 'budget', 'rate', 'agents', 'actions', 'lists', 'approvers', 'notify', 'providers', 'plugins',
      ...['budget', 'rate', 'breaker', 'anomaly', 'command'].map((field) => `agents.a.${field}`),
      ...['effect', 'verify', 'approve', 'undo', 'cost_usd', 'timeout', 'start_within', 'subject'].map(
        (field) => `actions.a.${field}`,
      ),
    ] // prettier-ignore
    for (const field of fields) {
      const wrong = ['7.5', 'nonsense text', '[7]', '{ x: 1 }', 'true', 'null'].filter(
        (value) =>
          !(field.endsWith('cost_usd') && value === '7.5') && !(field === 'lists' && value === '7.5'),
      )
      let refused = 0
      for (const value of wrong) {
        const text = field.split('.').reduceRight((inner, key) => `{ ${key}: ${inner} }`, value)
        if (loadPolicy({ text: `version: 1\n${text.slice(2, -2)}`, path: null }, { checks }).policy === null)
          refused++
      }
      expect({ field, enough: refused >= wrong.length - 1 }).toEqual({ field, enough: true })
    }
  })

  test('a missing version, another version, an empty file, a list, a missing file', () => {
    expect(faultsOf('mode: enforce')[0]!.expected).toMatch(/the field version/)
    expect(faultsOf('version: 2')[0]).toMatchObject({ expected: 'version: 1', found: '2' })
    expect(faultsOf('')[0]!.expected).toMatch(/a map/)
    expect(faultsOf('- a')[0]!.expected).toMatch(/a map/)
    const { policy, faults } = loadPolicy(join(folder(), 'nothing.yaml'), { checks })
    expect(policy).toBeNull()
    expect(faults).toMatchObject([{ code: 'policy:unreadable', line: 1, column: 1 }])
  })
})

describe('checks of strangers', () => {
  const using = (check: Partial<Check>) => {
    const strange = { ...shout, ...check } as Check
    const text = `version: 1\nactions: { a: { verify: [{ ${strange.name}: { field: x } }] } }`
    return loadPolicy({ text, path: null }, { checks: [strange] })
  }

  test.each<[string, Partial<Check>, RegExp]>([
    ['a name that is taken', { name: 'rule' }, /taken/],
    ['a name that is no name', { name: 'Shout Loud' }, /snake case/],
    ['options that are no schema', { options: { type: 'objekt' } }, /no JSON Schema/],
    ['options with unknown keywords', { options: { tpye: 'object' } }, /no JSON Schema/],
    ['nothing prepared', { prepare: () => undefined as never }, /no function/],
    [
      'a throw while preparing',
      {
        prepare: () => {
          throw new Error('not today')
        },
      },
      /not today/,
    ],
    [
      'a throw of something odd',
      {
        prepare: () => {
          throw 'odd' as unknown as Error
        },
      },
      /odd/,
    ],
  ])('%s is a fault', (_name, check, found) => {
    const { policy, faults } = using(check)
    expect(policy).toBeNull()
    expect(faults[0]).toMatchObject({ severity: 'error', code: 'policy:check' })
    expect(faults[0]!.found).toMatch(found)
  })

  test('the same name twice is a fault', () => {
    expect(
      loadPolicy({ text: 'version: 1', path: null }, { checks: [shout, shout] }).faults[0]!.found,
    ).toMatch(/taken/)
  })
})

test('the policy cannot be changed', () => {
  const policy = load(FULL)
  expect(() => ((policy.document as Record<string, unknown>)['mode'] = 'observe')).toThrow(TypeError)
  expect(() => (policy.approvers['cfo']!.members as string[]).push('me')).toThrow(TypeError)
  expect(() => (policy.lists['competitors'] as string[]).push('me')).toThrow(TypeError)
})

describe('hostile files', () => {
  const bomb = `version: 1\nlists:\n  a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, at) => `  ${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(',')}]`)
    .join('\n')}`

  test.each([
    ['an alias bomb', bomb],
    ['a duplicate key', 'version: 1\nversion: 1'],
    ['a duplicate action', 'version: 1\nactions:\n  a: {}\n  a: { effect: read }'],
    ['a tag', 'version: !!int 1'],
    ['a local tag', 'version: 1\nlists: { a: !include [x] }'],
    ['a second document', 'version: 1\n---\nversion: 1'],
    ['__proto__', 'version: 1\n__proto__: { mode: observe }'],
    ['__proto__ below', 'version: 1\nactions: { a: { __proto__: {} } }'],
    ['constructor', 'version: 1\nactions: { constructor: {} }'],
    ['an escaped key', 'version: 1\nactions: { "\\x5f_proto__": {} }'],
    ['a merge key', 'version: 1\nx: &x { mode: observe }\n<<: *x'],
    ['a cycle', 'version: 1\nactions: &a { b: *a }'],
    ['infinity', 'version: 1\nbudget: [{ limit_usd: .inf, per: day }]'],
    ['not a number', 'version: 1\nbudget: [{ limit_usd: .nan, per: day }]'],
    ['a huge file', `version: 1\n# ${'x'.repeat(1_000_001)}`],
    ['deep flow nesting', `version: 1\nlists: { a: ${'['.repeat(100_000)}`],
    [
      'deep block nesting',
      `version: 1\nlists:\n${Array.from({ length: 900 }, (_, at) => `${' '.repeat(at + 1)}a:`).join('\n')}`,
    ],
    ['deep dashes', `version: 1\nlists:\n  ${'- '.repeat(50_000)}x`],
    ['binary', '\u0000\u0001\u0002'],
    ['an unclosed quote', 'version: 1\nmode: "enforce'],
    ['a complex key', 'version: 1\n? [a, b]\n: c'],
  ])('%s is refused quickly', (_name, text) => {
    const before = performance.now()
    const faults = faultsOf(text)
    expect(performance.now() - before).toBeLessThan(3000)
    expect(faults[0]!.line).toBeGreaterThan(0)
  })

  test('a harmless alias works', () => {
    expect(load('version: 1\nlists: { a: &a [x], b: *a }').lists).toEqual({ a: ['x'], b: ['x'] })
  })

  test('a broken file never throws', () => {
    for (let cut = 0; cut < FULL.length; cut += 37)
      expect(() => loadPolicy({ text: FULL.slice(0, cut), path: null }, { checks })).not.toThrow()
  })
})
