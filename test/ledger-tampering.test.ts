import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkpoint, type Checkpoint } from '../src/flow/audit/checkpoint.ts'
import { exportLedger, verifyExport } from '../src/flow/audit/export-ledger.ts'
import { prove, verifyProof, type Proof } from '../src/flow/audit/prove.ts'
import { verifyLedger } from '../src/flow/audit/verify-ledger.ts'
import { openFlow, type OpenFlow } from '../src/flow/open-flow.ts'
import { openSqlite } from '../src/storage/sqlite/open-sqlite.ts'
import type { Store } from '../src/storage/store.ts'
import { policyOf, proposal } from './setup/flow-on.ts'

const POLICY = `
version: 1
actions:
  note.write: { effect: write, subject: input.who }
`

let folder: string
let store: Store
let flow: OpenFlow
let key: KeyObject
let ids: string[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-ledger-'))
  key = generateKeyPairSync('ed25519').privateKey
  await open()
  ids = []
  for (const who of ['ann', 'bob', 'cy']) {
    const { action } = await flow.propose(proposal('note.write', { who }), { venue: 'agent', start: true })
    await flow.report(action.id, { outcome: 'succeeded', result: { of: who } })
    ids.push(action.id)
  }
})

afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<void> {
  store = await openSqlite({ folder })
  const policy = policyOf(POLICY)
  flow = await openFlow({ store, policies: { current: () => policy, onChange: () => () => undefined } })
}

async function close(): Promise<void> {
  await flow.close()
  await store.close()
}

/** Changes the database behind Belay's back, then verifies. */
async function codesAfter(change: (db: Database.Database) => void, kept?: Checkpoint): Promise<string[]> {
  await close()
  const db = new Database(join(folder, 'belay.db'))
  change(db)
  db.close()
  await open()
  const report = await verifyLedger(store, kept === undefined ? {} : { checkpoint: kept })
  expect(report.ok).toBe(report.faults.length === 0)
  return [...new Set(report.faults.map(({ code }) => code))]
}

describe('verifying the ledger finds', () => {
  it('nothing, when nothing was done', async () => {
    expect(await codesAfter(() => undefined)).toEqual([])
  })

  it.each([
    [
      'a changed record',
      `UPDATE records SET text = replace(text, '"allow"', '"deny"') WHERE kind = 'decision'`,
      'ledger:changed',
    ],
    ['a record cut out', 'DELETE FROM records WHERE seq = 4', 'ledger:gap'],
    [
      'the last record cut off',
      'DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)',
      'ledger:cut',
    ],
    ['a changed column', `UPDATE records SET agent = 'somebody' WHERE seq = 4`, 'ledger:changed'],
    [
      'a changed payload',
      `UPDATE payloads SET text = replace(text, 'ann', 'eve') WHERE seq IN (SELECT seq FROM records WHERE payload = 'proposal')`,
      'ledger:payload_changed',
    ],
    [
      'a payload that is gone',
      `DELETE FROM payloads WHERE seq IN (SELECT seq FROM records WHERE payload = 'outcome')`,
      'ledger:payload_missing',
    ],
    [
      'an erasure that nobody recorded',
      `UPDATE payloads SET text = NULL, salt = NULL, erased_at = 1`,
      'ledger:payload_missing',
    ],
    [
      'an action in another state',
      `UPDATE actions SET progress = replace(progress, '"succeeded"', '"failed"')`,
      'ledger:action_differs',
    ],
    ['an action that is gone', 'DELETE FROM actions WHERE rowid = 1', 'ledger:action_differs'],
  ])('%s', async (_, sql, code) => {
    expect(await codesAfter((db) => void db.exec(sql))).toContain(code)
  })

  it('two records that changed places', async () => {
    const swap = `UPDATE records SET seq = -3 WHERE seq = 3; UPDATE records SET seq = 3 WHERE seq = 5; UPDATE records SET seq = 5 WHERE seq = -3`
    expect(await codesAfter((db) => void db.exec(swap))).toContain('ledger:changed')
  })

  it('a tail that was cut off together with the head that names it', async () => {
    const codes = await codesAfter((db) => {
      db.exec('DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)')
      db.exec('UPDATE chains SET (seq, hash) = (SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1)')
    })
    expect(codes).toContain('ledger:cut')
  })

  it('a consistent rewrite of everything, against a checkpoint that was kept elsewhere', async () => {
    const kept = await checkpoint(store, key)
    const emptied = (db: Database.Database): void => {
      for (const table of ['records', 'payloads', 'payload_subjects', 'actions'])
        db.exec(`DELETE FROM ${table}`)
      db.exec(`UPDATE chains SET seq = 0, hash = '${'0'.repeat(64)}'`)
    }
    expect(await codesAfter(emptied, kept)).toContain('ledger:cut')
    expect(await codesAfter(() => undefined, { ...kept, at: kept.at + 1 })).toContain('ledger:signature')
  })

  it('nothing after an erasure, and the payload is really gone', async () => {
    await flow.erase({ subject: 'bob' }, 'dpo')
    expect(await codesAfter(() => undefined)).toEqual([])
    expect(
      (await store.payloads(ids[1] as string)).every(({ text, salt }) => text === null && salt === null),
    ).toBe(true)
    expect((await store.payloads(ids[0] as string)).every(({ text }) => text !== null)).toBe(true)
  })
})

describe('an exported ledger', () => {
  const lines = async (): Promise<string[]> => {
    const all: string[] = []
    for await (const line of exportLedger(store, key, { payloads: true })) all.push(line)
    return all
  }

  it('verifies offline, payloads included', async () => {
    const report = await verifyExport(await lines())
    expect(report).toMatchObject({ ok: true, chains: 1, payloads: 6 })
  })

  it('shows any change, loss, repetition or reordering of any line', async () => {
    const all = await lines()
    for (let i = 0; i < all.length; i++) {
      const line = all[i] as string
      const isPayload = line.includes('"type":"payload"')
      const changed = line.replace(
        /"(text|signature|format)":"(.)/,
        (_, name: string, first: string) => `"${name}":"${first === 'x' ? 'y' : 'x'}`,
      )
      expect(changed).not.toBe(line)
      expect((await verifyExport(all.with(i, changed))).ok, `line ${i} changed`).toBe(false)
      // A payload may be missing from an export; a record may not.
      if (!isPayload && i > 0)
        expect((await verifyExport(all.toSpliced(i, 1))).ok, `line ${i} missing`).toBe(false)
      if (!isPayload && i > 0)
        expect((await verifyExport(all.toSpliced(i, 0, line))).ok, `line ${i} twice`).toBe(false)
    }
    expect((await verifyExport(all.slice(0, -1))).faults.map(({ code }) => code)).toEqual(['ledger:cut'])
    expect((await verifyExport(['nonsense', '{"type":"record"}', '[]'])).ok).toBe(false)
    expect((await verifyExport([])).ok).toBe(false)
  })
})

describe('a proof', () => {
  it('holds for its action, shows nobody else, and breaks with any change', async () => {
    const proof = JSON.parse(JSON.stringify(await prove(store, key, ids[1] as string))) as Proof
    expect(verifyProof(proof)).toMatchObject({ ok: true, records: 2 })
    expect(JSON.stringify(proof)).not.toContain(ids[0])
    const [chain] = proof.chains
    if (chain === undefined) throw new Error('the proof names no chain')
    for (let i = 0; i < chain.entries.length; i++) {
      const without = { ...proof, chains: [{ ...chain, entries: chain.entries.toSpliced(i, 1) }] }
      expect(verifyProof(without).ok).toBe(false)
    }
    expect(verifyProof({ ...proof, action: ids[0] as string }).ok).toBe(false)
    expect(verifyProof({ ...proof, chains: [] }).ok).toBe(false)
    const other = await checkpoint(store, generateKeyPairSync('ed25519').privateKey)
    expect(verifyProof(proof, { checkpoint: other }).faults.map(({ code }) => code)).toContain(
      'ledger:signature',
    )
    await expect(prove(store, key, 'act_unknown')).rejects.toMatchObject({ code: 'ledger:not_found' })
  })
})
