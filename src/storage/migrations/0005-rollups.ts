import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { LATENCY_BUCKETS } from '../rollups.ts'
import type { Tables } from '../tables.ts'

/**
 * What is derived from the records. Each chain's follower writes rows of its own, so that replicas never wait for
 * one another; who reads adds them up.
 */
export function createRollups(dialect: 'sqlite' | 'postgres'): Migration {
  return { up: (db: Kysely<Tables>) => up(db, dialect) }
}

async function up(db: Kysely<Tables>, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const postgres = dialect === 'postgres'
  const run = (text: string): Promise<unknown> => sql.raw(text).execute(db)
  const inKey = postgres ? '' : ' WITHOUT ROWID'
  const id = postgres ? 'text COLLATE "C"' : 'text'
  const dimensions = `agent ${id} NOT NULL, action text NOT NULL, model text, prompt_name text, prompt_version text,
    prompt_digest text, release text, decision text NOT NULL, effective text NOT NULL, reason text`

  await run(`CREATE TABLE follower_positions (
    name text NOT NULL, chain text NOT NULL, seq bigint NOT NULL, PRIMARY KEY (name, chain))${inKey}`)
  await run(`CREATE TABLE spans (
    id ${id} PRIMARY KEY, version bigint NOT NULL, ${dimensions}, session ${id}, parent text, trace text,
    state text NOT NULL, proposed_at bigint NOT NULL, started_at bigint, ended_at bigint, outcome text,
    cost bigint NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, responded text,
    fingerprint text, approval text, undo text, tags text)`)
  await run('CREATE INDEX spans_by_session ON spans (agent, session, id) WHERE session IS NOT NULL')
  const buckets = Array.from({ length: LATENCY_BUCKETS }, (_, n) => `l${n} bigint NOT NULL`).join(', ')
  await run(`CREATE TABLE rollups (
    hour bigint NOT NULL, chain text NOT NULL, key ${id} NOT NULL, ${dimensions}, tag_name text, tag_value text, actions bigint NOT NULL,
    held bigint NOT NULL, approved bigint NOT NULL, rejected bigint NOT NULL, succeeded bigint NOT NULL,
    failed bigint NOT NULL, unknown bigint NOT NULL, undone bigint NOT NULL, cost bigint NOT NULL,
    input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, timed bigint NOT NULL,
    milliseconds bigint NOT NULL, ${buckets}, PRIMARY KEY (hour, chain, key))${inKey}`)
  await run(`CREATE TABLE agent_sessions (
    agent ${id} NOT NULL, session ${id} NOT NULL, chain ${id} NOT NULL, started_at bigint NOT NULL, seen_at bigint NOT NULL,
    actions bigint NOT NULL, model_calls bigint NOT NULL, denied bigint NOT NULL, held bigint NOT NULL,
    failed bigint NOT NULL, cost bigint NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
    models text NOT NULL, prompts text NOT NULL, releases text NOT NULL, decisions text NOT NULL,
    reasons text NOT NULL, PRIMARY KEY (agent, session, chain))${inKey}`)
  await run('CREATE INDEX agent_sessions_by_time ON agent_sessions (seen_at)')
  await run('CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent, seen_at)')
}
