import { expect, it } from 'vitest'
import type { Action } from '../../action/action.ts'
import { Announcer, type ApprovalChannel } from './announcer.ts'

const action = (name: string): Action => ({ id: 'act_1', state: { name } }) as Action

it('tells every channel what waits and when it no longer does, and survives one that fails', async () => {
  const heard: string[] = []
  const faults: unknown[] = []
  const good: ApprovalChannel = {
    name: 'good',
    waiting: async ({ id }) => void heard.push(`waiting ${id}`),
    settled: async ({ id, state }) => void heard.push(`settled ${id} ${state.name}`),
  }
  const bad: ApprovalChannel = {
    name: 'bad',
    waiting: () => Promise.reject(new Error('no network')),
    settled: () => Promise.reject(new Error('no network')),
  }
  const announcer = new Announcer([bad, good], (error) => faults.push(error))
  announcer.moved(action('executing'))
  announcer.moved(action('held'))
  announcer.moved(action('ready'))
  announcer.moved(action('executing'))
  await Promise.resolve()
  await Promise.resolve()
  expect(heard).toEqual(['waiting act_1', 'settled act_1 ready'])
  expect(faults).toHaveLength(2)
})
