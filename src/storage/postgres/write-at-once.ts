import pg from 'pg'
import type { ChainPosition } from '../hash-chain.ts'
import type { PreparedTransition } from '../prepared-transition.ts'
import type { CommitResult } from '../store.ts'
import { bigintArray, textArray } from './binary-array.ts'
import { placeRecords } from './place-records.ts'
import { DB_NOW } from './connections.ts'
import type { BudgetShares } from './write-budgets.ts'

const DIVISION_BY_ZERO = '22012'

export interface WrittenAtOnce {
  readonly results: CommitResult[]
  /** Where the chain stands after the group: that it stands there says that the group was committed. */
  readonly position: ChainPosition
}

/**
 * Writes a group in one round trip, on the assumption that nothing in it conflicts: the server rolls everything back
 * when it does. Answers `undefined` when the group cannot be written so, or was rolled back: then nothing of it is
 * there, and `writeGroup` finds out who conflicts. Calls `committing` before it sends anything. Needs a pipelining
 * client.
 */
export async function writeAtOnce(
  client: pg.Client,
  replica: string,
  group: readonly PreparedTransition[],
  position: ChainPosition,
  now: number,
  shares: BudgetShares,
  committing: (written: WrittenAtOnce) => unknown,
): Promise<WrittenAtOnce | undefined> {
  const agents = new Map<string, number>()
  for (const [, agent, unchanged, key, charges, , erase, login, prompt, approvals] of group) {
    if (agent !== null || key !== null || login !== null || prompt !== null || erase.length > 0)
      return undefined
    if (approvals !== null) return undefined
    if (!charges.every(([account]) => shares.has(account))) return undefined
    if (unchanged === null) continue
    if ((agents.get(unchanged[0]) ?? unchanged[1]) !== unchanged[1]) return undefined
    agents.set(...unchanged)
  }
  const placed = placeRecords(group, replica, position)
  const totals = shares.total(group.flatMap(([, , , , charges]) => charges))
  // Without a record nothing would tell whether the group was committed when the connection breaks around that.
  if (placed.seqs.length === 0 || [...totals.values()].some(({ raised }) => raised > 0)) return undefined

  const actions = group.flatMap(([action]) => (action === null ? [] : [action]))
  const inserts = actions.flatMap(({ 9: insert }) => (insert === null ? [] : [insert]))
  const inserted = actions.filter((action) => action[9] !== null)
  const moved = actions.filter((action) => action[9] === null)
  const names = [...agents.keys()].toSorted()
  const charged = [...totals.values()]
  const written = { results: placed.results, position: placed.last }
  const values = [
    textArray(inserted.map((row) => row[1])),
    bigintArray(inserted.map((row) => row[2])),
    textArray(inserts.map((row) => row[0])),
    textArray(inserts.map((row) => row[1])),
    textArray(inserts.map((row) => row[2])),
    textArray(inserted.map((row) => row[3])),
    textArray(inserted.map((row) => row[4])),
    textArray(inserted.map((row) => row[5])),
    textArray(inserts.map((row) => row[3])),
    bigintArray(inserted.map((row) => row[6])),
    textArray(inserted.map((row) => row[7])),
    bigintArray(inserts.map((row) => row[4])),
    textArray(inserts.map((row) => row[5])),
    textArray(inserts.map((row) => row[6])),
    textArray(inserted.map((row) => row[8])),

    textArray(moved.map((row) => row[1])),
    bigintArray(moved.map((row) => row[0])),
    bigintArray(moved.map((row) => row[2])),
    textArray(moved.map((row) => row[3])),
    textArray(moved.map((row) => row[4])),
    textArray(moved.map((row) => row[5])),
    bigintArray(moved.map((row) => row[6])),
    textArray(moved.map((row) => row[7])),
    textArray(moved.map((row) => row[8])),

    textArray([...totals.keys()]),
    bigintArray(charged.map(({ reserved }) => reserved)),
    bigintArray(charged.map(({ spent }) => spent)),

    replica,
    ...placed.records,
    ...placed.payloads,
    ...placed.subjects,

    position.seq,
    placed.last.seq,
    placed.last.hash,
    now,
    inserted.length,
    moved.length,
    totals.size,
    textArray(names),
    bigintArray(names.map((name) => agents.get(name) ?? 0)),
  ]
  committing(written)
  const { stream } = client.connection
  stream.cork()
  const sent = [
    client.query('BEGIN'),
    client.query({ name: 'enter', text: ENTER, values: [replica, textArray(names)] }),
    client.query({ name: 'write', text: WRITE, values }),
    // After a failure above, the server answers this with a rollback.
    client.query('COMMIT'),
  ]
  stream.uncork()
  const outcomes = await Promise.allSettled(sent)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) {
    const { reason } = failed
    if (reason instanceof pg.DatabaseError && reason.code === DIVISION_BY_ZERO) return undefined
    throw reason
  }
  shares.apply(totals)
  return written
}

/**
 * This replica must be alive, and stays so until the end of the transaction. Agents are locked by name, because a row
 * that does not exist cannot be; what follows sees every change that was committed before the lock was had.
 */
const ENTER = `
  WITH own AS (SELECT 1 FROM replicas WHERE id = $1 AND fenced_at IS NULL AND expires_at > ${DB_NOW} FOR SHARE),
  shared AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(1114990957, hashtext(name)) FROM unnest($2::text[]) AS n (name))
  SELECT 1 / (SELECT count(*) FROM own), (SELECT count(*) FROM shared)`

/** Dividing by zero is what rolls everything back when not all of it could be written. */
const WRITE = `
  WITH inserted AS (
    INSERT INTO actions (id, version, agent, name, session, state, decision, approval_id, idempotency_key, due_at,
      replica, proposed_at, measures, fixed, progress)
    SELECT * FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::text[], $9::text[], $10::int8[], $11::text[], $12::int8[], $13::text[], $14::text[], $15::text[])
    ON CONFLICT DO NOTHING RETURNING 1),
  moved AS (
    UPDATE actions a SET version = n.version, state = n.state, decision = n.decision,
      approval_id = coalesce(n.approval_id, a.approval_id), due_at = n.due_at, replica = n.replica, progress = n.progress
    FROM unnest($16::text[], $17::int8[], $18::int8[], $19::text[], $20::text[], $21::text[], $22::int8[],
      $23::text[], $24::text[]) AS n (id, replaces, version, state, decision, approval_id, due_at, replica, progress)
    WHERE a.id = n.id AND a.version = n.replaces RETURNING 1),
  charged AS (
    UPDATE budget_leases l SET reserved = l.reserved + n.reserved, spent = l.spent + n.spent
    FROM unnest($25::text[], $26::int8[], $27::int8[]) AS n (account, reserved, spent)
    WHERE l.account = n.account AND l.replica = $28::text RETURNING 1),
  recorded AS (
    INSERT INTO records (chain, seq, hash, at, kind, action, agent, payload, text)
    SELECT $28::text, * FROM unnest($29::int8[], $30::text[], $31::int8[], $32::text[], $33::text[], $34::text[],
      $35::text[], $36::text[])),
  sealed AS (
    INSERT INTO payloads (chain, seq, digest, salt, text)
    SELECT $28::text, * FROM unnest($37::int8[], $38::text[], $39::text[], $40::text[])),
  named AS (
    INSERT INTO payload_subjects (subject, action, kind)
    SELECT * FROM unnest($41::text[], $42::text[], $43::text[]) ON CONFLICT DO NOTHING),
  head AS (
    UPDATE chains SET seq = $45::int8, hash = $46::text, clock = greatest(clock, $47::int8)
    WHERE chain = $28::text AND seq = $44::int8 RETURNING 1)
  SELECT 1 / (
    (SELECT count(*) FROM inserted) = $48::int8 AND (SELECT count(*) FROM moved) = $49::int8
    AND (SELECT count(*) FROM charged) = $50::int8 AND (SELECT count(*) FROM head) = 1
    AND NOT EXISTS (
      SELECT 1 FROM unnest($51::text[], $52::int8[]) AS n (name, version) LEFT JOIN agents a ON a.name = n.name
      WHERE coalesce(a.version, 0) <> n.version)
  )::int`
