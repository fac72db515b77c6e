import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportLedger } from '../../src/flow/audit/export-ledger.ts'
import { verifyExport } from '../../src/flow/audit/exported/verify-export.ts'
import { parseCheckpoint, type SignedCheckpoint } from '../../src/flow/audit/transparency/checkpoint.ts'
import { logIdentity } from '../../src/flow/audit/transparency/log-identity.ts'
import { formatNote } from '../../src/flow/audit/transparency/signed-note.ts'
import { originHash, TransparencyLog } from '../../src/flow/audit/transparency/transparency-log.ts'
import type { Trust } from '../../src/flow/audit/transparency/trust.ts'
import { publicBytes } from '../../src/flow/audit/transparency/verifier-key.ts'
import { Witness } from '../../src/flow/audit/transparency/witness.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import { openFlow } from '../../src/flow/open-flow.ts'
import { StoredTiles } from '../../src/storage/read-tiles.ts'
import { chainHeads, StoreReads } from '../../src/storage/reads.ts'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'
import type { ChainHead, Store } from '../../src/storage/store.ts'
import type { Tables } from '../../src/storage/tables.ts'
import { policyOf, proposal } from '../setup/flow-on.ts'
import { IN_PLACE, REWRITTEN } from './tamper-with-databases.ts'
import { OUTSIDER, OWNER, randomOf, type ExportedLedger } from './tamper-with-files.ts'

const TAMPERINGS = Number(process.env['BELAY_TAMPERINGS'] ?? 2_500)
const SEED = Number(process.env['BELAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** Actions in each ledger, and of how many the witness has seen the records: trees of one and of several tiles. */
const SIZES = [
  [2, 1],
  [20, 12],
  [140, 120],
] as const
/** One verification of what nobody touched after so many tamperings. */
const UNTOUCHED_EVERY = 20
/** Of so many tamperings one is done to a database, the others to a file. */
const SHARE = 4

interface Subject extends ExportedLedger {
  readonly trust: Trust
  readonly reader: ReadStore
  readonly db: Database.Database
}

/** The tables as they lie, without anybody who would mend them. */
class ReadStore extends StoreReads {
  readonly tiles: StoredTiles
  protected readonly seal = null

  constructor(db: Kysely<Tables>) {
    super(db)
    const readOnly = (): never => {
      throw new Error('this store is only read')
    }
    this.tiles = new StoredTiles(db, { grow: readOnly, keepCheckpoint: readOnly })
  }
  chains(): Promise<readonly ChainHead[]> {
    return chainHeads(this.db, null)
  }
}

let folder: string
const subjects: Subject[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-tampering-'))
  for (const [actions, seen] of SIZES) subjects.push(await makeLedger(actions, seen))
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function makeLedger(actions: number, seen: number): Promise<Subject> {
  const data = join(folder, `ledger-${actions}`)
  const key = generateKeyPairSync('ed25519').privateKey
  const publicKey = publicBytes(key)
  const logs = [{ name: 'log.example', publicKey }]
  const store = await openSqlite({ folder: data })
  const policy = policyOf('version: 1\nactions:\n  note.write: { effect: write, subject: input.who }\n')
  const flow = await openFlow({
    store,
    policies: { current: () => policy, onChange: () => () => undefined },
  })
  const log = new TransparencyLog({ store, identity: () => logIdentity(key, 'log.example') })
  const witnessKey = generateKeyPairSync('ed25519').privateKey
  const witness = new Witness({
    name: 'witness.example',
    key: witnessKey,
    publicKey: publicBytes(witnessKey),
    logs,
    folder: join(data, 'witness'),
  })
  for (let n = 0; n < actions; n++) {
    if (n === seen) {
      const checkpoint = await log.checkpoint('main')
      if (checkpoint === undefined) throw new Error('the log is empty')
      expect(witness.addCheckpoint(`old 0\n\n${formatNote(checkpoint.note)}`).status).toBe(200)
    }
    const name = n % 5 === 4 ? 'note.unknown' : 'note.write'
    const { action } = await flow.propose(proposal(name, { who: `p${n}` }), { venue: 'agent', start: true })
    if (action.state.name === 'executing')
      await flow.report(action.id, { outcome: 'succeeded', result: { of: n } })
  }
  const lines: string[] = []
  for await (const line of exportLedger(log, { payloads: true })) lines.push(line)
  const witnessed = parseCheckpoint(
    witness.checkpoint(originHash('log.example/main')) ?? '',
  ) as SignedCheckpoint
  await log.close()
  await flow.close()
  await store.close()
  const file = new Database(join(data, 'belay.db'))
  file.pragma('journal_mode = DELETE')
  const db = new Database(file.serialize())
  file.close()
  const reader = new ReadStore(new Kysely<Tables>({ dialect: new SqliteDialect({ database: db }) }))
  return { lines, key, publicKey, witnessed, trust: { logs, kept: [witnessed] }, reader, db }
}

/** The codes of what was found in a file. */
async function inFile(content: Buffer | string, trust: Trust): Promise<readonly string[]> {
  const file = join(folder, 'exported.ndjson')
  writeFileSync(file, content)
  return (await verifyExport(file, { trust })).faults.map(({ code }) => code)
}

async function inDatabase({ reader, trust }: Subject): Promise<readonly string[]> {
  return (await verifyLedger(reader as unknown as Store, { trust })).faults.map(({ code }) => code)
}

test(
  `${TAMPERINGS} random tamperings are all found, and none where nobody touched anything`,
  { timeout: 60_000 + TAMPERINGS * 200 },
  async () => {
    const random = randomOf(SEED)
    const found = new Map<string, number>()
    const missed: string[] = []
    const imagined: string[] = []
    let untouched = 0
    for (let n = 0; n < TAMPERINGS; n++) {
      const subject = subjects[random(subjects.length)] as Subject
      const { name, codes } = await tamper(subject, random)
      if (codes.length === 0) missed.push(`${name} (tampering ${n})`)
      else found.set(name, (found.get(name) ?? 0) + 1)
      if (n % UNTOUCHED_EVERY > 0) continue
      untouched += 2
      imagined.push(...(await inFile(subject.lines.join(''), subject.trust)), ...(await inDatabase(subject)))
    }
    const total = [...found.values()].reduce((sum, each) => sum + each, 0)
    for (const [name, times] of [...found].toSorted(([a], [b]) => a.localeCompare(b)))
      console.info(`${String(times).padStart(7)}  ${name}`)
    console.info(
      `BELAY_SEED=${SEED}: ${total} of ${TAMPERINGS} tamperings found; ${untouched} untouched ledgers, ${imagined.length} reported`,
    )
    expect(missed, `BELAY_SEED=${SEED}`).toEqual([])
    expect(imagined).toEqual([])
  },
)

async function tamper(
  subject: Subject,
  random: (below: number) => number,
): Promise<{ readonly name: string; readonly codes: readonly string[] }> {
  const pick = <T>(kinds: Readonly<Record<string, T>>): readonly [string, T] => {
    const all = Object.entries(kinds)
    return all[random(all.length)] as [string, T]
  }
  if (random(SHARE) > 0) {
    const untouched = subject.lines.join('')
    for (;;) {
      const [name, change] = pick({ ...OUTSIDER, ...OWNER })
      const content = change(subject, random)
      // Two lines may be the same, and what is forged may be what was there.
      if (Buffer.from(content).equals(Buffer.from(untouched))) continue
      return { name: `file: ${name}`, codes: await inFile(content, subject.trust) }
    }
  }
  for (;;) {
    const [name, change] = pick({ ...IN_PLACE, ...REWRITTEN })
    subject.db.exec('BEGIN')
    try {
      if (change(subject.db, random, subject.witnessed.size))
        return { name: `database: ${name}`, codes: await inDatabase(subject) }
    } finally {
      subject.db.exec('ROLLBACK')
    }
  }
}
