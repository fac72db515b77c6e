import { expect, test } from 'vitest'
import { tellFacts } from './tell-facts.ts'

test('an outcome tells the model, its tokens, every attempt and what became of the result', () => {
  expect(
    tellFacts({
      kind: 'outcome',
      result_decision: 'transform',
      result_effective: 'transform',
      result_reasons: [{ code: 'pii:email', message: 'An e-mail address.' }],
      facts: {
        model: { provider: 'openai', requested: 'gpt-4o', responded: 'another-model' },
        usage: { input_tokens: 20, output_tokens: 5 },
        usage_source: 'bound',
        ended: 'client_gone',
        attempts: [{ status: 429 }, { status: 200, waited_ms: 250 }],
      },
    }),
  ).toEqual([
    'another-model of openai (asked for gpt-4o)',
    '20 tokens in, 5 out',
    '2 attempts: 429, after 250 ms 200',
    'the agent left before the end',
    'charged by what was produced at most',
    'the result was changed: pii:email',
  ])
})

test('a decision tells only what it heals', () => {
  const facts = {
    model: { provider: 'openai', requested: 'gpt-4o' },
    heals: 'act_1',
    because: 'answer_rejected',
  }
  expect(tellFacts({ kind: 'decision', facts })).toEqual(['in place of act_1 (answer_rejected)'])
})

test('records without facts, and facts of any shape, tell nothing', () => {
  expect(tellFacts({ kind: 'outcome' })).toEqual([])
  expect(tellFacts({ kind: 'outcome', facts: 'x', result_decision: 7, result_reasons: {} })).toEqual([])
  expect(tellFacts({ kind: 'outcome', facts: { model: [], usage: null, attempts: [1, null] } })).toEqual([])
})

test('under observe the result was let through', () => {
  expect(
    tellFacts({
      kind: 'outcome',
      result_decision: 'deny',
      result_effective: 'allow',
      result_reasons: [{ code: 'secrets:found' }],
    }),
  ).toEqual(['the result was refused (observed): secrets:found'])
})
