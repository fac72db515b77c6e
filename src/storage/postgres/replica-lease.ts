import { performance } from 'node:perf_hooks'
import type pg from 'pg'
import { BelayError } from '../../errors/catalogue.ts'
import { DB_NOW, inTransaction } from './connections.ts'
import type { DatabaseClock } from './database-clock.ts'

/** Renews the lease and sets the clock. Throws `store:fenced` when another replica took this one over. */
export async function renewLease(
  pool: pg.Pool,
  replica: string,
  leaseMs: number,
  clock: DatabaseClock,
): Promise<void> {
  const asked = performance.now()
  const { rows } = await pool.query<{ now: number }>(
    `UPDATE replicas SET expires_at = ${DB_NOW} + $2::bigint WHERE id = $1 AND fenced_at IS NULL
     RETURNING ${DB_NOW} AS now`,
    [replica, leaseMs],
  )
  const [row] = rows
  if (row === undefined) throw new BelayError('store:fenced', { replica })
  clock.set(row.now, asked, performance.now())
}

/** Lets others take over at once what this replica leaves behind. */
export async function endLease(pool: pg.Pool, replica: string): Promise<void> {
  await pool.query('UPDATE replicas SET expires_at = 0 WHERE id = $1 AND fenced_at IS NULL', [replica])
}

/** Fences the replicas whose lease ran out, each in a transaction of its own, and frees their unused share. */
export async function takeOver(pool: pg.Pool, replica: string): Promise<readonly string[]> {
  const fenced: string[] = []
  for (;;) {
    const id = await inTransaction(pool, (client) => fenceOne(client, replica))
    if (id === undefined) return fenced
    fenced.push(id)
  }
}

/** A replica that is writing holds its row, and is passed over: its group ends before or is refused after. */
async function fenceOne(client: pg.ClientBase, replica: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM replicas WHERE fenced_at IS NULL AND expires_at <= ${DB_NOW} AND id <> $1
     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [replica],
  )
  const id = rows[0]?.id
  if (id === undefined) return undefined
  await client.query(`UPDATE replicas SET fenced_at = ${DB_NOW} WHERE id = $1`, [id])
  const unused = 'l.replica = $1 AND l.granted > l.reserved + l.spent'
  await client.query(
    `SELECT 1 FROM budget_accounts WHERE key IN (SELECT account FROM budget_leases l WHERE ${unused})
     ORDER BY key FOR UPDATE`,
    [id],
  )
  await client.query(
    `UPDATE budget_accounts a SET granted = a.granted - (l.granted - l.reserved - l.spent)
     FROM budget_leases l WHERE l.account = a.key AND ${unused}`,
    [id],
  )
  await client.query(`UPDATE budget_leases l SET granted = l.reserved + l.spent WHERE ${unused}`, [id])
  return id
}
