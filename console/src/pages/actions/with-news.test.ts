import { expect, it } from 'vitest'
import type { ActionRow, ListFilter } from './action-list.ts'
import { withNews } from './with-news.ts'

const NONE: ListFilter = { agent: '', action: '', state: '', decision: '', since: '', session: '' }

const row = (id: number, version = 1, state = 'held'): ActionRow =>
  ({ id: `act_${String(id).padStart(3, '0')}`, version, state }) as ActionRow

const page = (from: number, to: number, next: string | null = 'more') => ({
  items: Array.from({ length: from - to + 1 }, (_, index) => row(from - index)),
  next,
})
const loaded = (...pages: ReturnType<typeof page>[]) => ({ pages, pageParams: pages.map(() => undefined) })
const ids = (list: ReturnType<typeof withNews>): number[] =>
  list.pages.flatMap(({ items }) => items.map(({ id }) => Number(id.slice(4))))

it('puts new ones at the top, each once, and keeps the pages below', () => {
  const list = withNews(loaded(page(10, 6), page(5, 1, null)), NONE, page(12, 8), [])
  expect(ids(list)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
  expect(list.pages.map(({ next }) => next)).toEqual(['more', null])
})

it('never leaves a gap: where the news does not reach down to what is there, it begins anew', () => {
  expect(ids(withNews(loaded(page(10, 6)), NONE, page(30, 20), []))).toEqual([
    30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20,
  ])
  expect(ids(withNews(loaded(page(10, 6)), NONE, { items: [], next: null }, []))).toEqual([])
})

it('changes rows in their place, drops what the filter no longer lets through, and believes no older version', () => {
  const held = { ...NONE, state: 'held' }
  const list = withNews(loaded(page(5, 1)), held, null, [row(4, 2, 'ready'), row(3, 2), row(2, 0, 'denied')])
  expect(ids(list)).toEqual([5, 3, 2, 1])
  expect(list.pages[0]!.items.map(({ version }) => version)).toEqual([1, 2, 1, 1])
})

it('drops from the top what is no longer in the first page', () => {
  const head = { items: [row(10), row(8)], next: 'more' }
  expect(ids(withNews(loaded(page(10, 6)), NONE, head, []))).toEqual([10, 8, 7, 6])
})
