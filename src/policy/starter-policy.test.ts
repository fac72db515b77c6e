import { expect, test } from 'vitest'
import { lintPolicy } from './lint-policy.ts'
import { builtInChecks } from '../flow/verify/checks/index.ts'
import { loadPolicy } from './load-policy.ts'
import { starterPolicy } from './starter-policy.ts'

test.each([
  [{}],
  [{ agents: ['researcher'], actions: ['mcp.github.create_issue', 'shell.run'] }],
  [
    {
      agents: ['null', '~', '1', '*'],
      actions: [
        'true',
        '123',
        'x.*',
        '- a',
        '__proto__',
        "it's",
        'a: b',
        'model.generate',
        'model.embed',
        'tool.*',
        'tool.x',
      ],
    },
  ],
])('loads and lints without a word: %j', (options) => {
  const text = starterPolicy(options)
  expect(loadPolicy({ text, path: null }, { checks: builtInChecks }).faults).toEqual([])
  expect(lintPolicy({ text, path: null }, { checks: builtInChecks })).toEqual([])
})

test('has an entry for what was found, which waits for a person', () => {
  const text = starterPolicy({ agents: ['researcher'], actions: ['shell.run'] })
  const { policy } = loadPolicy({ text, path: null }, { checks: builtInChecks })
  expect(policy!.agent('researcher')?.budgets.length).toBeGreaterThan(0)
  expect(policy!.action('shell.run')).toMatchObject({ approvals: [{ when: null, by: ['owners'] }] })
  expect(policy!.action('something.else')).toBeUndefined()
  expect(policy!.defaultDecision).toBe('deny')
})

test('models can be called and what their tools are asked to do is recorded; nothing unread passes', () => {
  const { policy } = loadPolicy({ text: starterPolicy(), path: null }, { checks: builtInChecks })
  expect(policy!.action('model.generate')).toMatchObject({ effect: 'read', heal: { retries: 2 }, cost: 0 })
  expect(policy!.action('tool.delete_file')).toMatchObject({ pattern: 'tool.*', effect: 'write' })
  expect(policy!.action('model.request')).toBeUndefined()
  expect(policy!.providers['openai']).toMatchObject({ apiKey: '$OPENAI_API_KEY' })
})
