import { expect, it } from 'vitest'
import type { Store } from '../../storage/store.ts'
import { Budgets } from './budgets.ts'

const HOUR = 3_600_000

it('drops what ended a day ago, once an hour', async () => {
  const dropped: number[] = []
  const store = {
    dialect: 'sqlite',
    now: () => 0,
    starvedAccounts: () => Promise.resolve([]),
    dropBudgets: (before: number) => Promise.resolve(void dropped.push(before)),
  } satisfies Partial<Store>
  const budgets = new Budgets(store as Partial<Store> as Store)
  const day = 24 * HOUR
  for (const at of [day, day + 1, day + HOUR - 1, day + HOUR, day + HOUR + 500]) await budgets.returnIdle(at)
  expect(dropped).toEqual([0, HOUR])
})
