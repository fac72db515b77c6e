import { expect, it } from 'vitest'
import { groupsOf } from './kinds.ts'
import type { Alarm } from '../../api/answers.ts'

let minute = 0
const alarm = (id: string, more: Partial<Alarm>): Alarm => ({
  id,
  kind: 'budget',
  agent: 'writer',
  session: null,
  action: null,
  urgent: false,
  title: id,
  facts: [],
  act: '',
  count: 1,
  raised_at: '2026-01-01T00:00:00Z',
  last_at: new Date(Date.UTC(2026, 0, 1, 0, minute++)).toISOString(),
  acknowledged_by: null,
  acknowledged_at: null,
  resolved_by: null,
  resolved_at: null,
  ...more,
})

const ALARMS = [
  alarm('seen', { urgent: true, acknowledged_at: '2026-01-01T00:01:00Z' }),
  alarm('urgent', { urgent: true, agent: 'reader', kind: 'anomaly' }),
  alarm('plain', { agent: 'reader' }),
  alarm('later', {}),
  alarm('over', { urgent: true, agent: null, kind: 'ledger', resolved_at: '2026-01-01T00:09:00Z' }),
]
const told = (by: 'agent' | 'kind' | 'none') =>
  groupsOf(ALARMS, by).map(({ title, agent, alarms }) => [title, agent, alarms.map(({ id }) => id)])

it('puts what nobody has seen first, then what is urgent, then what is new', () => {
  expect(told('none')).toEqual([['All', null, ['urgent', 'later', 'plain', 'seen', 'over']]])
})

it('groups by agent and by what it is about, the worst group first', () => {
  expect(told('agent')).toEqual([
    ['reader', 'reader', ['urgent', 'plain']],
    ['writer', 'writer', ['later', 'seen']],
    ['About no agent', null, ['over']],
  ])
  expect(told('kind').map(([title]) => title)).toEqual([
    'unusual behaviour',
    'budgets and rates',
    'the ledger',
  ])
})

it('names what it does not know yet as it is', () => {
  expect(groupsOf([alarm('new', { kind: 'weather' })], 'kind')[0]?.title).toBe('weather')
  expect(groupsOf([], 'agent')).toEqual([])
})
