import { expect, test } from 'vitest'
import { SpendHistory } from './spend-history.ts'
import type { CostOfHour, CostQuery } from '../../storage/store.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 0, 31, 10, 30)
const THIS_HOUR = NOW - (NOW % HOUR)

function historyOf(costs: readonly CostOfHour[]) {
  const asked: CostQuery[] = []
  const history = new SpendHistory({
    async costs(query) {
      asked.push(query)
      return costs.filter(({ hour }) => hour >= query.from && hour < query.to)
    },
  })
  return { history, asked }
}

const days = ({ from, to }: CostQuery): number => (to - from) / (24 * HOUR)
const hours = (...of: readonly (readonly [number, string, number])[]): CostOfHour[] =>
  of.map(([ago, agent, cost]) => ({ hour: THIS_HOUR - ago * HOUR, agent, cost }))

test('tells each agent its own hours, and all of them together, the hour that now is as well', async () => {
  const { history } = historyOf(hours([670, 'a', 1], [5, 'a', 2], [5, 'b', 4], [0, 'b', 8]))
  const before = await history.before(NOW)
  const ago = (agent: string | null) =>
    before(agent).map(({ hour, cost }) => [(THIS_HOUR - hour) / HOUR, cost])
  expect(ago('a')).toEqual([
    [670, 1],
    [5, 2],
  ])
  expect(ago('b')).toEqual([
    [5, 4],
    [0, 8],
  ])
  expect(ago(null)).toEqual([
    [670, 1],
    [5, 6],
    [0, 8],
  ])
  expect(ago('nobody')).toEqual([])
})

test('asks four weeks once a minute, in pieces, however many look on; the last hours each time', async () => {
  const { history, asked } = historyOf(hours([5, 'a', 2]))
  await Promise.all(Array.from({ length: 20 }, () => history.before(NOW)))
  const long = (): number => asked.filter((query) => days(query) > 1).length
  expect(long()).toBe(4)
  expect(asked.every((query) => days(query) <= 7)).toBe(true)
  expect(asked.length - long()).toBeLessThanOrEqual(21)
  await history.before(NOW + 59_000)
  expect(long()).toBe(4)
  await history.before(NOW + 61_000)
  expect(long()).toBe(8)
  // A clock that was set back, or another hour, is no reason to go by what was read.
  await history.before(NOW - 3 * HOUR)
  expect(long()).toBe(12)
})

test('a store that fails once is asked again', async () => {
  let fails = true
  const history = new SpendHistory({
    async costs() {
      if (fails) throw new Error('gone')
      return hours([5, 'a', 2])
    },
  })
  await expect(history.before(NOW)).rejects.toThrow('gone')
  fails = false
  expect((await history.before(NOW))('a').length).toBeGreaterThan(0)
})

test('keeps the hours of no more than two thousand agents, the last to act first; their sum is whole', async () => {
  const many = Array.from({ length: 2_500 }, (_, index) => [index < 2_000 ? 3 : 600, `a${index}`, 1] as const)
  const { history } = historyOf(hours(...many))
  const before = await history.before(NOW)
  expect(before('a1999')).toHaveLength(1)
  expect(before('a2499')).toEqual([])
  expect(before(null).reduce((sum, { cost }) => sum + cost, 0)).toBe(2_500)
})
