// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { describe, expect, test } from 'vitest'
import type { Check } from './check.ts'
import { loadPolicy } from './load-policy.ts'
import type { ActionRule } from './policy.ts'

const shout: Check = {
  name: 'shout',
  options: { type: 'object', properties: {}, additionalProperties: false },
  prepare: () => () => [],
}

function load(text: string) {
  return loadPolicy({ text: `version: 1\n${text}`, path: 'p.yaml' }, { checks: [shout] })
}

function entry(body: string): ActionRule {
  const { policy, faults } = load(`actions:\n  model.generate:\n${body}`)
  expect(faults).toEqual([])
  return policy!.action('model.generate')!
}

function faults(body: string): string {
  return load(`actions:\n  model.generate:\n${body}`)
    .faults.map(
      ({ code, line, column, expected, found }) => `${code} ${line}:${column} ${expected} | ${found}`,
    )
    .join('\n')
}

describe('result', () => {
  test('checks and rules of what comes back', () => {
    const { result, usesHistory } = entry(`
    result:
      verify:
        - shout: { then: redact }
        - rule: { when: 'size(result.tool_calls) > 3', code: 'rule:calls' }
      hold: all`)
    expect(result).toMatchObject({
      hold: Infinity,
      checks: [
        { name: 'shout', then: 'redact' },
        { name: 'rule', code: 'rule:calls' },
      ],
    })
    expect(usesHistory).toBe(false)
  })

  test('a rule sees the result', () => {
    const { result } = entry(
      '    result: { verify: [{ rule: { when: \'result.finish_reason == "length"\' } }] }',
    )
    const { run } = result!.checks[0]!
    if (typeof run === 'function') throw new Error('a rule was expected')
    const scope = {
      action: {
        name: 'a',
        agent: 'x',
        session: '',
        reason: '',
        confidence: 1,
        cost_usd: 0,
        effect: 'read' as const,
      },
      input: {},
      agent: { name: 'x', state: 'active' },
      history: { count: () => 0, sum: () => 0 },
      now: 0,
    }
    expect(run.when.evaluate({ ...scope, result: { finish_reason: 'length' } })).toBe(true)
    expect(run.when.evaluate({ ...scope, result: { finish_reason: 'stop' } })).toBe(false)
  })

  test('256 characters of a stream wait unless said otherwise', () => {
    expect(entry('    result: { verify: [{ shout: {} }] }').result?.hold).toBe(256)
    expect(entry('    result: { hold: 0 }').result?.hold).toBe(0)
  })

  test.each([
    [
      'history',
      '    result: { verify: [{ rule: { when: \'history.count("a", "1h") > 1\' } }] }',
      'no history here',
    ],
    [
      'history of all',
      '    result: { verify: [{ rule: { when: \'history_all.count("a", "1h") > 1\' } }] }',
      'no history',
    ],
    ['a person', '    result: { verify: [{ shout: { then: require_approval } }] }', 'policy:result 4:41'],
    [
      'a person by an alias',
      "    result: { verify: [{ rule: { when: 'true', then: ask } }] }",
      'cannot wait for a person',
    ],
    ['a hold that is no number', '    result: { hold: some }', 'a whole number, or all'],
    ['an unknown field', '    result: { checks: [] }', 'one of verify, hold'],
  ])('knows no %s', (_name, body, expected) => {
    expect(faults(body)).toContain(expected)
  })

  test('a rule before the action still sees none', () => {
    expect(faults('    verify: [{ rule: { when: \'result.text == ""\' } }]')).toContain('no result')
  })
})

describe('heal', () => {
  test('everything', () => {
    const { heal } = entry(`
    heal:
      retries: 3
      max_wait: 5s
      fallback: [gpt-4o-mini, { provider: openrouter, model: openai/gpt-4o }]
      rejected: 1
      low_budget: { below: 0.2, model: gpt-4o-mini }`)
    expect(heal).toEqual({
      retries: 3,
      maxWait: 5000,
      fallback: [
        { provider: null, model: 'gpt-4o-mini' },
        { provider: 'openrouter', model: 'openai/gpt-4o' },
      ],
      rejected: 1,
      lowBudget: { below: 0.2, use: { provider: null, model: 'gpt-4o-mini' } },
    })
  })

  test('what it leaves out', () => {
    expect(entry('    heal: {}').heal).toEqual({
      retries: 2,
      maxWait: 20_000,
      fallback: [],
      rejected: 0,
      lowBudget: null,
    })
  })

  test('an id with a slash is a model of the same provider', () => {
    expect(entry('    heal: { fallback: [openai/gpt-4o] }').heal?.fallback).toEqual([
      { provider: null, model: 'openai/gpt-4o' },
    ])
  })

  test.each([
    [
      'a provider nobody knows',
      '    heal: { fallback: [{ provider: opnai, model: m }] }',
      'did you mean openai?',
    ],
    [
      'one in low_budget',
      '    heal: { low_budget: { below: 0.1, provider: nobody, model: m } }',
      'policy:unknown_provider',
    ],
    [
      'a provider without a model',
      '    heal: { fallback: [{ provider: openai }] }',
      'a model of the same provider',
    ],
    ['a share above 1', '    heal: { low_budget: { below: 20, model: m } }', '<= 1'],
    ['a hundred attempts', '    heal: { retries: 100 }', '<= 10'],
  ])('refuses %s', (_name, body, expected) => {
    expect(faults(body)).toContain(expected)
  })
})

test('approval_wait', () => {
  expect(entry('    approval_wait: 30s').approvalWait).toBe(30_000)
  expect(entry('    effect: read').approvalWait).toBe(120_000)
})

test.each([
  ['{ limit: 4, queue: 8, wait: 5s }', { limit: 4, queue: 8, wait: 5000 }],
  ['{}', { limit: 16, queue: 64, wait: 30_000 }],
])('concurrency %s', (text, expected) => {
  const { policy } = load(`agents:\n  x: { concurrency: ${text} }`)
  expect(policy!.agent('x')?.concurrency).toEqual(expected)
})
