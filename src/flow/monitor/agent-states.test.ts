import { expect, test } from 'vitest'
import type { AgentRow } from '../../storage/store.ts'
import { AgentStates } from './agent-states.ts'

const row = (state: AgentRow['state'], version: number): AgentRow => ({
  name: 'a',
  version,
  state,
  reason: null,
  changedBy: 'ann',
  changedAt: 0,
})

test('watchers hear of every change of a state once, wherever it was made', async () => {
  let stored: AgentRow[] = []
  const states = new AgentStates({ agents: () => Promise.resolve(stored) })
  const heard: string[] = []
  const end = states.watch(({ state }) => heard.push(state))

  states.set(row('active', 1))
  expect(heard).toEqual([])
  // In force before it is durable, then durable.
  states.set(row('stopped', 1))
  states.set(row('stopped', 2))
  expect(heard).toEqual(['stopped'])

  stored = [row('paused', 3)]
  await states.refresh()
  await states.refresh()
  expect(heard).toEqual(['stopped', 'paused'])

  end()
  states.set(row('active', 4))
  expect(heard).toEqual(['stopped', 'paused'])
})
