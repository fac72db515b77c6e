import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action, ActionState } from '../../action/action.ts'
import type { Store } from '../store.ts'
import { sampleAction, insertOf, type StoreUnderTest } from './samples.ts'

export function readsContract(open: () => Promise<StoreUnderTest>): void {
  describe('reads', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('filters and pages, newest first', async () => {
      const make = (n: number): Action =>
        sampleAction(`a-${n}`, {
          agent: n % 2 === 0 ? 'clerk' : 'writer',
          name: n < 3 ? 'mail.send' : 'social.comment',
          session: n === 4 ? 's-4' : null,
          decision: n === 5 ? 'deny' : 'allow',
          state: n === 5 ? { name: 'denied' } : { name: 'failed', at: n },
          proposedAt: 100 + n,
        })
      await Promise.all([0, 1, 2, 3, 4, 5].map((n) => store.commit(insertOf(make(n)))))
      const found = async (filter: object): Promise<string> =>
        (await store.actions({ limit: 10, ...filter })).map(({ id }) => id.slice(2)).join('')
      expect(await found({})).toBe('543210')
      expect(await found({ limit: 2 })).toBe('54')
      expect(await found({ before: 'a-4', limit: 2 })).toBe('32')
      expect(await found({ agent: 'clerk' })).toBe('420')
      expect(await found({ action: 'mail.send', agent: 'clerk' })).toBe('20')
      expect(await found({ session: 's-4' })).toBe('4')
      expect(await found({ state: 'denied' })).toBe('5')
      expect(await found({ decision: 'allow', since: 103 })).toBe('43')
      expect(await found({ agent: "' or 1=1 --" })).toBe('')
      expect(await store.action('no such action')).toBeUndefined()
    })

    test('an action is read as it was written, in every member, also after a step', async () => {
      const full = sampleAction('a-1', {
        interceptionPoint: 'post_tool_call',
        proposedBy: 'ann',
        session: 's',
        mode: 'observe',
        decision: 'require_approval',
        effective: 'allow',
        reasons: [{ code: 'pii:email', message: 'An address: "ä".' }],
        enforcedIdentity: 'sha256:03',
        confidence: 0.25,
        release: 'r1',
        target: 't',
        toolSchemaVersion: '7',
        trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
        idempotency: { key: 'k', proposal: 'p' },
        dueAt: 2000,
        cost: 12,
        reservations: [{ account: 'x/y', unit: 'actions', amount: 1 }],
        measures: { 'input.amount': 1.5 },
        subjects: ['ada', 'bob'],
      })
      await store.commit(insertOf(full))
      expect(await store.action('a-1')).toEqual(full)
      const next: Action = {
        ...full,
        version: 2,
        decision: 'deny',
        effective: 'deny',
        reasons: [],
        policyDigest: 'sha256:04',
        replica: 'r-other',
        updatedAt: 1500,
        dueAt: null,
        cost: 0,
        reservations: [],
        state: { name: 'denied' },
      }
      await store.commit({ action: { value: next, replaces: 1 }, records: [] })
      expect(await store.action('a-1')).toEqual(next)
      expect(await store.actions({ limit: 9 })).toEqual([next])
    })

    test('an approval leads to its action, also when it waits no longer', async () => {
      const approval = {
        id: 'ap-1',
        steps: [],
        step: 0,
        expiresAt: 9,
        actionDigest: 'd',
        policyDigest: 'p',
        risk: 'low' as const,
        since: 1,
      }
      const held = sampleAction('a-1', { state: { name: 'held', approval }, dueAt: 9 })
      await store.commit(insertOf(held))
      expect(await store.actionByApproval('ap-1')).toEqual(held)
      expect(await store.actionByApproval('ap-2')).toBeUndefined()
      const gone = { ...held, version: held.version + 1, dueAt: null, state: { name: 'denied' as const } }
      await store.commit({ action: { value: gone, replaces: held.version }, records: [] })
      expect(await store.actionByApproval('ap-1')).toEqual(gone)
    })

    test('due actions, oldest first', async () => {
      const due = [30, 10, null, 20].map((dueAt, n) => sampleAction(`a-${n}`, { dueAt }))
      await Promise.all(due.map((action) => store.commit(insertOf(action))))
      const ids = async (at: number, limit = 9): Promise<string[]> =>
        (await store.dueActions(at, limit)).map(({ id }) => id)
      expect(await ids(9)).toEqual([])
      expect(await ids(20)).toEqual(['a-1', 'a-3'])
      expect(await ids(99, 1)).toEqual(['a-1'])
      expect(await ids(99)).toEqual(['a-1', 'a-3', 'a-0'])
    })

    test('history counts what ran or may run', async () => {
      const states: ActionState[] = [
        { name: 'denied' },
        { name: 'succeeded', at: 1 },
        { name: 'cancelled', at: 1, by: 'x' },
        { name: 'failed', at: 1 },
        { name: 'expired', at: 1, was: 'held' },
        { name: 'unknown', at: 1, cause: 'x' },
      ]
      await Promise.all(
        states.map((state, n) =>
          store.commit(
            insertOf(sampleAction(`a-${n}`, { state, proposedAt: 100 + n, measures: { 'input.amount': n } })),
          ),
        ),
      )
      await store.commit(insertOf(sampleAction('b-1', { agent: 'writer', proposedAt: 101 })))
      const clerk = await store.history({ agent: 'clerk', since: 100 })
      expect(clerk.map(({ id }) => id)).toEqual(['a-1', 'a-3', 'a-5'])
      expect(clerk[1]).toEqual({
        id: 'a-3',
        agent: 'clerk',
        name: 'social.comment',
        at: 103,
        measures: { 'input.amount': 3 },
      })
      const all = await store.history({ since: 101, except: 'a-5' })
      expect(all.map(({ id }) => id)).toEqual(['a-1', 'b-1', 'a-3'])
      expect(await store.recentFailures('clerk', 9)).toEqual([true, true, false])
      expect(await store.recentFailures('clerk', 1)).toEqual([true])
      expect(await store.recentFailures('nobody', 9)).toEqual([])
    })
  })
}
