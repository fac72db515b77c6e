import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AbsenceRow, CommitResult, StandingRow, Store } from '../store.ts'
import { insertOf, record, sampleAction, type StoreUnderTest } from './samples.ts'

export function approvalsContract(open: () => Promise<StoreUnderTest>): void {
  describe('standing approvals and absences', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const put = (value: StandingRow, replaces: number | null): Promise<CommitResult> =>
      store.commit({ standing: { value, replaces }, records: [record('standing', null)] })
    const use = (id: string, amount = 0, at = 10): Promise<CommitResult> =>
      store.commit({ standingUse: { id, amount, at }, records: [record('start', null)] })

    test('are kept as they were given, and listed while they are open', async () => {
      const row = standingRow('sta-1', {
        targets: ['ann@example.com', 'Grüße "'],
        bounds: { text: { equals: 'Grüße "' } },
      })
      expect(await put(row, null)).toMatchObject({ status: 'committed', records: [{}] })
      await put(standingRow('sta-2', { expiresAt: 50 }), null)
      await put(standingRow('sta-3', { agent: 'other' }), null)
      store = await under.reopen()
      expect(await store.approvals.standingById('sta-1')).toEqual(row)
      expect(await store.approvals.standingById('none')).toBeUndefined()
      const ids = async (filter: object): Promise<string[]> =>
        (await store.approvals.standing({ limit: 9, ...filter })).map(({ id }) => id)
      expect(await ids({})).toEqual(['sta-3', 'sta-2', 'sta-1'])
      expect(await ids({ agent: 'clerk', action: 'social.comment', open: 50 })).toEqual(['sta-1'])
      expect(await ids({ before: 'sta-3', limit: 1 })).toEqual(['sta-2'])
      await put({ ...row, version: 2, targets: [], revokedAt: 20, revokedBy: 'lead@example.com' }, 1)
      expect(await ids({ agent: 'clerk', open: 40 })).toEqual(['sta-2'])
      // What was granted is not widened by a later version.
      expect((await store.approvals.standingById('sta-1'))?.targets).toEqual(row.targets)
      expect(await put({ ...row, version: 3 }, 1)).toEqual({ status: 'conflict', on: 'standing' })
    })

    test('however many uses come at once, no more are counted than there are', async () => {
      await put(standingRow('sta-1', { maxCount: 7 }), null)
      const results = await Promise.all(Array.from({ length: 40 }, () => use('sta-1')))
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(7)
      expect(results.find(({ status }) => status === 'conflict')).toEqual({
        status: 'conflict',
        on: 'standing',
      })
      // A further grant does not make the uses undone.
      const row = (await store.approvals.standingById('sta-1')) as StandingRow
      await put({ ...row, version: 2, grants: [...row.grants, { by: 'b', at: 9 }] }, 1)
      expect(await store.approvals.standingById('sta-1')).toMatchObject({ used: 7, version: 2 })
      expect(await use('sta-1')).toMatchObject({ status: 'conflict' })
    })

    test('a sum, a time and a revocation bound them as well, and a conflict elsewhere counts nothing', async () => {
      await put(standingRow('sta-1', { maxSum: { path: 'amount', limit: 100 } }), null)
      expect(await use('sta-1', 60)).toMatchObject({ status: 'committed' })
      expect(await use('sta-1', 41)).toMatchObject({ status: 'conflict' })
      expect(await use('sta-1', 1, 1_000)).toMatchObject({ status: 'conflict' })
      expect(await use('none')).toMatchObject({ status: 'conflict', on: 'standing' })
      const stale = sampleAction('a-1', { version: 5 })
      const both = await store.commit({
        action: { value: stale, replaces: 4 },
        standingUse: { id: 'sta-1', amount: 1, at: 10 },
        records: [record('start', 'a-1')],
      })
      expect(both).toEqual({ status: 'conflict', on: 'action' })
      expect(await store.approvals.standingById('sta-1')).toMatchObject({ used: 1, usedSum: 60 })
      const row = (await store.approvals.standingById('sta-1')) as StandingRow
      await put({ ...row, version: 2, revokedAt: 11, revokedBy: 'x' }, 1)
      expect(await use('sta-1', 1)).toMatchObject({ status: 'conflict' })
    })

    test('an update rewrites what a proposal fixes only when it says so', async () => {
      const action = sampleAction('a-1', { measures: { 'input.amount': 5 } })
      await store.commit(insertOf(action))
      const changes = { actionDigest: 'sha256:99', measures: { 'input.amount': 2 } } as const
      const next = { ...action, ...changes, version: 2 }
      await store.commit({ action: { value: next, replaces: 1 }, records: [record('vote', 'a-1')] })
      expect(await store.action('a-1')).toMatchObject({ version: 2, actionDigest: action.actionDigest })
      const third = { ...next, version: 3 }
      await store.commit({
        action: { value: third, replaces: 2, rewrites: true },
        records: [record('edit', 'a-1')],
      })
      expect(await store.action('a-1')).toEqual(third)
      expect(await store.history({ since: 0 })).toMatchObject([{ measures: { 'input.amount': 2 } }])
      const late = await store.commit({
        action: { value: { ...third, measures: {} }, replaces: 2, rewrites: true },
        records: [record('edit', 'a-1')],
      })
      expect(late).toEqual({ status: 'conflict', on: 'action' })
      expect((await store.action('a-1'))?.measures).toEqual({ 'input.amount': 2 })
    })

    test('absences are listed until they end', async () => {
      const commit = (value: AbsenceRow, replaces: number | null): Promise<CommitResult> =>
        store.commit({ absence: { value, replaces }, records: [record('absence', null)] })
      const away = absenceRow('abs-1')
      await commit(away, null)
      await commit(absenceRow('abs-2', { until: 40 }), null)
      expect(await store.approvals.absences(39)).toEqual([away, absenceRow('abs-2', { until: 40 })])
      expect(await store.approvals.absences(40)).toEqual([away])
      const ended = { ...away, version: 2, endedAt: 30 }
      expect(await commit(ended, 1)).toMatchObject({ status: 'committed' })
      expect(await commit(ended, 1)).toEqual({ status: 'conflict', on: 'absence' })
      expect(await store.approvals.absences(0)).toMatchObject([{ id: 'abs-2' }])
      expect(await store.approvals.absence('abs-1')).toEqual(ended)
    })
  })
}

function standingRow(id: string, changes: Partial<StandingRow> = {}): StandingRow {
  return {
    id,
    version: 1,
    agent: 'clerk',
    action: 'social.comment',
    targets: [],
    bounds: { text: { max_length: 10 } },
    maxCount: 5,
    maxSum: null,
    reason: 'because',
    grants: [{ by: 'lead@example.com', at: 5 }],
    createdBy: 'lead@example.com',
    createdAt: 5,
    expiresAt: 1_000,
    revokedAt: null,
    revokedBy: null,
    used: 0,
    usedSum: 0,
    ...changes,
  }
}

function absenceRow(id: string, changes: Partial<AbsenceRow> = {}): AbsenceRow {
  return {
    id,
    version: 1,
    person: 'lead@example.com',
    substitute: 'deputy@example.com',
    from: 5,
    until: 500,
    reason: null,
    createdBy: 'lead@example.com',
    createdAt: 5,
    endedAt: null,
    ...changes,
  }
}
