import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AlarmRow } from '../alarms.ts'
import type { Store } from '../store.ts'
import type { StoreUnderTest } from './samples.ts'

export function alarmsContract(open: () => Promise<StoreUnderTest>): void {
  describe('alarms', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('are kept whole, also after opening again, and listed newest first', async () => {
      const full = alarm('alm_2', 'b', {
        agent: 'clerk',
        session: 's-1',
        action: 'act_1',
        acknowledgedBy: 'olga',
        acknowledgedAt: 9,
      })
      for (const one of [alarm('alm_1', 'a'), full, alarm('alm_3', 'c', { agent: 'other' })])
        expect(await store.alarms.write(one, null)).toBe(true)
      store = await under.reopen()
      expect(await store.alarms.get('alm_2')).toEqual(full)
      expect(await store.alarms.get('alm_9')).toBeUndefined()
      const ids = async (filter: object): Promise<string[]> =>
        (await store.alarms.list({ limit: 10, ...filter })).map(({ id }) => id)
      expect(await ids({})).toEqual(['alm_3', 'alm_2', 'alm_1'])
      expect(await ids({ before: 'alm_3', limit: 1 })).toEqual(['alm_2'])
      expect(await ids({ agent: 'other' })).toEqual(['alm_3'])
      expect(await ids({ kind: full.kind })).toEqual(['alm_3', 'alm_2', 'alm_1'])
      expect(await ids({ kind: 'another' })).toEqual([])
    })

    test('of one key one is open; when it is over another may be', async () => {
      expect(await store.alarms.write(alarm('alm_1', 'a'), null)).toBe(true)
      expect(await store.alarms.write(alarm('alm_2', 'a'), null)).toBe(false)
      const over = alarm('alm_1', 'a', { version: 2, resolvedAt: 5, resolvedBy: 'olga' })
      expect(await store.alarms.write(over, 1)).toBe(true)
      expect(await store.alarms.open('a')).toBeUndefined()
      expect(await store.alarms.write(alarm('alm_2', 'a'), null)).toBe(true)
      expect((await store.alarms.open('a'))?.id).toBe('alm_2')
      expect((await store.alarms.list({ open: true, limit: 10 })).map(({ id }) => id)).toEqual(['alm_2'])
      expect(await store.alarms.list({ open: false, limit: 10 })).toEqual([over])
      await store.alarms.drop(5)
      expect(await store.alarms.get('alm_1')).toEqual(over)
      await store.alarms.drop(6)
      expect(await store.alarms.get('alm_1')).toBeUndefined()
      expect(await store.alarms.get('alm_2')).toBeDefined()
    })

    test('of rivals for one version, and for one key, one wins', async () => {
      const first = await Promise.all(
        Array.from({ length: 8 }, (_, n) => store.alarms.write(alarm(`alm_${n}`, 'a'), null)),
      )
      expect(first.filter(Boolean)).toHaveLength(1)
      const winner = `alm_${first.indexOf(true)}`
      const rivals = await Promise.all(
        Array.from({ length: 8 }, () => store.alarms.write(alarm(winner, 'a', { version: 2 }), 1)),
      )
      expect(rivals.filter(Boolean)).toHaveLength(1)
    })
  })
}

function alarm(id: string, key: string, more: Partial<AlarmRow> = {}): AlarmRow {
  return {
    id,
    version: 1,
    key,
    kind: 'errors',
    agent: null,
    urgent: true,
    title: 'Ünïcode',
    facts: ['one', 'two'],
    act: 'look',
    session: null,
    action: null,
    raisedAt: 1,
    lastAt: 2,
    count: 3,
    toldAt: 1,
    acknowledgedBy: null,
    acknowledgedAt: null,
    resolvedAt: null,
    resolvedBy: null,
    ...more,
  }
}
