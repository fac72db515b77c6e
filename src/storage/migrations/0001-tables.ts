import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/**
 * The first schema. Every index on `actions` and `records` costs microseconds on the hot path, so there are few:
 * partial ones cover only the rows that still wait for something.
 */
export function createTables(dialect: 'sqlite' | 'postgres'): Migration {
  return { up: (db: Kysely<Tables>) => up(db, dialect) }
}

async function up(db: Kysely<Tables>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const postgres = dialect === 'postgres'
  const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
  // SQLite keeps rows of a small table in its primary key's tree only when asked to.
  const inKey = postgres ? '' : ' WITHOUT ROWID'
  // Ids compare by bytes on both, whatever the locale of the cluster.
  const id = postgres ? 'text COLLATE "C"' : 'text'

  await run(`CREATE TABLE actions (
    id ${id} PRIMARY KEY, version bigint NOT NULL, agent ${id} NOT NULL, name text NOT NULL, session text,
    state text NOT NULL, decision text NOT NULL, approval_id text, idempotency_key text, due_at bigint,
    replica text NOT NULL, proposed_at bigint NOT NULL, measures text NOT NULL, fixed text NOT NULL,
    progress text NOT NULL)`)
  await run('CREATE INDEX actions_by_agent ON actions (agent, proposed_at, id)')
  await run(
    postgres
      ? 'CREATE INDEX actions_by_time ON actions USING brin (proposed_at)'
      : 'CREATE INDEX actions_by_time ON actions (proposed_at)',
  )
  await run('CREATE INDEX actions_due ON actions (due_at) WHERE due_at IS NOT NULL')
  await run('CREATE INDEX actions_by_approval ON actions (approval_id) WHERE approval_id IS NOT NULL')
  await run(
    'CREATE UNIQUE INDEX actions_by_idempotency ON actions (idempotency_key) WHERE idempotency_key IS NOT NULL',
  )

  // On SQLite there is one chain, so seq alone is the key: it is the row id, and appending costs no second tree.
  const place = postgres ? 'seq bigint NOT NULL' : 'seq integer PRIMARY KEY'
  const placeKey = postgres ? ', PRIMARY KEY (chain, seq)' : ''
  await run(`CREATE TABLE records (
    chain text NOT NULL, ${place}, hash text NOT NULL, at bigint NOT NULL, kind text NOT NULL,
    action ${id}, agent text, payload text, text text NOT NULL${placeKey})`)
  await run('CREATE UNIQUE INDEX records_by_action ON records (action, payload) WHERE action IS NOT NULL')
  await run(`CREATE TABLE payloads (
    chain text NOT NULL, ${place}, digest text NOT NULL, salt text, text text, erased_at bigint${placeKey})`)
  await run(`CREATE TABLE payload_subjects (
    subject text NOT NULL, action ${id} NOT NULL, kind text NOT NULL, PRIMARY KEY (subject, action, kind))${inKey}`)
  await run(`CREATE TABLE agents (
    name text PRIMARY KEY, version bigint NOT NULL, state text NOT NULL, reason text, changed_by text,
    changed_at bigint NOT NULL)${inKey}`)
  await run(`CREATE TABLE agent_keys (
    id text PRIMARY KEY, hash text NOT NULL UNIQUE, agent text NOT NULL, created_at bigint NOT NULL,
    revoked_at bigint)${inKey}`)
  await run(`CREATE TABLE budget_accounts (
    key text PRIMARY KEY, agent text, unit text NOT NULL, "window" text NOT NULL, starts_at bigint NOT NULL,
    ends_at bigint NOT NULL, max_amount bigint NOT NULL, granted bigint NOT NULL, starved_at bigint,
    starved_by text)${inKey}`)
  await run('CREATE INDEX budget_accounts_by_end ON budget_accounts (ends_at)')
  await run(`CREATE TABLE budget_leases (
    account text NOT NULL, replica text NOT NULL, granted bigint NOT NULL, reserved bigint NOT NULL,
    spent bigint NOT NULL, PRIMARY KEY (account, replica), CHECK (granted >= reserved + spent))${inKey}`)
  await run('CREATE INDEX budget_leases_by_replica ON budget_leases (replica)')
  await run(`CREATE TABLE replicas (
    id text PRIMARY KEY, expires_at bigint NOT NULL, fenced_at bigint)${inKey}`)
  await run(`CREATE TABLE chains (
    chain text PRIMARY KEY, replica text NOT NULL, seq bigint NOT NULL, hash text NOT NULL,
    clock bigint NOT NULL)${inKey}`)
}
