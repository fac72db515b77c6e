import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyExport } from '../../flow/audit/exported/verify-export.ts'
import { exportLedger } from '../../flow/audit/export-ledger.ts'
import {
  formatCheckpoints,
  signCheckpoint,
  type SignedCheckpoint,
} from '../../flow/audit/transparency/checkpoint.ts'
import { logIdentity, originOf } from '../../flow/audit/transparency/log-identity.ts'
import { EMPTY_ROOT, leafHash } from '../../flow/audit/transparency/merkle.ts'
import { proveAction } from '../../flow/audit/transparency/prove-action.ts'
import { WitnessSeeker, type WitnessState } from '../../flow/audit/transparency/seek-witnesses.ts'
import { COSIGNATURE_ED25519, formatNote } from '../../flow/audit/transparency/signed-note.ts'
import { originHash, TransparencyLog } from '../../flow/audit/transparency/transparency-log.ts'
import { TreeRange } from '../../flow/audit/transparency/tree-range.ts'
import { publicBytes, verifierKey, type VerifierKey } from '../../flow/audit/transparency/verifier-key.ts'
import { verifyProofs } from '../../flow/audit/transparency/verify-proofs.ts'
import { verifyLedger } from '../../flow/audit/verify-ledger.ts'
import { Witness } from '../../flow/audit/transparency/witness.ts'
import { sampleAction } from '../../storage/contract/samples.ts'
import { openSqlite } from '../../storage/sqlite/open-sqlite.ts'
import type { Store } from '../../storage/store.ts'
import { serveWitness, type WitnessServer } from './witness-server.ts'
import { writeFileSync } from 'node:fs'

const logKey = generateKeyPairSync('ed25519').privateKey
const identity = logIdentity(logKey, 'log.example')
const trust = { logs: [{ name: 'log.example', publicKey: identity.publicKey }] }
let folder: string
const closing: (() => Promise<unknown>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-witness-'))
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  rmSync(folder, { recursive: true, force: true })
})

function checkpointOf(size: number, prefix = 'leaf', origin = 'log.example/main'): SignedCheckpoint {
  const range = new TreeRange(0)
  for (let n = 0; n < size; n++) range.append(leafHash(`${prefix} ${n}`))
  return signCheckpoint({ origin, size, root: range.root() }, logKey, identity.publicKey)
}

async function startWitness(name = 'w1.example'): Promise<{
  witness: Witness
  key: VerifierKey
  server: WitnessServer
  address: { url: string; key: VerifierKey }
}> {
  const key = generateKeyPairSync('ed25519').privateKey
  const publicKey = publicBytes(key)
  const witness = new Witness({ name, key, publicKey, logs: trust.logs, folder: join(folder, name) })
  const server = await serveWitness(witness, { port: 0 })
  closing.push(() => server.close())
  const vkey = verifierKey(name, COSIGNATURE_ED25519, publicKey)
  if (vkey === undefined) throw new Error('no key')
  return { witness, key: vkey, server, address: { url: server.url, key: vkey } }
}

const request = (old: number, checkpoint: SignedCheckpoint, proof: readonly Buffer[] = []): string =>
  [`old ${old}`, ...proof.map((hash) => hash.toString('base64')), '', formatNote(checkpoint.note)].join('\n')

describe('a witness answers', () => {
  test('as the specification says, and signs only what goes on from what it signed', async () => {
    const { witness, key, server } = await startWitness()
    const post = async (body: string): Promise<{ status: number; type: string | null; text: string }> => {
      const response = await fetch(`${server.url}/add-checkpoint`, { method: 'POST', body })
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        text: await response.text(),
      }
    }
    const monitoring = `${server.url}/${originHash('log.example/main')}/checkpoint`
    expect((await fetch(monitoring)).status).toBe(404)
    expect((await post('nonsense')).status).toBe(400)
    expect((await post(request(2, checkpointOf(1)))).status).toBe(400)
    expect((await post(request(0, checkpointOf(1, 'leaf', 'other.example/main')))).status).toBe(404)
    const forger = generateKeyPairSync('ed25519').privateKey
    const forged = signCheckpoint(checkpointOf(1), forger, publicBytes(forger))
    expect((await post(request(0, forged))).status).toBe(403)
    const { text: said, signatures } = checkpointOf(1).note
    const broken = {
      text: said,
      signatures: signatures.map((each) => ({ ...each, signature: Buffer.alloc(64) })),
    }
    expect((await post(request(0, { ...checkpointOf(1), note: broken }))).status).toBe(403)
    const empty = signCheckpoint(
      { origin: 'log.example/main', size: 0, root: Buffer.alloc(32) },
      logKey,
      identity.publicKey,
    )
    expect((await post(request(0, empty))).status).toBe(422)
    expect((await post(request(0, checkpointOf(2), [EMPTY_ROOT]))).status).toBe(422)

    const first = await post(request(0, checkpointOf(2)))
    expect(first).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^— w1\.example [A-Za-z0-9+/=]+\n$/),
    })
    const kept = await (await fetch(monitoring)).text()
    expect(kept).toBe(formatNote(checkpointOf(2).note) + first.text)
    const bytes = Buffer.from(first.text.split(' ')[2] ?? '', 'base64')
    expect(key.holds(checkpointOf(2).note.text, bytes.subarray(4))).toBe(true)

    expect(await post(request(0, checkpointOf(3)))).toEqual({
      status: 409,
      type: 'text/x.tlog.size',
      text: '2\n',
    })
    expect((await post(request(2, checkpointOf(2, 'fork')))).status).toBe(422)
    expect(
      (await post(request(2, checkpointOf(3, 'fork'), [Buffer.from(leafHash('fork 2'), 'latin1')]))).status,
    ).toBe(422)
    expect((await post(request(2, checkpointOf(3)))).status).toBe(422)
    expect(
      (await post(request(2, checkpointOf(3), [Buffer.from(leafHash('leaf 2'), 'latin1')]))).status,
    ).toBe(200)
    expect((await post(request(3, checkpointOf(3)))).status).toBe(200)
    expect(
      (await post(`old 3\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${formatNote(checkpointOf(9).note)}`)).status,
    ).toBe(400)
    expect((await post('x'.repeat(200_000))).status).toBe(413)
    expect((await fetch(`${server.url}/add-checkpoint`)).status).toBe(405)
    // What it saw is on disk.
    const again = new Witness({
      name: 'w1.example',
      key: logKey,
      publicKey: identity.publicKey,
      logs: trust.logs,
      folder: join(folder, 'w1.example'),
    })
    expect(again.addCheckpoint(request(0, checkpointOf(9)))).toMatchObject({ status: 409, body: '3\n' })
    expect(witness.checkpoint('../../etc/passwd')).toBeUndefined()
  })
})

describe('a ledger with witnesses', () => {
  let store: Store
  let log: TransparencyLog
  let seeker: WitnessSeeker
  let alarms: WitnessState[]
  let addresses: { url: string; key: VerifierKey }[]

  async function open(): Promise<void> {
    store = await openSqlite({ folder: join(folder, 'data') })
    log = new TransparencyLog({ store, identity: () => identity })
    seeker = new WitnessSeeker({
      log,
      plan: () => ({ witnesses: addresses, quorum: 2 }),
      every: 3_600_000,
      onAlarm: (state) => alarms.push(state),
    })
  }
  async function close(): Promise<void> {
    await seeker.close()
    await log.close()
    await store.close()
  }
  const act = async (from: number, to: number, agent = 'clerk'): Promise<void> => {
    for (let n = from; n < to; n++) {
      const body = { version: 1, state: 'ready', n }
      const value = sampleAction(`act_${n}`, { agent })
      await store.commit({
        action: { value, replaces: null },
        records: [{ kind: 'decision', at: 1000, action: value.id, agent, body }],
      })
    }
  }
  const rewrite = (): void => {
    const db = new Database(join(folder, 'data', 'belay.db'))
    for (const table of ['records', 'payloads', 'actions', 'trees', 'tree_tiles', 'tree_checkpoints'])
      db.exec(`DELETE FROM ${table}`)
    db.exec(`UPDATE chains SET seq = 0, hash = '${'0'.repeat(64)}'`)
    db.close()
  }

  beforeEach(async () => {
    alarms = []
    addresses = [(await startWitness('w1.example')).address, (await startWitness('w2.example')).address]
    await open()
    closing.push(() => close())
  })

  test('has its checkpoints signed, and proofs carry the signatures', async () => {
    await act(0, 300)
    await seeker.seek()
    expect(seeker.states().map(({ size, problem }) => [size, problem])).toEqual([
      [301, null],
      [301, null],
    ])
    await act(300, 310)
    const proof = await proveAction(log, 'act_7')
    const keys = addresses.map(({ key }) => key)
    expect(verifyProofs(proof, { ...trust, witnesses: keys })).toMatchObject({
      ok: true,
      witnesses: ['w1.example', 'w2.example'],
    })
    // What came after the witnesses is proved by the log alone.
    const younger = await proveAction(log, 'act_305')
    expect(verifyProofs(younger, trust).ok).toBe(true)
    expect(verifyProofs(younger, { ...trust, witnesses: keys }).faults.map(({ code }) => code)).toEqual([
      'ledger:witness',
    ])
    await seeker.seek()
    expect(seeker.states().map(({ size }) => size)).toEqual([311, 311])
    expect(await log.checkpoint('main')).toEqual(await log.witnessed('main'))
    const witnesses = { name: 'log.example', ask: addresses }
    expect(await verifyLedger(store, { trust, witnesses })).toMatchObject({
      ok: true,
      witnesses: ['w1.example', 'w2.example'],
      faults: [],
    })
    expect(alarms).toEqual([])

    const file = join(folder, 'ledger.ndjson')
    let text = ''
    for await (const line of exportLedger(log)) text += line
    writeFileSync(file, text)
    expect(await verifyExport(file, { trust: { ...trust, witnesses: keys } })).toMatchObject({
      ok: true,
      faults: [],
    })
    expect(await verifyExport(file, { trust, ask: addresses })).toMatchObject({
      ok: true,
      witnesses: ['w1.example', 'w2.example'],
    })
    // A file says how far what they signed reaches: its maker may have left out what they signed since.
    await act(311, 320)
    let longer = ''
    for await (const line of exportLedger(log)) longer += line
    const other = join(folder, 'longer.ndjson')
    writeFileSync(other, longer)
    expect(await verifyExport(other, { trust })).toMatchObject({ ok: true, witnesses: [], witnessed: [] })
    for (const more of [{ trust: { ...trust, witnesses: keys } }, { trust, ask: addresses }])
      expect(await verifyExport(other, more)).toMatchObject({
        ok: true,
        records: 320,
        witnessed: [{ chain: 'main', seq: 311 }],
      })
    const stranger = (await startWitness('w3.example')).address
    expect((await verifyExport(file, { trust: { ...trust, witnesses: [stranger.key] } })).ok).toBe(false)
    expect((await verifyExport(file, { trust, ask: [stranger] })).ok).toBe(false)
  })

  test('a rewrite of everything by its owner is an alarm, a record, and a fault', async () => {
    await act(0, 20)
    await seeker.seek()
    await close()
    rewrite()
    await open()
    await act(0, 40, 'somebody')
    await log.caughtUp()
    expect((await verifyLedger(store, { trust })).ok).toBe(true)
    const witnesses = { name: 'log.example', ask: addresses }
    const found = await verifyLedger(store, { trust, witnesses })
    expect(found.ok).toBe(false)
    expect(found.faults.map(({ code }) => code)).toContain('ledger:fork')
    await seeker.seek()
    expect(alarms.map(({ witness, problem }) => [witness, problem?.code])).toEqual([
      ['w1.example', 'fork'],
      ['w2.example', 'fork'],
    ])
    const records = await store.records('main', 0, 100)
    expect(records.filter(({ kind }) => kind === 'witness')).toHaveLength(2)
    await seeker.seek()
    expect(alarms).toHaveLength(2)
  })

  test('a log that was set back is an alarm', async () => {
    await act(0, 20)
    await seeker.seek()
    await close()
    rewrite()
    await open()
    await act(0, 5)
    await seeker.seek()
    expect(alarms[0]?.problem).toEqual({
      code: 'rolled_back',
      message: 'it signed 21 records, and there are 6',
    })
    const found = await verifyLedger(store, { trust, witnesses: { name: 'log.example', ask: addresses } })
    expect(found.faults.map(({ code }) => code)).toContain('ledger:cut')
  })

  test('one witness that cannot be reached is told of once; below the quorum nothing counts as witnessed', async () => {
    const [first, second] = addresses
    if (first === undefined || second === undefined) throw new Error('no witnesses')
    addresses = [first, { ...second, url: 'http://127.0.0.1:1' }]
    await seeker.seek()
    await seeker.seek()
    expect(alarms.map(({ witness, problem }) => [witness, problem?.code])).toEqual([
      ['w2.example', 'unreachable'],
    ])
    expect(await log.witnessed('main')).toBeUndefined()
    const found = await verifyLedger(store, { trust, witnesses: { name: 'log.example', ask: addresses } })
    expect(found.faults.map(({ code }) => code)).toEqual(['ledger:witness'])
    addresses = [first, second]
    await seeker.seek()
    expect((await log.witnessed('main'))?.origin).toBe(originOf(identity, 'main'))
    expect(formatCheckpoints(await log.checkpoints())).toContain('— w2.example ')
  })

  test('a witness that signs with another key does not count', async () => {
    const [first, second] = addresses
    if (first === undefined || second === undefined) throw new Error('no witnesses')
    addresses = [first, { ...second, key: first.key }]
    await seeker.seek()
    expect(alarms.map(({ problem }) => problem?.code)).toEqual(['refused'])
    expect(await log.witnessed('main')).toBeUndefined()
  })
})
