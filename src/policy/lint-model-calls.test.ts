import { expect, test } from 'vitest'
import { lintPolicy } from './lint-policy.ts'

function lint(text: string): string[] {
  return lintPolicy({ text: `version: 1\n${text}`, path: 'p.yaml' }, { checks: [] }).map(
    ({ severity, code, line, column }) => `${severity} ${code} ${line}:${column}`,
  )
}

const generate = (body: string, providers = ''): string => `actions:\n  model.*:\n    ${body}\n${providers}`
const fallback = (provider: string): string => `heal: { fallback: [{ provider: ${provider}, model: m }] }`

test.each([
  ['heal where no model is called', 'actions:\n  mail.send: { heal: {} }', 'warning lint:no_model_call 3:16'],
  [
    'approval_wait where no model is called',
    'actions:\n  mail.send: { approval_wait: 5s }',
    'warning lint:no_model_call 3:16',
  ],
  ['no time to approve', generate('approval_wait: 0s'), 'warning lint:zero_time 4:5'],
  ['hold without checks', generate('result: { hold: all }'), 'warning lint:unused_hold 4:15'],
  [
    'a rule over the result that never holds',
    generate("result: { verify: [{ rule: { when: '1 > 2' } }] }"),
    'warning lint:constant_false 4:34',
  ],
  ['the same fallback twice', generate('heal: { fallback: [m, m] }'), 'warning lint:duplicate_fallback 4:27'],
  ['a fallback that no call can go to', generate(fallback('anthropic')), 'error lint:fallback_protocol 4:24'],
  [
    'low_budget that no call can go to',
    generate('heal: { low_budget: { below: 0.1, provider: gemini, model: m } }'),
    'error lint:fallback_protocol 4:13',
  ],
  [
    'a fallback that no declared provider can use',
    generate(fallback('groq'), 'providers: { anthropic: {}, groq: {} }'),
    'warning lint:fallback_protocol 4:24',
  ],
  ['a key in the file', 'providers:\n  openai: { api_key: sk-1 }', 'warning lint:literal_key 3:13'],
])('%s', (_name, text, expected) => {
  expect(lint(text)).toContain(expected)
})

test.each([
  ['a fallback of the same protocol', generate(fallback('groq'), 'providers: { openai: {}, groq: {} }')],
  ['a fallback that only the environment may make usable', generate(fallback('groq'))],
  [
    'one of two providers that speak Anthropic',
    generate(
      fallback('anthropic'),
      'providers: { house: { protocol: anthropic, base_url: https://models.example.com } }',
    ),
  ],
  ['a glob that takes model calls', "actions:\n  '*': { heal: { retries: 1 } }"],
  ['a key of the environment', 'providers:\n  openai: { api_key: $K }'],
])('says nothing of %s', (_name, text) => {
  expect(lint(text)).toEqual([])
})
