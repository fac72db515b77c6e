import type pg from 'pg'
import type { PurgedRecord } from '../store.ts'
import { bigintArray, textArray } from './binary-array.ts'
import { inTransaction } from './connections.ts'

/** Puts what is left of records in their place, and drops their actions. */
export async function purge(
  pool: pg.Pool,
  records: readonly PurgedRecord[],
  actions: readonly string[],
): Promise<void> {
  const places = [textArray(records.map(({ chain }) => chain)), bigintArray(records.map(({ seq }) => seq))]
  await inTransaction(pool, async (client) => {
    await client.query(
      `UPDATE records r SET text = n.text, action = NULL, agent = NULL, payload = NULL
       FROM unnest($1::text[], $2::int8[], $3::text[]) AS n (chain, seq, text)
       WHERE r.chain = n.chain AND r.seq = n.seq`,
      [...places, textArray(records.map(({ text }) => text))],
    )
    await client.query(
      `DELETE FROM payloads p USING unnest($1::text[], $2::int8[]) AS n (chain, seq)
       WHERE p.chain = n.chain AND p.seq = n.seq`,
      places,
    )
    const ids = [textArray(actions)]
    await client.query('DELETE FROM payload_subjects WHERE action = ANY($1::text[])', ids)
    await client.query('DELETE FROM quality_scores WHERE action = ANY($1::text[])', ids)
    await client.query('DELETE FROM spans WHERE id = ANY($1::text[])', ids)
    await client.query('DELETE FROM actions WHERE id = ANY($1::text[])', ids)
  })
}
