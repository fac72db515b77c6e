import { afterEach, describe, expect, test } from 'vitest'
import { PartVerifier } from '../../src/flow/audit/exported/verify-part.ts'
import { purgeOld } from '../../src/flow/audit/retention.ts'
import { keepRollups } from '../../src/flow/audit/sessions/keep-rollups.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import type { Store } from '../../src/storage/store.ts'
import { flowOn, policyOf, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const DAY = 86_400_000
const POLICY = `
version: 1
actions:
  note.add: { effect: write }
  note.publish: { effect: write, approve: [{ by: [editors], expires: 90d }] }
approvers: { editors: { members: [lead@example.com], quorum: 1 } }
`
const rule = (text: string) => policyOf(`version: 1\nledger: { retention: ${text} }\n`).ledger.retention

let under: FlowUnderTest
afterEach(() => under.close())

/** The store as it is so much later. */
function later(store: Store, ms: number): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'now') return () => target.now() + ms
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function act(agent: string, n: number): Promise<string> {
  const { action } = await under.flow.propose(
    { agent, action: 'note.add', input: { text: `words ${n}` }, session: 's-1' },
    { venue: 'agent', start: true },
  )
  await under.flow.report(action.id, { outcome: 'succeeded', result: { n } })
  return action.id
}

for (const dialect of STORES) {
  describe(`retention on ${dialect}`, () => {
    test('payloads go when they are old enough for their agent, and the ledger verifies', async () => {
      under = await flowOn(dialect, POLICY)
      const { store, flow } = under
      const kept = await act('keeper', 1)
      const gone = await act('clerk', 2)
      const times = rule('{ payloads: 30d, agents: { keeper: { payloads: 90d } } }')
      expect(await purgeOld(later(store, 29 * DAY), times)).toEqual({ payloads: 0, records: 0, actions: 0 })
      expect(await purgeOld(later(store, 31 * DAY), times)).toEqual({ payloads: 2, records: 0, actions: 0 })
      expect((await store.payloads(gone)).map(({ text }) => text)).toEqual([null, null])
      expect((await store.payloads(kept)).every(({ text }) => text !== null)).toBe(true)
      expect(await verifyLedger(store)).toMatchObject({ ok: true, erased: 2 })
      expect(await purgeOld(later(store, 31 * DAY), times)).toMatchObject({ payloads: 0 })
      // Shorter times reach what was passed by.
      expect(await purgeOld(later(store, 31 * DAY), rule('{ payloads: 2d }'))).toMatchObject({ payloads: 2 })
      expect(await verifyLedger(store)).toMatchObject({ ok: true, erased: 4 })
      await flow.close()
    })

    test('texts of records go with their actions; hashes, sums and the verification stay', async () => {
      under = await flowOn(dialect, POLICY)
      const { store, flow } = under
      const ids = [await act('clerk', 1), await act('clerk', 2)]
      const { action: held } = await flow.propose(
        { agent: 'clerk', action: 'note.publish', input: {} },
        { venue: 'agent', start: true },
      )
      const after = await act('clerk', 3)
      const follower = keepRollups(store)
      await follower.caughtUp()
      const before = await store.chains()
      expect(await purgeOld(later(store, 200 * DAY), rule('{ records: 180d }'))).toEqual({
        payloads: 4,
        records: 4,
        actions: 2,
      })
      for (const id of ids) {
        expect(await store.action(id)).toBeUndefined()
        expect(await store.recordsOf(id)).toEqual([])
        expect(await store.payloads(id)).toEqual([])
      }
      // An open action stays, and what came after it.
      expect((await store.action(held.id))?.state.name).toBe('held')
      expect(await store.action(after)).toBeDefined()
      expect(await verifyLedger(store)).toMatchObject({ ok: true })
      // An exported file says the same.
      const part = new PartVerifier({ payloads: false, cuts: {}, keepHashes: false })
      for (const { chain } of await store.chains())
        for (const { hash, text } of await store.records(chain, 0, 1000)) {
          const bytes = Buffer.from(`{"hash":"${hash}","record":${text}}`)
          part.line(bytes, 0, bytes.length)
        }
      const report = part.report()
      expect(report).toMatchObject({ faults: [], runs: [{ first: 1 }] })
      expect(report.missing).toHaveLength(4)
      expect(report.pardoned).toEqual(expect.arrayContaining(report.missing.map(({ name }) => name)))
      for (const { chain, seq, hash } of before)
        expect((await store.records(chain, seq - 1, 1))[0]?.hash).toBe(hash)
      const [sum] = await store.rollups.stats({ from: 0, to: 1e15, by: [], limit: 1 })
      expect(sum?.actions).toBe(4)
      await follower.close()
    })

    test('an action whose last record is younger than its first goes when that is due', async () => {
      let days = 0
      under = await flowOn(dialect, POLICY, {
        wrap: (store) =>
          new Proxy(store, {
            get(target, name) {
              if (name === 'now') return () => target.now() + days * DAY
              const value: unknown = Reflect.get(target, name)
              return typeof value === 'function' ? (value.bind(target) as unknown) : value
            },
          }),
      })
      const { store, flow } = under
      const { action } = await flow.propose(
        { agent: 'clerk', action: 'note.publish', input: {} },
        { venue: 'agent', start: true },
      )
      days = 2
      await flow.cancel(action.id, 'lead@example.com')
      const times = rule('{ records: 30d }')
      // The decision is due, what became of it is not.
      expect(await purgeOld(later(store, 29 * DAY), times)).toMatchObject({ records: 0, actions: 0 })
      expect(await store.action(action.id)).toBeDefined()
      expect(await purgeOld(later(store, 31 * DAY), times)).toMatchObject({ records: 2, actions: 1 })
      expect(await store.action(action.id)).toBeUndefined()
      expect(await verifyLedger(store)).toMatchObject({ ok: true })
    })

    test('a text that is gone without a purge on record is found', async () => {
      under = await flowOn(dialect, POLICY)
      const { store } = under
      const id = await act('clerk', 1)
      const [record] = await store.recordsOf(id)
      const { stubOf } = await import('../../src/flow/audit/retention.ts')
      const { textDigest } = await import('../../src/flow/audit/chain.ts')
      if (record === undefined) throw new Error('there is no record')
      const { chain, seq, text } = record
      await store.purge([{ chain, seq, text: stubOf(chain, seq, textDigest(text)) }], [])
      expect(await verifyLedger(store)).toMatchObject({
        ok: false,
        faults: expect.arrayContaining([expect.objectContaining({ code: 'ledger:changed', seq })]) as unknown,
      })
      await store.purge([{ chain, seq, text: stubOf(chain, seq, 'f'.repeat(64)) }], [id])
      expect((await verifyLedger(store)).ok).toBe(false)
    })
  })
}

test('times that no policy may say are faults', () => {
  for (const bad of ['{ payloads: 1h }', '{ records: soon }', '{ agents: { a: { payload: 2d } } }'])
    expect(() => rule(bad)).toThrow('the policy of the test is bad')
  expect(rule('{ records: 90d, payloads: 180d }')).toMatchObject({ payloads: 90 * DAY })
})
