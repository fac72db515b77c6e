import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { BelayError } from '../../errors/catalogue.ts'

const INT8: number = pg.types.builtins.INT8

/** int8 arrives as a string by default, because it may not fit; all of ours are safe integers. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') =>
    id === INT8 && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(id, format)) as typeof pg.types.getTypeParser,
}

export interface Connections {
  /** For reads and budgets. */
  readonly pool: pg.Pool
  /** Sessions that hold advisory locks; apart, so that whoever holds one never waits for a connection. */
  readonly locks: pg.Pool
  /** A client of its own for what needs one session; not yet connected. */
  client(options?: { readonly pipeline: boolean }): pg.Client
}

const CONNECT_TIMEOUT_MS = 5000
/** No statement of ours takes this long; a server that is silent for so long is lost. */
const QUERY_TIMEOUT_MS = 30_000

export function connectionsTo(url: string): Connections {
  const config = {
    connectionString: url,
    types,
    application_name: 'belay',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    lock_timeout: QUERY_TIMEOUT_MS / 2,
    idle_in_transaction_session_timeout: QUERY_TIMEOUT_MS,
  }
  const pool = new pg.Pool({ ...config, max: 8 })
  const locks = new pg.Pool({ ...config, max: 8 })
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', () => undefined)
  locks.on('error', () => undefined)
  return {
    pool,
    locks,
    client: (options) => {
      const client = new pg.Client({ ...config, ...options })
      client.on('error', () => undefined)
      return client
    },
  }
}

/** What the database did not answer. */
export function unanswered(error: unknown): never {
  if (error instanceof BelayError) throw error
  const cause = error instanceof Error ? error.message : String(error)
  throw new BelayError('store:unavailable', { cause }, { cause: error })
}

/** The pool as reads go through it: what it cannot answer is `store:unavailable`, a connection that nobody gave back too. */
export function readThrough(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => {
      const client = await pool.connect().catch(unanswered)
      const query = (text: string, values: unknown[]): Promise<unknown> =>
        client.query(text, values).catch(unanswered)
      return {
        query: query as PostgresPoolClient['query'],
        release: (destroy) => client.release(destroy),
      }
    },
    end: () => pool.end(),
  }
}

/** Runs `work` in one transaction on a connection of the pool. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('BEGIN')
    const answer = await work(client)
    await client.query('COMMIT')
    return answer
  } catch (error) {
    await client.query('ROLLBACK').catch(() => (broken = true))
    throw error
  } finally {
    client.release(broken)
  }
}

/** The database's clock in epoch milliseconds, as SQL: moving within a transaction, unlike `now()`. */
export const DB_NOW = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`
