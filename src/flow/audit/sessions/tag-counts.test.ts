import { expect, test } from 'vitest'
import type { Tag } from '../../../storage/store.ts'
import { MOST_NAMES, MOST_VALUES, TagCounts, tagsIn } from './tag-counts.ts'

const counts = (known: readonly Tag[] = []): TagCounts =>
  new TagCounts({ tagsIn: (_, hour) => Promise.resolve(hour === 0 ? known : []) })

test('so many values of a name are counted by themselves an hour, the rest together', async () => {
  const tags = counts()
  for (let n = 0; n < MOST_VALUES; n++)
    expect(await tags.bounded('main', 0, { customer: `c-${n}` })).toEqual({ customer: `c-${n}` })
  expect(await tags.bounded('main', 0, { customer: 'one more' })).toEqual({ customer: 'other' })
  expect(await tags.bounded('main', 0, { customer: 'c-7' })).toEqual({ customer: 'c-7' })
  expect(await tags.bounded('main', 3_600_000, { customer: 'one more' })).toEqual({ customer: 'one more' })
  expect(await tags.bounded('another', 0, { customer: 'one more' })).toEqual({ customer: 'one more' })
})

test('names are bounded too, and what was counted before a restart counts', async () => {
  const known = Array.from({ length: MOST_NAMES }, (_, n) => ({ name: `n-${n}`, value: 'x' }))
  const tags = counts(known)
  expect(await tags.bounded('main', 0, { fresh: 'x', 'n-3': 'y' })).toEqual({ other: 'other', 'n-3': 'y' })
  tags.forget()
  expect(await tags.bounded('main', 0, { fresh: 'x' })).toEqual({ other: 'other' })
})

test('what a record holds is bounded again', () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`t${n}`, 'x']))
  expect(Object.keys(tagsIn({ tags: many }) ?? {})).toHaveLength(8)
  expect(tagsIn({ tags: { 'Not a name': 'x', ok: { a: 1 }, fine: 'y' } })).toEqual({ fine: 'y' })
  for (const tags of [undefined, null, 'x', [], {}])
    expect(tagsIn(tags === undefined ? {} : { tags })).toBeNull()
})
