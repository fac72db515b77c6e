import { expect, test } from 'vitest'
import type { Action, InState } from '../action/action.ts'
import { viewOf } from './approval-view.ts'

const held = (target: string | null): InState<'held'> =>
  ({
    id: 'act_1',
    agent: 'deployer',
    name: 'release.deploy',
    effect: 'write',
    target,
    reasons: [],
    session: null,
    proposedBy: null,
    cost: 0,
    state: { name: 'held', approval: { steps: [], step: 0 } },
  }) as unknown as Action as InState<'held'>

test('the sentence says what it is done to, with nothing hidden in it', () => {
  const parts = { input: { version: 7 }, agentReason: null, undoWithin: null, deciders: [] }
  const sentence = (target: string | null): string => viewOf(held(target), parts).sentence
  expect(sentence('production\u202e')).toBe(
    'The agent deployer wants to run release.deploy on production\\u{202e} with version 7. It changes something.',
  )
  expect(sentence(null)).toContain('release.deploy with version 7')
  expect(sentence('x'.repeat(2_000)).length).toBeLessThan(400)
})
