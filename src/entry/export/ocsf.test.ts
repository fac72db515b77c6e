import { expect, test } from 'vitest'
import type { JsonObject } from '../../action/json.ts'
import { ocsfEvents } from './ocsf.ts'

const eventsOf = (said: JsonObject) =>
  ocsfEvents(
    {
      chain: 'main',
      seq: 3,
      hash: 'ab',
      at: 1,
      kind: 'decision',
      action: null,
      agent: null,
      text: JSON.stringify(said),
      said,
      payload: null,
      decision: null,
      startedAt: null,
    },
    'origin',
    '1.0.0',
  )

test('a decision says what came of it; one whose text was purged says nothing of that', () => {
  expect(eventsOf({ effective: 'allow' })).toMatchObject([{ action_id: 1, disposition: 'Allowed' }])
  expect(eventsOf({ effective: 'deny' })[0]).toMatchObject({ action_id: 2, disposition: 'Blocked' })
  const [purged, ...more] = eventsOf({ chain: 'main', purged: 'f'.repeat(64), seq: 3 })
  expect(more).toEqual([])
  for (const key of ['action', 'action_id', 'disposition', 'disposition_id', 'is_alert'])
    expect(purged).not.toHaveProperty(key)
})
