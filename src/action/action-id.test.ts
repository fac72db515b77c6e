import { validate, version } from 'uuid'
import { expect, it } from 'vitest'
import { newActionId } from './action-id.ts'

it('makes UUIDs of version 7 that are new, in order and of their time', () => {
  const at = 1_900_000_000_000
  const ids = Array.from({ length: 20_000 }, (_, n) => newActionId(n < 10_000 ? at : at + 60_000))
  for (const id of ids) {
    const uuid = id.slice('act_'.length)
    expect([id.startsWith('act_'), validate(uuid), version(uuid)]).toEqual([true, true, 7])
  }
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.toSorted()).toEqual(ids)
  const time = (id = ''): number => Number.parseInt(id.slice(4, 12) + id.slice(13, 17), 16)
  expect(time(ids[0])).toBe(at)
  expect(time(ids[10_000])).toBe(at + 60_000)
})

it('goes on in order when the clock it is given goes back', () => {
  const later = newActionId(2_000_000_000_000)
  expect(newActionId(1_000_000_000_000) > later).toBe(true)
})
