import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportLedger } from '../src/flow/audit/export-ledger.ts'
import { verifyExport } from '../src/flow/audit/exported/verify-export.ts'
import type { SignedCheckpoint } from '../src/flow/audit/transparency/checkpoint.ts'
import { logIdentity } from '../src/flow/audit/transparency/log-identity.ts'
import { proveAction } from '../src/flow/audit/transparency/prove-action.ts'
import { TransparencyLog } from '../src/flow/audit/transparency/transparency-log.ts'
import type { Trust } from '../src/flow/audit/transparency/trust.ts'
import { publicBytes } from '../src/flow/audit/transparency/verifier-key.ts'
import { verifyProofs } from '../src/flow/audit/transparency/verify-proofs.ts'
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
let log: TransparencyLog
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
  log = new TransparencyLog({ store, identity: () => logIdentity(key, 'log.example') })
  flow = await openFlow({ store, policies: { current: () => policy, onChange: () => () => undefined } })
}

async function close(): Promise<void> {
  await log.close()
  await flow.close()
  await store.close()
}

const trust = (): Trust => ({ logs: [{ name: 'log.example', publicKey: publicBytes(key) }] })

/** Changes the database behind Belay's back, then verifies. */
async function codesAfter(
  change: (db: Database.Database) => void,
  kept: readonly SignedCheckpoint[] = [],
): Promise<string[]> {
  await log.caughtUp()
  await close()
  const db = new Database(join(folder, 'belay.db'))
  change(db)
  db.close()
  await open()
  const report = await verifyLedger(store, { trust: { ...trust(), kept } })
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

  it.each([
    ['a changed hash in a tile', `UPDATE tree_tiles SET hashes = zeroblob(length(hashes))`, 'ledger:tree'],
    ['a tile that is gone', `DELETE FROM tree_tiles`, 'ledger:tree'],
    ['a tree over more records than there are', 'UPDATE trees SET size = size + 1', 'ledger:cut'],
  ])('%s', async (_, sql, code) => {
    await log.caughtUp()
    // Looked at as it lies: a log that is open would mend what it can.
    await log.close()
    const db = new Database(join(folder, 'belay.db'))
    db.exec(sql)
    db.close()
    expect((await verifyLedger(store)).faults.map((fault) => fault.code)).toContain(code)
  })

  it('a consistent rewrite of everything, against a checkpoint that was kept elsewhere', async () => {
    const kept = await log.checkpoints()
    expect(await codesAfter(() => undefined, kept)).toEqual([])
    const forged = kept.map((each) => ({ ...each, note: { ...each.note, text: `${each.note.text}x\n` } }))
    expect(await codesAfter(() => undefined, forged)).toContain('ledger:signature')
    const tables = ['records', 'payloads', 'payload_subjects', 'actions', 'trees', 'tree_tiles']
    const emptied = (db: Database.Database): void => {
      for (const table of tables) db.exec(`DELETE FROM ${table}`)
      db.exec(`UPDATE chains SET seq = 0, hash = '${'0'.repeat(64)}'`)
    }
    expect(await codesAfter(emptied, kept)).toContain('ledger:cut')
    for (let n = 0; n < 10; n++)
      await flow.propose(proposal('note.write', { who: 'eve' }), { venue: 'agent', start: true })
    expect(await codesAfter(() => undefined, kept)).toContain('ledger:fork')
    expect(await codesAfter(() => undefined)).toEqual([])
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
  const lines = async (payloads = true): Promise<string[]> => {
    const all: string[] = []
    for await (const line of exportLedger(log, { payloads })) all.push(line)
    return all
  }
  const verify = (text: readonly string[] | string, given = trust()) => {
    const file = join(folder, 'exported.ndjson')
    writeFileSync(file, typeof text === 'string' ? text : text.join(''))
    return verifyExport(file, { trust: given })
  }

  it('verifies offline, payloads included', async () => {
    expect(await verify(await lines())).toMatchObject({ ok: true, chains: 1, payloads: 6, faults: [] })
    expect(await verify(await lines(false))).toMatchObject({ ok: true, payloads: 0, faults: [] })
    await flow.erase({ subject: 'bob' }, 'dpo')
    expect(await verify(await lines())).toMatchObject({ ok: true, payloads: 4, erased: 2, faults: [] })
  })

  it('shows any change, loss, repetition or reordering of any line', async () => {
    const all = await lines()
    for (const [i, line] of all.entries()) {
      expect((await verify(all.toSpliced(i, 1))).ok, `line ${i} missing`).toBe(false)
      expect((await verify(all.toSpliced(i, 0, line))).ok, `line ${i} twice`).toBe(false)
      if (i > 0) {
        const swapped = all.with(i, all[i - 1] as string).with(i - 1, line)
        expect((await verify(swapped)).ok, `lines ${i - 1} and ${i} swapped`).toBe(false)
      }
      for (const at of [0, 12, line.length >> 1, line.length - 2, line.length - 1]) {
        const bytes = Buffer.from(line)
        bytes[at] = (bytes[at] as number) ^ 1
        expect((await verify(all.with(i, bytes.toString('latin1')))).ok, `line ${i} at ${at}`).toBe(false)
      }
    }
    expect((await verify(all.slice(0, -1))).faults.map((fault) => fault.code)).toContain('ledger:cut')
    expect((await verify(all.join('').slice(0, -1))).ok).toBe(false)
    expect((await verify('nonsense\n{"hash":"x"}\n[]\n')).ok).toBe(false)
    expect((await verify('')).ok).toBe(false)
  })

  it('counts only under a key that is trusted, and with the witnesses that are asked for', async () => {
    const all = await lines()
    const stranger = publicBytes(generateKeyPairSync('ed25519').privateKey)
    for (const logs of [
      [],
      [{ name: null, publicKey: stranger }],
      [{ ...trust().logs[0]!, name: 'other.example' }],
    ])
      expect((await verify(all, { logs })).faults.map((fault) => fault.code)).toContain('ledger:signature')
  })
})

describe('a proof', () => {
  it('holds for its action, shows nobody else, and breaks with any change', async () => {
    const proof = await proveAction(log, ids[1] as string)
    expect(verifyProofs(proof, trust())).toMatchObject({ ok: true, records: 2, faults: [] })
    const shown = [...proof.matchAll(/^extra (.*)$/gm)].map(([, data]) =>
      Buffer.from(data ?? '', 'base64').toString(),
    )
    expect(shown.join()).toContain(ids[1])
    expect(shown.join()).not.toContain(ids[0])
    for (let at = 0; at < proof.length; at += 3) {
      const character = proof[at] === 'A' ? 'B' : 'A'
      const changed = proof.slice(0, at) + character + proof.slice(at + 1)
      expect(verifyProofs(changed, trust()).ok, `character ${at}: ${proof.slice(at, at + 20)}`).toBe(false)
    }
    const parts = proof.split(/^(?=c2sp)/m)
    expect(parts).toHaveLength(2)
    expect(verifyProofs(parts[1] as string, trust()).faults.map((fault) => fault.code)).toEqual([
      'ledger:cut',
    ])
    const other = await proveAction(log, ids[0] as string)
    expect(verifyProofs(proof + other, trust()).ok).toBe(false)
    expect(verifyProofs('', trust()).ok).toBe(false)
    expect(verifyProofs(proof, { logs: [] }).faults.map((fault) => fault.code)).toContain('ledger:signature')
    await expect(proveAction(log, 'act_unknown')).rejects.toMatchObject({ code: 'ledger:not_found' })
  })

  it('does not grow with the records after it', async () => {
    const before = await proveAction(log, ids[0] as string)
    for (let n = 0; n < 300; n++)
      await flow.propose(proposal('note.write', { who: 'ann' }), { venue: 'agent', start: true })
    const after = await proveAction(log, ids[0] as string)
    expect(after.length - before.length).toBeLessThan(2 * 6 * 45 + 20)
    expect(verifyProofs(after, trust()).ok).toBe(true)
  })
})
