import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { builtInChecks } from '../flow/verify/checks/index.ts'
import { JUDGE_AGENT, scoresFor, SHIPPED_RUBRICS } from './compile-quality.ts'
import { lintPolicy } from './lint-policy.ts'
import { loadPolicy } from './load-policy.ts'
import type { PolicyFault } from './policy.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-quality-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const RUBRIC = `name: house
description: Whether it is ours.
criteria: [{ name: tone, text: Ours. }]
scale: { 0: not ours, 50: half, 100: ours }
labels: [ours, theirs]
threshold: 25%
`
const JUDGE = 'judge: { provider: openai, model: judge-1, budget: [{ limit_usd: 2, per: day }] }'

function file(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

function load(quality: string, rest = 'actions: { model.generate: {}, social.post: {} }') {
  const path = file('belay.yaml', `version: 1\n${rest}\nquality:\n${quality}\n`)
  return loadPolicy(path, { checks: builtInChecks })
}

function faultsOf(quality: string): readonly string[] {
  return load(quality).faults.map(told)
}

function lint(quality: string, rest?: string): readonly string[] {
  load(quality, rest)
  return lintPolicy(join(folder, 'belay.yaml'), { checks: builtInChecks }).map(told)
}

function told({ code, file: path, line, column, expected, found }: PolicyFault): string {
  return `${path.slice(path.lastIndexOf('/') + 1)}:${line}:${column} ${code} ${expected} | ${found}`
}

describe('quality:', () => {
  test('a policy without it scores nothing', () => {
    const { policy } = loadPolicy({ text: 'version: 1', path: null }, { checks: [] })
    expect(policy?.quality).toBeNull()
    expect(policy?.agent(JUDGE_AGENT)).toBeUndefined()
  })

  test('what is not said has its default; the judge is an agent with a budget of its own', () => {
    const { policy, faults } = load(`  ${JUDGE}\n  rules: [{ action: social.*, rubric: brand-voice }]`)
    expect(faults).toEqual([])
    const { judge, scores, about } = policy!.quality!
    expect(about).toBeNull()
    expect(judge).toEqual({
      provider: 'openai',
      model: 'judge-1',
      timeout: 30_000,
      maxTokens: 1000,
      cache: 86_400_000,
      params: {},
    })
    expect(scores[0]).toMatchObject({ agent: '*', timing: null, sample: 1, threshold: 10, then: 'deny' })
    expect(policy!.agent(JUDGE_AGENT)?.budgets).toEqual([{ limit: 2_000_000_000, per: 'day' }])
  })

  test('what the file says of the judge as an agent holds beside its budget', () => {
    const { policy } = load(
      `  ${JUDGE}\n  rules: [{ action: social.*, rubric: brand-voice }]`,
      `agents: { belay.judge: { budget: [{ limit_usd: 1, per: hour }], rate: [{ limit: 5, per: minute }] } }`,
    )
    expect(policy!.agent(JUDGE_AGENT)).toMatchObject({
      budgets: [{ per: 'hour' }, { per: 'day' }],
      rates: [{ limit: 5, per: 'minute' }],
    })
  })

  test('a rubric of one’s own, with its threshold; the policy’s wins', () => {
    file('rubrics/house.yaml', RUBRIC)
    const { policy, faults } = load(`  ${JUDGE}
  rubrics: { house: rubrics/house.yaml }
  rules:
    - { action: social.*, rubric: house, sample: 12.5%, timing: after }
    - { action: mail.send, agent: 'mail*', rubric: house, threshold: 40%, then: require_approval, when: 'input.to == "all"' }`)
    expect(faults).toEqual([])
    expect(policy!.quality!.scores).toMatchObject([
      {
        threshold: 25,
        sample: 0.125,
        timing: 'after',
        rubric: { name: 'house', labels: ['ours', 'theirs'] },
      },
      { threshold: 40, agent: 'mail*', then: 'require_approval' },
    ])
    const named = (action: string, agent: string) => scoresFor(policy!.quality!, action, agent).length
    expect([named('social.post', 'a'), named('mail.send', 'a'), named('mail.send', 'mailer')]).toEqual([
      1, 0, 1,
    ])
  })

  test('a changed rubric is another policy', () => {
    const quality = `  ${JUDGE}\n  rubrics: { house: house.yaml }\n  rules: [{ action: a, rubric: house }]`
    file('house.yaml', RUBRIC)
    const before = load(quality).policy
    file('house.yaml', RUBRIC.replace('25%', '26%'))
    const after = load(quality).policy
    expect(after!.digest).not.toBe(before!.digest)
    expect(after!.quality!.scores[0]!.rubric.digest).not.toBe(before!.quality!.scores[0]!.rubric.digest)
  })

  test.each(SHIPPED_RUBRICS)('%s ships, rejects below 10%%, and its examples use its labels', (name) => {
    const { policy, faults } = load(`  ${JUDGE}\n  rules: [{ action: social.*, rubric: ${name} }]`)
    expect(faults).toEqual([])
    const { rubric } = policy!.quality!.scores[0]!
    expect(rubric).toMatchObject({ name, threshold: 10 })
    expect(rubric.examples.length).toBeGreaterThan(1)
    for (const { label } of rubric.examples) expect(rubric.labels).toContain(label)
  })
})

describe('faults, with their place', () => {
  test.each([
    ['no judge', '  rules: [{ action: a, rubric: brand-voice }]', /:3:\d+ policy:schema .*the field judge/],
    [
      'a judge without a budget',
      '  judge: { provider: openai, model: m }\n  rules: [{ action: a, rubric: brand-voice }]',
      /belay.yaml:4:\d+ policy:schema .*budget/,
    ],
    [
      'a provider that nobody knows',
      '  judge: { provider: opnai, model: m, budget: [] }\n  rules: [{ action: a, rubric: brand-voice }]',
      /belay.yaml:4:22 policy:unknown_provider .*did you mean openai/,
    ],
    [
      'a rubric that nobody knows',
      `  ${JUDGE}\n  rules: [{ action: a, rubric: brand-voise }]`,
      /belay.yaml:5:\d+ policy:quality .*did you mean brand-voice/,
    ],
    [
      'a file that is not there',
      `  ${JUDGE}\n  rubrics: { house: none.yaml }\n  rules: [{ action: a, rubric: house }]`,
      /belay.yaml:5:21 policy:quality .*can be read/,
    ],
    [
      'refusing what has happened',
      `  ${JUDGE}\n  rules: [{ action: a, rubric: brand-voice, timing: after, then: deny }]`,
      /belay.yaml:5:\d+ policy:quality .*alert: what has happened/,
    ],
    [
      'a condition that cannot be evaluated',
      `  ${JUDGE}\n  rules: [{ action: a, rubric: brand-voice, when: 'inptu.x' }]`,
      /belay.yaml:5:\d+ policy:expression/,
    ],
    [
      'a condition over history, which is not there yet',
      `  ${JUDGE}\n  rules: [{ action: a, rubric: brand-voice, when: 'history.count("a", "1h") > 1' }]`,
      /no history here/,
    ],
    [
      'a share that is none',
      `  ${JUDGE}\n  rules: [{ action: a, rubric: brand-voice, sample: 120% }]`,
      /belay.yaml:5:\d+ policy:schema .*sample/,
    ],
    [
      'a parameter that would replace the question',
      '  judge: { provider: openai, model: m, budget: [], params: { messages: x } }\n  rules: [{ action: a, rubric: brand-voice }]',
      /belay.yaml:4:\d+ policy:quality .*own business/,
    ],
  ])('%s', (_name, quality, expected) => {
    const faults = faultsOf(quality)
    expect(faults.join('\n')).toMatch(expected)
    expect(load(quality).policy).toBeNull()
  })

  test.each([
    ['no scale to the end', RUBRIC.replace('100: ours', '90: ours'), /house.yaml:4:8 policy:rubric scale/],
    ['an unknown member', `${RUBRIC}colour: red\n`, /house.yaml:7:1 policy:unknown_field one of name/],
    ['labels twice', RUBRIC.replace('[ours, theirs]', '[ours, ours]'), /house.yaml:5:\d+ policy:schema/],
    [
      'an example of another label',
      `${RUBRIC}examples: [{ content: x, score: 5, label: mine, explanation: y }]\n`,
      /house.yaml:7:\d+ policy:rubric examples.0.label: one of ours, theirs \| mine/,
    ],
    [
      'another name',
      RUBRIC.replace('name: house', 'name: home'),
      /belay.yaml:5:\d+ policy:quality .*house \| home/,
    ],
    ['no YAML', 'name: [', /house.yaml:1:\d+ policy:yaml/],
  ])('in a rubric: %s', (_name, rubric, expected) => {
    file('house.yaml', rubric)
    const faults = faultsOf(
      `  ${JUDGE}\n  rubrics: { house: house.yaml }\n  rules: [{ action: a, rubric: house }]`,
    )
    expect(faults.join('\n')).toMatch(expected)
  })
})

describe('lint', () => {
  const RULES = 'rules: [{ action: social.post, rubric: brand-voice }]'

  test('nothing to say of what is right', () => {
    expect(lint(`  ${JUDGE}\n  ${RULES}`)).toEqual([])
  })

  test.each([
    ['judge_refused', `  ${JUDGE}\n  ${RULES}`, 'actions: { social.post: {} }'],
    ['no_budget', `  judge: { provider: openai, model: m, budget: [] }\n  ${RULES}`, undefined],
    ['never_scored', `  ${JUDGE}\n  rules: [{ action: nothing.*, rubric: brand-voice }]`, undefined],
    [
      'never_scored',
      `  ${JUDGE}\n  rules: [{ action: social.post, rubric: brand-voice, sample: 0% }]`,
      undefined,
    ],
    [
      'never_rejected',
      `  ${JUDGE}\n  rules: [{ action: social.post, rubric: brand-voice, threshold: 0% }]`,
      undefined,
    ],
    [
      'sampled_gate',
      `  ${JUDGE}\n  rules: [{ action: social.post, rubric: brand-voice, timing: before, sample: 5% }]`,
      undefined,
    ],
    [
      'constant_false',
      `  ${JUDGE}\n  rules: [{ action: social.post, rubric: brand-voice, when: 'false' }]`,
      undefined,
    ],
    [
      'duplicate_rule',
      `  ${JUDGE}\n  rules: [{ action: social.post, rubric: brand-voice }, { action: social.post, rubric: brand-voice }]`,
      undefined,
    ],
  ])('%s', (code, quality, rest) => {
    expect(lint(quality, rest).map((fault) => fault.split(' ')[1])).toEqual([`lint:${code}`])
  })

  test('a rubric that no rule names', () => {
    file('house.yaml', RUBRIC)
    const found = lint(`  ${JUDGE}\n  rubrics: { house: house.yaml }\n  ${RULES}`)
    expect(found.map((fault) => fault.split(' ')[1])).toEqual(['lint:unused_rubric'])
  })
})
