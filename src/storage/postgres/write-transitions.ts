import type pg from 'pg'
import { BelayError } from '../../errors/catalogue.ts'
import type { ChainPosition } from '../hash-chain.ts'
import type {
  PreparedAction,
  PreparedInsert,
  PreparedPrompt,
  PreparedTransition,
} from '../prepared-transition.ts'
import type { CommitResult } from '../store.ts'
import { bigintArray, textArray } from './binary-array.ts'
import { approvalsRefusal, approvalStatements } from './write-approvals.ts'
import { placeRecords, type PlacedRecords } from './place-records.ts'
import { isPromptRefused, promptStatements } from './write-prompts.ts'
import { ALIVE, type BudgetShares } from './write-budgets.ts'

const MAX_LOADS = 20

export interface GroupWritten {
  readonly results: CommitResult[]
  /** Where the chain stands after the group. */
  readonly position: ChainPosition
  /** The transaction's id, by which the server can be asked what became of it. */
  readonly xid: string
}

/**
 * Writes a group of which something may conflict, as one transaction in three round trips: what the transitions
 * stand on, their actions, and all the rest with the commit. Needs a pipelining client. Calls `committing` with what it will answer just
 * before it sends the commit: when it rejects after that, the connection may have broken around the commit.
 */
export async function writeGroup(
  client: pg.Client,
  replica: string,
  group: readonly PreparedTransition[],
  position: ChainPosition,
  now: number,
  shares: BudgetShares,
  committing: (written: GroupWritten) => unknown,
): Promise<GroupWritten> {
  const { xid, results } = await refusals(client, replica, group)
  await writeActions(client, group, results)
  // A lease that is taken beside this group makes its share unknown again, also while this waits for the others.
  const accounts = group.flatMap(([, , , , charges]) => charges.map(([account]) => account))
  for (let tries = 0; tries < MAX_LOADS && !accounts.every((account) => shares.has(account)); tries++)
    await shares.load(client, accounts)

  const survivors = group.filter((_, index) => results[index] === undefined)
  const totals = shares.total(survivors.flatMap(([, , , , charges]) => charges))
  const placed = placeRecords(survivors, replica, position)
  let survivor = 0
  for (const [index, refused] of results.entries()) results[index] = refused ?? placed.results[survivor++]
  const { last } = placed
  const written = { results: results as CommitResult[], position: last, xid }
  const statements = [
    ...shares.statements(totals),
    ...recordStatements(replica, placed),
    ...survivors.flatMap(smallTableStatements),
    ...survivors.flatMap(({ 9: approvals }) => (approvals === null ? [] : approvalStatements(approvals))),
    ...erasureStatements(survivors, now),
    {
      name: 'head',
      text: 'UPDATE chains SET seq = $2, hash = $3, clock = greatest(clock, $4) WHERE chain = $1',
      values: [replica, last.seq, last.hash, now],
    },
    // After a failure above, the server answers this with a rollback.
    { text: 'COMMIT' },
  ]
  committing(written)
  await Promise.all(statements.map((statement) => client.query(statement)))
  shares.apply(totals)
  return written
}

/** Opens the transaction and answers which transitions conflict already, by the agents, keys and logins they stand on. */
async function refusals(
  client: pg.Client,
  replica: string,
  group: readonly PreparedTransition[],
): Promise<{ readonly xid: string; readonly results: (CommitResult | undefined)[] }> {
  const unchanged = new Set<string>()
  const changed = new Set<string>()
  const keys: string[] = []
  const logins: string[] = []
  for (const [, agent, agentUnchanged, key, , , , login] of group) {
    if (agentUnchanged !== null) unchanged.add(agentUnchanged[0])
    if (agent !== null) changed.add(agent[1])
    if (key !== null) keys.push(key[1])
    if (login !== null) logins.push(login[1])
  }
  const names = [...new Set([...unchanged, ...changed])].toSorted()
  const begun = client.query('BEGIN')
  const alive = client.query<{ xid: string }>({ name: 'alive', text: ALIVE, values: [replica] })
  // A row that does not exist cannot be locked, so the name is: a pause waits for the groups that passed it
  // by, and the groups after it see it.
  const locked = [
    ...(changed.size > 0 ? [client.query(LOCK_AGENTS, [textArray([...changed].toSorted())])] : []),
    ...(unchanged.size > 0
      ? [
          client.query({
            name: 'share agents',
            text: SHARE_AGENTS,
            values: [textArray([...unchanged].toSorted())],
          }),
        ]
      : []),
  ]
  const versions =
    names.length === 0
      ? undefined
      : client.query<{ name: string; version: number }>({
          name: 'agent versions',
          text: 'SELECT name, version FROM agents WHERE name = ANY($1::text[])',
          values: [textArray(names)],
        })
  const present =
    keys.length === 0
      ? undefined
      : client.query<{ id: string }>('SELECT id FROM agent_keys WHERE id = ANY($1::text[]) FOR UPDATE', [
          textArray(keys),
        ])
  // Whoever was first is waited for, and then seen.
  const standing =
    logins.length === 0
      ? undefined
      : client.query<{ id: string; version: number }>(
          'SELECT id, version FROM logins WHERE id = ANY($1::text[]) FOR UPDATE',
          [textArray(logins)],
        )
  const [, aliveRows, agentRows, keyRows, loginRows] = await Promise.all([
    begun,
    alive,
    versions,
    present,
    standing,
    ...locked,
  ])
  const [own] = aliveRows.rows
  if (own === undefined) throw new BelayError('store:fenced', { replica })

  const versionOf = new Map((agentRows?.rows ?? []).map(({ name, version }) => [name, version]))
  const keysPresent = new Set((keyRows?.rows ?? []).map(({ id }) => id))
  const loginOf = new Map((loginRows?.rows ?? []).map(({ id, version }) => [id, version]))
  const refusedApprovals = new Map<PreparedTransition, 'standing' | 'absence' | undefined>()
  for (const transition of group)
    if (transition[9] !== null)
      refusedApprovals.set(transition, await approvalsRefusal(client, transition[9]))
  const refusedPrompts = new Set<PreparedPrompt>()
  for (const [, , , , , , , , prompt] of group)
    if (prompt !== null && (await isPromptRefused(client, prompt))) refusedPrompts.add(prompt)
  const results = group.map((transition): CommitResult | undefined => {
    const [, agent, agentUnchanged, key, , , , login, prompt] = transition
    if (agentUnchanged !== null && (versionOf.get(agentUnchanged[0]) ?? 0) !== agentUnchanged[1]) {
      return { status: 'conflict', on: 'agent' }
    }
    if (agent !== null && (versionOf.get(agent[1]) ?? null) !== agent[0])
      return { status: 'conflict', on: 'agent' }
    if (key !== null && keysPresent.has(key[1]) !== (key[0] === 'present'))
      return { status: 'conflict', on: 'key' }
    if (login !== null && (loginOf.get(login[1]) ?? null) !== login[0])
      return { status: 'conflict', on: 'login' }
    if (prompt !== null && refusedPrompts.has(prompt)) return { status: 'conflict', on: 'prompt' }
    const approvals = refusedApprovals.get(transition)
    if (approvals !== undefined) return { status: 'conflict', on: approvals }
    return undefined
  })
  return { xid: own.xid, results }
}

const LOCK_AGENTS =
  'SELECT pg_advisory_xact_lock(1114990957, hashtext(name)) FROM unnest($1::text[]) AS n (name)'
const SHARE_AGENTS =
  'SELECT pg_advisory_xact_lock_shared(1114990957, hashtext(name)) FROM unnest($1::text[]) AS n (name)'

/** Inserts and updates the actions that nothing refused, and marks those whose version had moved on. */
async function writeActions(
  client: pg.Client,
  group: readonly PreparedTransition[],
  results: (CommitResult | undefined)[],
): Promise<void> {
  const actions = group.map(([action], index) => (results[index] === undefined ? action : null))
  const inserts = actions.filter((action) => action !== null && action[0] === null) as PreparedAction[]
  const updates = actions.filter((action) => action !== null && action[0] !== null) as PreparedAction[]
  const [inserted, updated] = await Promise.all([
    inserts.length === 0 ? undefined : insertActions(client, inserts),
    updates.length === 0 ? undefined : updateActions(client, updates),
  ])
  const written = new Set([...(inserted?.rows ?? []), ...(updated?.rows ?? [])].map(({ id }) => id))
  const refused = inserts.filter(([, id]) => !written.has(id)).map(([, id]) => id)
  let existing = new Set<string>()
  if (refused.length > 0) {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM actions WHERE id = ANY($1)', [
      refused,
    ])
    existing = new Set(rows.map(({ id }) => id))
  }
  actions.forEach((action, index) => {
    if (action === null || written.has(action[1])) return
    const isNew = action[0] === null && !existing.has(action[1])
    results[index] = { status: 'conflict', on: isNew ? 'idempotency' : 'action' }
  })
}

function insertActions(
  client: pg.Client,
  rows: readonly PreparedAction[],
): Promise<pg.QueryResult<{ id: string }>> {
  const only = rows.map((row) => row[9] as PreparedInsert)
  return client.query({
    name: 'insert actions',
    text: `INSERT INTO actions (id, version, agent, name, session, state, decision, approval_id, idempotency_key,
        due_at, replica, proposed_at, measures, fixed, progress)
      SELECT * FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::int8[], $11::text[], $12::int8[], $13::text[], $14::text[], $15::text[])
      ON CONFLICT DO NOTHING RETURNING id`,
    values: [
      textArray(rows.map((row) => row[1])),
      bigintArray(rows.map((row) => row[2])),
      textArray(only.map((row) => row[0])),
      textArray(only.map((row) => row[1])),
      textArray(only.map((row) => row[2])),
      textArray(rows.map((row) => row[3])),
      textArray(rows.map((row) => row[4])),
      textArray(rows.map((row) => row[5])),
      textArray(only.map((row) => row[3])),
      bigintArray(rows.map((row) => row[6])),
      textArray(rows.map((row) => row[7])),
      bigintArray(only.map((row) => row[4])),
      textArray(only.map((row) => row[5])),
      textArray(only.map((row) => row[6])),
      textArray(rows.map((row) => row[8])),
    ],
  })
}

function updateActions(
  client: pg.Client,
  rows: readonly PreparedAction[],
): Promise<pg.QueryResult<{ id: string }>> {
  return client.query({
    name: 'update actions',
    text: `UPDATE actions a SET version = n.version, state = n.state, decision = n.decision,
        approval_id = coalesce(n.approval_id, a.approval_id), due_at = n.due_at, replica = n.replica,
        progress = n.progress
      FROM unnest($1::text[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[],
        $9::text[]) AS n (id, replaces, version, state, decision, approval_id, due_at, replica, progress)
      WHERE a.id = n.id AND a.version = n.replaces RETURNING a.id`,
    values: [
      textArray(rows.map((row) => row[1])),
      bigintArray(rows.map((row) => row[0])),
      bigintArray(rows.map((row) => row[2])),
      textArray(rows.map((row) => row[3])),
      textArray(rows.map((row) => row[4])),
      textArray(rows.map((row) => row[5])),
      bigintArray(rows.map((row) => row[6])),
      textArray(rows.map((row) => row[7])),
      textArray(rows.map((row) => row[8])),
    ],
  })
}

function recordStatements(chain: string, placed: PlacedRecords): pg.QueryConfig[] {
  if (placed.seqs.length === 0) return []
  const statements: pg.QueryConfig[] = [
    {
      name: 'insert records',
      text: `INSERT INTO records (chain, seq, hash, at, kind, action, agent, payload, text)
        SELECT $1, * FROM unnest($2::int8[], $3::text[], $4::int8[], $5::text[], $6::text[], $7::text[], $8::text[],
          $9::text[])`,
      values: [chain, ...placed.records],
    },
  ]
  if (placed.payloadCount > 0) {
    statements.push({
      name: 'insert payloads',
      text: `INSERT INTO payloads (chain, seq, digest, salt, text)
        SELECT $1, * FROM unnest($2::int8[], $3::text[], $4::text[], $5::text[])`,
      values: [chain, ...placed.payloads],
    })
  }
  if (placed.subjectCount > 0) {
    statements.push({
      text: `INSERT INTO payload_subjects (subject, action, kind)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
      values: [...placed.subjects],
    })
  }
  return statements
}

function smallTableStatements([, agent, , key, , , , login, prompt]: PreparedTransition): pg.QueryConfig[] {
  const statements: pg.QueryConfig[] = []
  if (agent !== null) {
    statements.push({
      text: `INSERT INTO agents (name, version, state, reason, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state,
          reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
      values: agent.slice(1),
    })
  }
  if (key !== null) {
    const update =
      'UPDATE agent_keys SET hash = $2, agent = $3, created_at = $4, revoked_at = $5 WHERE id = $1'
    const insert =
      'INSERT INTO agent_keys (id, hash, agent, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5)'
    statements.push({ text: key[0] === 'absent' ? insert : update, values: key.slice(1) })
  }
  if (login !== null) {
    const update = `UPDATE logins SET version = $2, kind = $3, hash = $4, person = $5, via = $6, roles = $7,
      claims = $8, created_at = $9, seen_at = $10, expires_at = $11, ended_at = $12 WHERE id = $1`
    const insert = `INSERT INTO logins (id, version, kind, hash, person, via, roles, claims, created_at, seen_at,
      expires_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
    statements.push({ text: login[0] === null ? insert : update, values: login.slice(1) })
  }
  if (prompt !== null) statements.push(...promptStatements(prompt))
  return statements
}

function erasureStatements(survivors: readonly PreparedTransition[], now: number): pg.QueryConfig[] {
  const refs = survivors.flatMap(([, , , , , , erase]) => erase)
  if (refs.length === 0) return []
  const [actions, kinds] = [
    textArray(refs.map(([action]) => action)),
    textArray(refs.map(([, kind]) => kind)),
  ]
  return [
    {
      text: `UPDATE payloads p SET salt = NULL, text = NULL, erased_at = $3
        FROM unnest($1::text[], $2::text[]) AS n (action, kind)
          JOIN records r ON r.action = n.action AND r.payload = n.kind
        WHERE p.chain = r.chain AND p.seq = r.seq AND p.erased_at IS NULL`,
      values: [actions, kinds, now],
    },
    {
      text: `DELETE FROM payload_subjects p USING unnest($1::text[], $2::text[]) AS n (action, kind)
        WHERE p.action = n.action AND p.kind = n.kind`,
      values: [actions, kinds],
    },
  ]
}

/**
 * Whether a transition can be written together with those before it: statements over a whole group see its
 * rows all at once, so no two of them may meet in one row.
 */
export function newGroup(): (transition: PreparedTransition) => boolean {
  const ids = new Set<string>()
  const idempotencyKeys = new Set<string>()
  let closed = false
  let size = 0
  return ([action, agent, , key, , , , login, prompt, approvals]) => {
    const alone = agent !== null || key !== null || login !== null || prompt !== null || approvals !== null
    if (closed || (alone && size > 0)) return false
    if (action !== null) {
      const idempotencyKey = action[9]?.[3] ?? null
      if (ids.has(action[1]) || (idempotencyKey !== null && idempotencyKeys.has(idempotencyKey))) return false
      ids.add(action[1])
      if (idempotencyKey !== null) idempotencyKeys.add(idempotencyKey)
    }
    closed = alone
    size++
    return true
  }
}
