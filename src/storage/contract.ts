import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action, ActionState } from '../action/action.ts'
import { canonicalJson } from '../action/digest.ts'
import type { JsonObject } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { BudgetAccount, NewRecord, Store, Transition } from './store.ts'

/** One database under test. */
export interface StoreUnderTest {
  readonly store: Store
  /** Ends the open store and opens the same database again, as a new replica. */
  reopen(): Promise<Store>
  /** Closes whatever is open and removes the database. */
  close(): Promise<void>
}

/**
 * The contract that every store keeps, as vitest tests: call it in a test file with a function that opens a
 * store on an empty database.
 */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    describe('compare and swap', () => {
      test('an action is inserted once', async () => {
        const action = sampleAction('a-1')
        expect(await store.commit(insertOf(action))).toMatchObject({ status: 'committed' })
        expect(await store.commit(insertOf(action))).toEqual({ status: 'conflict', on: 'action' })
        expect(await store.action('a-1')).toEqual(action)
      })

      test('an update needs the version that it replaces, and a conflict leaves nothing behind', async () => {
        await store.commit(insertOf(sampleAction('a-1')))
        const before = await store.chains()
        const stale = sampleAction('a-1', { version: 9, state: { name: 'denied' } })
        const result = await store.commit({
          action: { value: stale, replaces: 8 },
          records: [record('outcome', 'a-1', 'outcome')],
        })
        expect(result).toEqual({ status: 'conflict', on: 'action' })
        expect(await store.chains()).toEqual(before)
        expect(await store.payloads('a-1')).toHaveLength(1)
        const next = sampleAction('a-1', { version: 2, state: { name: 'failed', at: 5 }, dueAt: null })
        expect(await store.commit({ action: { value: next, replaces: 1 }, records: [] })).toMatchObject({
          status: 'committed',
        })
        expect(await store.action('a-1')).toEqual(next)
      })

      test('two transitions of one action at once: exactly one wins', async () => {
        await store.commit(insertOf(sampleAction('a-1')))
        const rivals = Array.from({ length: 20 }, (_, n) =>
          store.commit({
            action: { value: sampleAction('a-1', { version: 2, cost: n }), replaces: 1 },
            records: [record('start', 'a-1')],
          }),
        )
        const results = await Promise.all(rivals)
        expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1)
        expect(await store.recordsOf('a-1')).toHaveLength(2)
      })

      test('steps of one action sent together apply in order', async () => {
        const steps = [1, 2, 3, 4].map((version) =>
          store.commit({
            action: { value: sampleAction('a-1', { version }), replaces: version === 1 ? null : version - 1 },
            records: [record('vote', 'a-1', `vote:${version}`)],
          }),
        )
        expect((await Promise.all(steps)).map(({ status }) => status)).toEqual(Array(4).fill('committed'))
        expect((await store.action('a-1'))?.version).toBe(4)
      })

      test('an idempotency key is used once, also within one group', async () => {
        const idempotency = { key: 'k-1', proposal: 'p' }
        const results = await Promise.all(
          ['a-1', 'a-2'].map((id) => store.commit(insertOf(sampleAction(id, { idempotency })))),
        )
        expect(results[0]).toMatchObject({ status: 'committed' })
        expect(results[1]).toEqual({ status: 'conflict', on: 'idempotency' })
        expect((await store.actionByIdempotency('k-1'))?.id).toBe('a-1')
        const later = await store.commit(insertOf(sampleAction('a-3', { idempotency })))
        expect(later).toEqual({ status: 'conflict', on: 'idempotency' })
        expect(await store.payloads('a-3')).toEqual([])
      })

      test('agents: versions are compared, and an absent agent has version 0', async () => {
        const guarded = (id: string, version: number): Transition => ({
          ...insertOf(sampleAction(id)),
          agentUnchanged: { name: 'clerk', version },
        })
        expect(await store.commit(guarded('a-1', 0))).toMatchObject({ status: 'committed' })
        const paused = agentRow(1, 'paused')
        expect(await store.commit({ agent: { value: paused, replaces: null }, records: [] })).toMatchObject({
          status: 'committed',
        })
        expect(await store.commit(guarded('a-2', 0))).toEqual({ status: 'conflict', on: 'agent' })
        expect(await store.action('a-2')).toBeUndefined()
        expect(await store.commit(guarded('a-2', 1))).toMatchObject({ status: 'committed' })
        expect(await store.commit({ agent: { value: paused, replaces: null }, records: [] })).toEqual({
          status: 'conflict',
          on: 'agent',
        })
        const active = agentRow(2, 'active')
        expect(await store.commit({ agent: { value: active, replaces: 1 }, records: [] })).toMatchObject({
          status: 'committed',
        })
        expect(await store.agent('clerk')).toEqual(active)
        expect(await store.agents()).toEqual([active])
      })

      test('a pause sent before a start stops it', async () => {
        const pause = store.commit({ agent: { value: agentRow(1, 'paused'), replaces: null }, records: [] })
        const start = store.commit({
          ...insertOf(sampleAction('a-1')),
          agentUnchanged: { name: 'clerk', version: 0 },
        })
        expect(await pause).toMatchObject({ status: 'committed' })
        expect(await start).toEqual({ status: 'conflict', on: 'agent' })
      })

      test('keys', async () => {
        const key = { id: 'key-1', hash: 'h'.repeat(64), agent: 'clerk', createdAt: 7, revokedAt: null }
        const revoked = { ...key, revokedAt: 9 }
        const put = (value: typeof key | typeof revoked, replaces: 'absent' | 'present') =>
          store.commit({ key: { value, replaces }, records: [record('key', null)] })
        expect(await put(revoked, 'present')).toEqual({ status: 'conflict', on: 'key' })
        expect(await put(key, 'absent')).toMatchObject({ status: 'committed' })
        expect(await put(key, 'absent')).toEqual({ status: 'conflict', on: 'key' })
        expect(await store.keyByHash(key.hash)).toEqual(key)
        expect(await put(revoked, 'present')).toMatchObject({ status: 'committed' })
        expect(await store.keys()).toEqual([revoked])
      })
    })

    describe('groups', () => {
      test('conflicts and faults in a group leave the others alone', async () => {
        await store.commit(insertOf(sampleAction('taken')))
        const jobs: Promise<unknown>[] = []
        const broken: Promise<unknown>[] = []
        for (let n = 0; n < 60; n++) {
          if (n % 3 === 0) jobs.push(store.commit(insertOf(sampleAction('taken'))))
          else if (n % 10 === 1) broken.push(store.commit(faulty(`broken-${n}`)))
          else jobs.push(store.commit(insertOf(sampleAction(`good-${String(n).padStart(2, '0')}`))))
        }
        const faults = await Promise.allSettled(broken)
        for (const fault of faults) {
          expect(fault).toMatchObject({ status: 'rejected', reason: { code: 'store:unavailable' } })
        }
        const results = await Promise.all(jobs)
        expect(results.filter((result) => (result as { status: string }).status === 'conflict')).toHaveLength(
          20,
        )
        const good = await store.actions({ limit: 100 })
        expect(good).toHaveLength(60 - 20 - broken.length + 1)
        expect(await store.action('broken-1')).toBeUndefined()
        await expectChainsToHold(store)
      })

      test('what has no canonical form is refused whole', async () => {
        const bad = record('decision', 'a-1', undefined, { score: Number.NaN })
        const attempt = store.commit({
          action: { value: sampleAction('a-1'), replaces: null },
          records: [bad],
        })
        await expect(attempt).rejects.toMatchObject({ code: 'store:unavailable' })
        expect(await store.action('a-1')).toBeUndefined()
        const disguised = record('decision', 'a-1', undefined, { seq: 1 })
        await expect(store.commit({ records: [disguised] })).rejects.toBeInstanceOf(BelayError)
      })
    })

    describe('the ledger', () => {
      test('starts with a genesis record', async () => {
        const [head] = await store.chains()
        const [genesis] = await store.records(head?.chain ?? '', 0, 1)
        expect(genesis).toMatchObject({ seq: 1, kind: 'genesis', action: null, agent: null })
        expect(head?.live).toBe(true)
      })

      test('records are hashed as the contract says, in the order in which they were answered', async () => {
        const results = await Promise.all(
          Array.from({ length: 100 }, (_, n) => store.commit(insertOf(sampleAction(`a-${n}`)))),
        )
        const refs = results.flatMap((result) => (result.status === 'committed' ? result.records : []))
        expect(refs).toHaveLength(100)
        expect(refs.map(({ seq }) => seq)).toEqual(refs.map((_, n) => n + 2))
        const stored = await expectChainsToHold(store)
        for (const { chain, seq, hash } of refs) {
          expect(stored.find((one) => one.chain === chain && one.seq === seq)?.hash).toBe(hash)
        }
      })

      test('texts are canonical and hold what was given', async () => {
        const body = {
          zeta: 1,
          aardvark: 'ä"\u0001',
          'z\u{1f600}': [true, null, 1.5],
          by: 'someone',
          type: null,
        }
        await store.commit({ records: [record('policy', null, undefined, body)] })
        const [head] = await store.chains()
        const [, stored] = await store.records(head?.chain ?? '', 0, 10)
        const parsed = JSON.parse(stored?.text ?? '') as JsonObject
        expect(canonicalJson(parsed)).toBe(stored?.text)
        expect(parsed).toEqual({
          ...body,
          v: 1,
          chain: head?.chain,
          seq: 2,
          at: 1000,
          kind: 'policy',
          action: null,
          agent: null,
          payload: null,
        })
      })

      test('paging', async () => {
        await Promise.all(
          Array.from({ length: 10 }, () => store.commit({ records: [record('policy', null)] })),
        )
        const [head] = await store.chains()
        const chain = head?.chain ?? ''
        const seqs = (page: readonly { seq: number }[]): number[] => page.map(({ seq }) => seq)
        expect(seqs(await store.records(chain, 3, 4))).toEqual([4, 5, 6, 7])
        expect(seqs(await store.records(chain, 11, 4))).toEqual([])
        expect(await store.records('no such chain', 0, 4)).toEqual([])
        expect(head?.seq).toBe(11)
      })

      test('goes on after the store was opened again', async () => {
        await store.commit(insertOf(sampleAction('a-1')))
        const before = await store.chains()
        store = await under.reopen()
        await store.commit(insertOf(sampleAction('a-2')))
        const stored = await expectChainsToHold(store)
        for (const { chain, seq, hash } of before) {
          expect(stored.find((one) => one.chain === chain && one.seq === seq)?.hash).toBe(hash)
        }
        expect((await store.actions({ limit: 9 })).map(({ id }) => id)).toEqual(['a-2', 'a-1'])
        expect((await store.chains()).filter(({ live }) => live)).toHaveLength(1)
      })

      test('listeners hear of commits until they leave', async () => {
        let heard = 0
        const leave = store.onCommit(() => heard++)
        await store.commit({ records: [record('policy', null)] })
        expect(heard).toBeGreaterThan(0)
        leave()
        const then = heard
        await store.commit({ records: [record('policy', null)] })
        expect(heard).toBe(then)
      })
    })

    describe('payloads', () => {
      test('the record holds the digest over salt and text', async () => {
        await store.commit(insertOf(sampleAction('a-1')))
        await store.commit(insertOf(sampleAction('a-2')))
        const [one] = await store.payloads('a-1')
        const [other] = await store.payloads('a-2')
        expect(one?.text).toBe(other?.text)
        expect(one?.salt).toMatch(/^[0-9a-f]{32}$/)
        expect(one?.salt).not.toBe(other?.salt)
        expect(one?.digest).toBe(sha256(`${one?.salt}${one?.text}`))
        const [stored] = await store.recordsOf('a-1')
        expect(JSON.parse(stored?.text ?? '')).toMatchObject({
          payload: { kind: 'proposal', digest: one?.digest },
        })
      })

      test('an erased payload leaves its digest and an intact chain', async () => {
        const subject = record('decision', 'a-1', 'proposal', {}, ['ada'])
        await store.commit({ action: { value: sampleAction('a-1'), replaces: null }, records: [subject] })
        await store.commit(insertOf(sampleAction('a-2')))
        const refs = await store.payloadsToErase({ subject: 'ada' })
        expect(refs).toEqual([{ action: 'a-1', kind: 'proposal' }])
        expect(await store.payloadsToErase({ action: 'a-1' })).toEqual(refs)
        const [before] = await store.payloads('a-1')
        await store.commit({ erase: refs, records: [record('erasure', 'a-1')] })
        await store.scrub()
        const [after] = await store.payloads('a-1')
        expect(after).toMatchObject({ text: null, salt: null, digest: before?.digest })
        expect(after?.erasedAt).toBeGreaterThan(0)
        expect(await store.payloadsToErase({ subject: 'ada' })).toEqual([])
        expect(await store.payloadsToErase({ action: 'a-1' })).toEqual([])
        expect((await store.payloads('a-2'))[0]?.text).not.toBeNull()
        await expectChainsToHold(store)
      })
    })

    describe('budgets', () => {
      test('a share is taken, charged, settled, reported and given back', async () => {
        const account = accountOf(100)
        expect(await store.lease(account, 10)).toBeGreaterThanOrEqual(10)
        await store.commit(charge(account, 10, 0))
        await store.commit(charge(account, -10, 7))
        const [report] = await store.budgets({ agent: 'clerk', at: 50 })
        expect(report).toEqual({ ...account, reserved: 0, spent: 7 })
        expect(await store.budgets({ agent: 'other', at: 50 })).toEqual([])
        expect(await store.budgets({ at: account.endsAt })).toEqual([])
        await takeAll(store, account)
        expect(await store.lease(account, 1)).toBe(0)
        await store.giveBack(account.key, 93)
        expect(await takeAll(store, account)).toBe(93)
        await expect(store.giveBack(account.key, 94)).rejects.toMatchObject({ code: 'store:unavailable' })
      })

      test('a conflicting transition is not charged', async () => {
        const account = accountOf(100)
        await store.lease(account, 10)
        await store.commit(insertOf(sampleAction('a-1')))
        await store.commit({
          ...insertOf(sampleAction('a-1')),
          charges: [{ account: account.key, reserved: 10, spent: 0 }],
        })
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 0 })
      })

      test('a reservation that no share covers is refused', async () => {
        const account = accountOf(100)
        await takeAll(store, account)
        await store.commit(charge(account, 100, 0))
        await expect(store.commit(charge(account, 1, 0))).rejects.toMatchObject({ code: 'store:unavailable' })
        const unknown = charge({ ...account, key: 'nowhere' }, 1, 0)
        await expect(store.commit(unknown)).rejects.toMatchObject({ code: 'store:unavailable' })
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 100, spent: 0 })
      })

      test('an overrun is recorded in full and closes the account', async () => {
        const account = accountOf(100)
        await takeAll(store, account)
        await store.commit(charge(account, 100, 0))
        expect(await store.commit(charge(account, -100, 130))).toMatchObject({ status: 'committed' })
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 130, limit: 100 })
        expect(await store.lease(account, 1)).toBe(0)
        expect(await store.lease({ ...account, limit: 150 }, 1)).toBeGreaterThan(0)
      })

      test('ended accounts are dropped unless something is reserved in them', async () => {
        const ended = accountOf(100)
        const busy = { ...ended, key: 'agent:clerk/usd/day/2026-11-22' }
        const running = { ...ended, key: 'agent:clerk/usd/day/2026-11-24', endsAt: 200 }
        for (const account of [ended, busy, running]) {
          await store.lease(account, 10)
          await store.commit(charge(account, 10, 0))
          if (account !== busy) await store.commit(charge(account, -10, 7))
        }
        await store.dropBudgets(150)
        const keys = async (): Promise<string[]> => (await store.budgets({ at: 50 })).map(({ key }) => key)
        expect(await keys()).toEqual([busy.key, running.key])
        // A late report on what was charged to the dropped one is recorded all the same.
        const late = { ...insertOf(sampleAction('a-1')), charges: charge(ended, 0, 3).charges ?? [] }
        expect(await store.commit(late)).toMatchObject({ status: 'committed' })
        expect(await store.commit(charge(busy, -10, 10))).toMatchObject({ status: 'committed' })
        await store.dropBudgets(150)
        expect(await keys()).toEqual([running.key])
        await expect(store.commit(charge(busy, 1, 0))).rejects.toMatchObject({ code: 'store:unavailable' })
        expect(await store.commit(charge(running, 1, 0))).toMatchObject({ status: 'committed' })
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 1, spent: 7 })
      })

      test('200 at once never take more than the limit', async () => {
        let round = 0
        const amounts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 200, maxLength: 200 })
        await fc.assert(
          fc.asyncProperty(amounts, fc.integer({ min: 0, max: 6000 }), async (needs, limit) => {
            const account = { ...accountOf(limit), key: `agent:clerk/usd/day/${round++}` }
            let share = 0
            let admitted = 0
            let spent = 0
            await Promise.all(
              needs.map(async (need) => {
                if (share < need) {
                  const taken = await store.lease(account, need)
                  share += taken
                }
                if (share < need) return
                share -= need
                admitted += need
                await store.commit(charge(account, need, 0))
                const cost = need - (need % 3)
                await store.commit(charge(account, -need, cost))
                share += need - cost
                spent += cost
              }),
            )
            const report = (await store.budgets({ at: 50 })).find(({ key }) => key === account.key)
            expect(report).toMatchObject({ reserved: 0, spent })
            expect(spent).toBeLessThanOrEqual(limit)
            const left = await takeAll(store, account)
            expect(share + left + spent).toBe(limit)
            expect(admitted > 0 || limit < 50).toBe(true)
          }),
          { numRuns: 5 },
        )
      })

      test("a dead replica's unused share comes back; what it has in flight stays", async () => {
        const account = accountOf(100)
        const dead = store.replica
        await takeAll(store, account)
        await store.commit(charge(account, 30, 0))
        await store.commit(insertOf(executing('a-1', dead, 'belay')))
        await store.commit(insertOf(executing('a-2', dead, 'agent')))
        store = await under.reopen()
        expect(await store.takeOverDeadReplicas()).toEqual([dead])
        expect(await store.takeOverDeadReplicas()).toEqual([])
        expect((await store.executingIn([dead])).map(({ id }) => id)).toEqual(['a-1'])
        expect(await store.executingIn([])).toEqual([])
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 30, spent: 0 })
        expect(await takeAll(store, account)).toBe(70)
        expect(await store.commit(charge(account, -30, 20))).toMatchObject({ status: 'committed' })
        expect((await store.budgets({ at: 50 }))[0]).toMatchObject({ reserved: 0, spent: 20 })
        await store.giveBack(account.key, 80)
        expect(await takeAll(store, account)).toBe(80)
      })
    })

    describe('reads', () => {
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

      test('an approval leads to its action while it waits', async () => {
        const approval = {
          id: 'ap-1',
          steps: [],
          step: 0,
          expiresAt: 9,
          actionDigest: 'd',
          policyDigest: 'p',
        }
        const held = sampleAction('a-1', { state: { name: 'held', approval }, dueAt: 9 })
        await store.commit(insertOf(held))
        expect(await store.actionByApproval('ap-1')).toEqual(held)
        expect(await store.actionByApproval('ap-2')).toBeUndefined()
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
              insertOf(
                sampleAction(`a-${n}`, { state, proposedAt: 100 + n, measures: { 'input.amount': n } }),
              ),
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

    describe('life', () => {
      test('the clock never goes backwards, also not after opening again', async () => {
        let last = store.now()
        for (let n = 0; n < 1000; n++) {
          const now = store.now()
          expect(now).toBeGreaterThanOrEqual(last)
          last = now
        }
        await store.commit({ records: [record('policy', null)] })
        await store.heartbeat()
        expect(store.now()).toBeGreaterThanOrEqual(last)
        last = store.now()
        store = await under.reopen()
        expect(store.now()).toBeGreaterThanOrEqual(last)
        expect(Number.isSafeInteger(store.now())).toBe(true)
      })

      test('work for one key runs one at a time, also after a failure', async () => {
        let running = 0
        let most = 0
        const work = async (fails: boolean): Promise<void> => {
          most = Math.max(most, ++running)
          await store.agents()
          running--
          if (fails) throw new Error('on purpose')
        }
        const runs = await Promise.allSettled(
          Array.from({ length: 12 }, (_, n) => store.exclusively('k', () => work(n % 4 === 0))),
        )
        expect(most).toBe(1)
        expect(runs.filter(({ status }) => status === 'rejected')).toHaveLength(3)
        expect(await store.exclusively('k', () => Promise.resolve(7))).toBe(7)
      })

      test('what was sent before closing is kept; what comes after is refused', async () => {
        const sent = store.commit(insertOf(sampleAction('a-1')))
        await store.close()
        expect(await sent).toMatchObject({ status: 'committed' })
        await expect(store.commit(insertOf(sampleAction('a-2')))).rejects.toMatchObject({
          code: 'store:unavailable',
        })
        await store.close()
        store = await under.reopen()
        expect((await store.actions({ limit: 9 })).map(({ id }) => id)).toEqual(['a-1'])
      })
    })
  })
}

/** An action as the flow would make it; `changes` override it. */
export function sampleAction(id: string, changes: Partial<Action> = {}): Action {
  return {
    id,
    version: 1,
    interceptionPoint: 'pre_tool_call',
    agent: 'clerk',
    name: 'social.comment',
    session: null,
    effect: 'write',
    mode: 'enforce',
    decision: 'allow',
    effective: 'allow',
    reasons: [],
    policyDigest: 'sha256:00',
    inputIdentity: 'sha256:01',
    enforcedIdentity: 'sha256:01',
    actionDigest: 'sha256:02',
    confidence: null,
    release: null,
    target: null,
    toolSchemaVersion: null,
    trace: null,
    venue: 'agent',
    replica: 'r-test',
    idempotency: null,
    proposedBy: null,
    proposedAt: 1000,
    updatedAt: 1000,
    dueAt: null,
    cost: 0,
    reservations: [],
    measures: {},
    subjects: [],
    state: { name: 'ready', expiresAt: 2000 },
    ...changes,
  }
}

function executing(id: string, replica: string, venue: 'belay' | 'agent'): Action {
  return sampleAction(id, {
    venue,
    replica,
    dueAt: 60_000,
    state: { name: 'executing', startedAt: 1000, deadline: 60_000 },
  })
}

function insertOf(action: Action): Transition {
  return { action: { value: action, replaces: null }, records: [record('decision', action.id, 'proposal')] }
}

/** Two payloads of one kind: no database takes that. */
function faulty(id: string): Transition {
  const twice = record('decision', id, 'proposal')
  return { action: { value: sampleAction(id), replaces: null }, records: [twice, twice] }
}

function record(
  kind: NewRecord['kind'],
  action: string | null,
  payload?: string,
  body: JsonObject = {},
  subjects: readonly string[] = [],
): NewRecord {
  const base = { kind, at: 1000, action, agent: action === null ? null : 'clerk', body }
  return payload === undefined
    ? base
    : { ...base, payload: { kind: payload, body: { input: { text: 'Grüße' } }, subjects } }
}

function agentRow(version: number, state: 'active' | 'paused') {
  return { name: 'clerk', version, state, reason: 'because', changedBy: 'admin', changedAt: 5 } as const
}

function accountOf(limit: number): BudgetAccount {
  return {
    key: 'agent:clerk/usd/day/2026-11-23',
    agent: 'clerk',
    unit: 'nano_usd',
    window: 'day',
    startsAt: 0,
    endsAt: 100,
    limit,
  }
}

function charge(account: BudgetAccount, reserved: number, spent: number): Transition {
  return { charges: [{ account: account.key, reserved, spent }], records: [] }
}

/** Leases until nothing is left; answers what it got. */
async function takeAll(store: Store, account: BudgetAccount): Promise<number> {
  let taken = 0
  for (;;) {
    const more = await store.lease(account, 1)
    if (more === 0) return taken
    taken += more
  }
}

/** Recomputes every chain by the rule in `NewRecord`, with nothing of the store's own code. */
async function expectChainsToHold(store: Store) {
  const all = []
  for (const head of await store.chains()) {
    const records = await store.records(head.chain, 0, 100_000)
    let previous = Buffer.alloc(32)
    for (const [index, { text, hash, seq, chain, at, kind, action, agent }] of records.entries()) {
      const inner = createHash('sha256').update(text).digest()
      previous = createHash('sha256').update(previous).update(inner).digest()
      expect(hash).toBe(previous.toString('hex'))
      expect(seq).toBe(index + 1)
      expect(JSON.parse(text)).toMatchObject({ v: 1, chain, seq, at, kind, action, agent })
    }
    expect(records.at(-1)).toMatchObject({ seq: head.seq, hash: head.hash })
    all.push(...records)
  }
  return all
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
