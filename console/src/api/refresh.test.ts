import { describe, expect, it } from 'vitest'
import { subjectsOf } from './refresh.ts'
import type { LedgerRecord } from './answers.ts'

const record = (more: Partial<LedgerRecord>): LedgerRecord => ({
  v: 1,
  chain: 'a',
  seq: 1,
  at: 0,
  kind: 'decision',
  action: 'act_1',
  agent: 'writer',
  ...more,
})

describe('what a record changes', () => {
  it('asks for approvals again only when somebody may be waited for', () => {
    expect(subjectsOf(record({ state: 'ready' }))).not.toContain('approvals')
    expect(subjectsOf(record({ kind: 'outcome', state: 'succeeded' }))).not.toContain('approvals')
    expect(subjectsOf(record({ state: 'held' }))).toContain('approvals')
    expect(subjectsOf(record({ state: 'ready', approval: {} }))).toContain('approvals')
  })

  it.each(['vote', 'expiry', 'cancellation', 'undo', 'escalation', 'not-known-yet'])(
    'a %s is news for approvals and actions',
    (kind) => {
      expect(subjectsOf(record({ kind }))).toEqual(expect.arrayContaining(['approvals', 'actions', 'stats']))
    },
  )

  it('asks nothing of actions for what is no action', () => {
    expect(subjectsOf(record({ kind: 'key', action: null }))).toEqual(['keys'])
    expect(subjectsOf(record({ kind: 'standing', action: null }))).toEqual(['standing', 'approvals'])
    expect(subjectsOf(record({ kind: 'alarm', action: null }))).toEqual(['alarms'])
    expect(subjectsOf(record({ kind: 'process', action: null }))).toEqual(['agents'])
    expect(subjectsOf(record({ kind: 'anchor', action: null }))).not.toContain('actions')
  })
})
