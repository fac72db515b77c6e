import { hash, randomBytes } from 'node:crypto'
import { v7 as uuid } from 'uuid'
import { BelayError } from '../../errors/catalogue.ts'
import type { KeyRow, Store } from '../../storage/store.ts'

/**
 * Makes a key for an agent: `blk_` and 32 random bytes in base64url. The store keeps only its SHA-256, so the
 * secret is in this answer and nowhere else. Recorded in the ledger in the same commit.
 */
export async function createKey(
  store: Store,
  agent: string,
  by: string,
): Promise<{ readonly row: KeyRow; readonly key: string }> {
  const key = `blk_${randomBytes(32).toString('base64url')}`
  const at = store.now()
  const row: KeyRow = {
    id: `key_${uuid()}`,
    hash: hash('sha256', key, 'hex'),
    agent,
    createdAt: at,
    revokedAt: null,
  }
  const result = await store.commit({
    key: { value: row, replaces: 'absent' },
    records: [{ kind: 'key', at, action: null, agent, body: { event: 'created', key_id: row.id, by } }],
  })
  if (result.status !== 'committed')
    throw new BelayError('store:unavailable', { cause: 'the new key was not taken' })
  return { row, key }
}

/** Revokes a key for good; revoking it again changes nothing. Throws `key:not_found`. */
export async function revokeKey(store: Store, id: string, by: string): Promise<KeyRow> {
  const row = (await store.keys()).find((each) => each.id === id)
  if (row === undefined) throw new BelayError('key:not_found', { id })
  if (row.revokedAt !== null) return row
  const at = store.now()
  const value: KeyRow = { ...row, revokedAt: at }
  const result = await store.commit({
    key: { value, replaces: 'present' },
    records: [
      { kind: 'key', at, action: null, agent: row.agent, body: { event: 'revoked', key_id: id, by } },
    ],
  })
  if (result.status !== 'committed') throw new BelayError('key:not_found', { id })
  return value
}
