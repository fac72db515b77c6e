import { sql, type Kysely } from 'kysely'
import type { BaselineHead, BaselineKey, BaselineRow, BaselineWrite } from './baselines.ts'
import type { Tables } from './tables.ts'

/** As text: the writer thread takes no bytes, and a row is small. */
export function baselineValues({
  row,
}: BaselineWrite): readonly [string, string, string, number, number, string] {
  const { agent, action, kind, version, updatedAt, data } = row
  return [agent, action, kind, version, updatedAt, Buffer.from(data).toString('base64')]
}

export async function readBaselineHeads(db: Kysely<Tables>): Promise<readonly BaselineHead[]> {
  const rows = await db
    .selectFrom('baselines')
    .select(['agent', 'action', 'kind', 'version'])
    .orderBy('agent')
    .orderBy('action')
    .orderBy('kind')
    .execute()
  return rows.map((row) => ({ ...row, kind: row.kind as BaselineKey['kind'] }))
}

const AT_ONCE = 200

export async function readBaselines(
  db: Kysely<Tables>,
  keys: readonly BaselineKey[],
): Promise<readonly BaselineRow[]> {
  const found: BaselineRow[] = []
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const part = keys.slice(from, from + AT_ONCE)
    const wanted = sql.join(part.map(({ agent, action, kind }) => sql`(${agent}, ${action}, ${kind})`))
    const { rows } = await sql<Tables['baselines']>`SELECT agent, action, kind, version, updated_at, data
      FROM baselines WHERE (agent, action, kind) IN (VALUES ${wanted})`.execute(db)
    for (const { updated_at: updatedAt, data, kind, ...rest } of rows) {
      const bytes = new Uint8Array(Buffer.from(data, 'base64'))
      found.push({ ...rest, kind: kind as BaselineKey['kind'], updatedAt, data: bytes })
    }
  }
  return found
}
