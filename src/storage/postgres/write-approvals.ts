import type pg from 'pg'
import type { PreparedApprovals } from '../prepared-approvals.ts'

/**
 * What a transition around approvals conflicts on. The rows stay locked until the end of the transaction: whoever was
 * first is waited for, and then seen.
 */
export async function approvalsRefusal(
  client: pg.Client,
  [, standing, use, absence]: PreparedApprovals,
): Promise<'standing' | 'absence' | undefined> {
  const version = async (table: string, id: string): Promise<number | null> => {
    const { rows } = await client.query<{ version: number }>(
      `SELECT version FROM ${table} WHERE id = $1 FOR UPDATE`,
      [id],
    )
    return rows[0]?.version ?? null
  }
  if (standing !== null && (await version('standing_approvals', standing[1])) !== standing[0])
    return 'standing'
  if (use !== null) {
    const { rowCount } = await client.query(
      `SELECT 1 FROM standing_approvals WHERE id = $1 AND revoked_at IS NULL AND expires_at > $3 AND used < max_count
        AND (max_sum IS NULL OR used_sum + $2 <= max_sum) FOR UPDATE`,
      [...use],
    )
    if (rowCount === 0) return 'standing'
  }
  if (absence !== null && (await version('absences', absence[1])) !== absence[0]) return 'absence'
  return undefined
}

export function approvalStatements([rewrite, standing, use, absence]: PreparedApprovals): pg.QueryConfig[] {
  const statements: pg.QueryConfig[] = []
  if (rewrite !== null)
    statements.push({
      text: 'UPDATE actions SET measures = $2, fixed = $3 WHERE id = $1',
      values: [...rewrite],
    })
  if (standing !== null)
    // How often it was used is counted by uses alone.
    statements.push({
      text: `INSERT INTO standing_approvals (id, version, agent, action, targets, bounds, max_count, sum_path, max_sum,
          reason, grants, created_by, created_at, expires_at, revoked_at, revoked_by, used, used_sum)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, 0)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, grants = excluded.grants,
          revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by`,
      values: standing.slice(1),
    })
  if (use !== null)
    statements.push({
      text: 'UPDATE standing_approvals SET used = used + 1, used_sum = used_sum + $2 WHERE id = $1',
      values: use.slice(0, 2),
    })
  if (absence !== null)
    statements.push({
      text: `INSERT INTO absences (id, version, person, substitute, from_at, until_at, reason, created_by, created_at,
          ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, ended_at = excluded.ended_at`,
      values: absence.slice(1),
    })
  return statements
}
