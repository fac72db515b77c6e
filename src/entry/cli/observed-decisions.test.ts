import { expect, test } from 'vitest'
import type { JsonObject } from '../../action/json.ts'
import { ObservedDecisions, perDay } from './observed-decisions.ts'

const START = Date.UTC(2026, 0, 1)

/** As the API answers it; `at` counts minutes, newest first in what is added. */
function action(
  at: number,
  decision: string,
  codes: readonly string[] = [],
  more: JsonObject = {},
): JsonObject {
  return {
    id: `act_${at}`,
    agent: 'writer',
    action: 'note.add',
    mode: 'observe',
    decision,
    effective: 'allow',
    reasons: codes.map((code) => ({ code, message: `because of ${code}` })),
    proposed_at: new Date(START + at * 60_000).toISOString(),
    policy_version: 'sha256:a',
    ...more,
  }
}

function previewOf(...actions: readonly JsonObject[]) {
  const decisions = new ObservedDecisions()
  for (const each of actions) decisions.add(each)
  return decisions.preview()
}

test('counts by decision, and by action and the reason that decided', () => {
  const preview = previewOf(
    action(9, 'deny', ['a:x', 'b:y'], { agent: 'reader' }),
    action(8, 'deny', ['a:x']),
    action(7, 'deny', ['a:x']),
    action(6, 'deny', ['a:x']),
    action(5, 'require_approval', ['c:z']),
    action(4, 'transform', ['d:w'], { action: 'note.edit' }),
    action(3, 'allow', ['warned:only']),
  )
  expect(preview).toMatchObject({
    observed: 7,
    enforced: 0,
    agents: 2,
    from: '2026-01-01T00:03:00.000Z',
    until: '2026-01-01T00:09:00.000Z',
    decisions: { allow: 1, transform: 1, require_approval: 1, deny: 4 },
    other: 0,
    paused: [],
  })
  expect(preview.held_back).toHaveLength(3)
  expect(preview.held_back[0]).toEqual({
    action: 'note.add',
    decision: 'deny',
    of: 'action',
    code: 'a:x',
    message: 'because of a:x',
    count: 4,
    agents: ['reader', 'writer'],
    examples: ['act_9', 'act_8', 'act_7'],
  })
})

test('a result that would not have reached the agent is counted apart', () => {
  const judged = { decision: 'deny', effective: 'allow', reasons: [{ code: 'r:x', message: 'secret' }] }
  const preview = previewOf(
    action(3, 'deny', ['r:x'], { judged }),
    action(2, 'allow', [], { judged }),
    action(1, 'allow', [], { judged: { ...judged, decision: 'allow' } }),
  )
  expect(preview.decisions).toMatchObject({ allow: 2, deny: 1 })
  expect(preview.held_back).toMatchObject([
    { of: 'result', decision: 'deny', code: 'r:x', count: 2, examples: ['act_3', 'act_2'] },
    { of: 'action', decision: 'deny', code: 'r:x', count: 1 },
  ])
})

test('what was decided under enforce, or in words that are unknown, is no preview', () => {
  const preview = previewOf(
    action(2, 'deny', ['a:x'], { mode: 'enforce', effective: 'deny' }),
    action(1, 'maybe'),
    {},
  )
  expect(preview).toMatchObject({ observed: 0, enforced: 3, from: null, held_back: [] })
})

test('agents that would have been paused are named with where it began', () => {
  const preview = previewOf(
    action(4, 'deny', ['agent:paused', 'rule:x']),
    action(3, 'deny', ['agent:paused']),
    action(2, 'deny', ['breaker:spend']),
    action(1, 'allow'),
  )
  expect(preview.paused).toEqual([
    {
      agent: 'writer',
      code: 'breaker:spend',
      message: 'because of breaker:spend',
      first: 'act_2',
      at: '2026-01-01T00:02:00.000Z',
      refused: 2,
    },
  ])
})

test('policies are told apart, the newest first', () => {
  const older = { policy_version: 'sha256:b' }
  expect(
    previewOf(action(3, 'allow'), action(2, 'allow', [], older), action(1, 'allow', [], older)).policies,
  ).toEqual([
    { policy_version: 'sha256:a', actions: 1 },
    { policy_version: 'sha256:b', actions: 2 },
  ])
})

test('names that strangers invent do not fill the memory', () => {
  const decisions = new ObservedDecisions()
  for (let at = 0; at < 6000; at++) {
    decisions.add(action(at, 'deny', ['a:x'], { action: `invented.${at}`, agent: `agent-${at}` }))
  }
  const preview = decisions.preview()
  expect(preview.held_back).toHaveLength(5000)
  expect(preview.other).toBe(1000)
  expect(preview.decisions.deny).toBe(6000)
})

test.each([
  [12, 24 * 60, 12],
  [12, 12 * 60, 24],
  [3, 7 * 24 * 60, 0],
  [12, 30, null],
])('%i in %i minutes are %s a day', (count, minutes, expected) => {
  const from = new Date(START).toISOString()
  expect(perDay(count, from, START + minutes * 60_000)).toBe(expected)
})

test('nothing observed is nothing a day', () => {
  expect(perDay(0, null, START)).toBeNull()
})
