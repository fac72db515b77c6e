import type { Kysely, Selectable } from 'kysely'
import type { AbsenceRow, Approvals, Bound, Grant, StandingRow } from './approvals.ts'
import type { AbsencesTable, StandingApprovalsTable, Tables } from './tables.ts'

/** The same queries for both dialects. */
export class ApprovalReads implements Approvals {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async standing(filter: Parameters<Approvals['standing']>[0]): Promise<readonly StandingRow[]> {
    let query = this.#db.selectFrom('standing_approvals').selectAll()
    if (filter.agent !== undefined) query = query.where('agent', '=', filter.agent)
    if (filter.action !== undefined) query = query.where('action', '=', filter.action)
    if (filter.before !== undefined) query = query.where('id', '<', filter.before)
    if (filter.open !== undefined)
      query = query
        .where('revoked_at', 'is', null)
        .where('expires_at', '>', filter.open)
        .whereRef('used', '<', 'max_count')
    const rows = await query.orderBy('id', 'desc').limit(filter.limit).execute()
    return rows.map(standingFrom)
  }

  async standingById(id: string): Promise<StandingRow | undefined> {
    const row = await this.#db
      .selectFrom('standing_approvals')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : standingFrom(row)
  }

  async absences(at: number): Promise<readonly AbsenceRow[]> {
    const rows = await this.#db
      .selectFrom('absences')
      .selectAll()
      .where('ended_at', 'is', null)
      .where('until_at', '>', at)
      .orderBy('id')
      .execute()
    return rows.map(absenceFrom)
  }

  async absence(id: string): Promise<AbsenceRow | undefined> {
    const row = await this.#db.selectFrom('absences').selectAll().where('id', '=', id).executeTakeFirst()
    return row === undefined ? undefined : absenceFrom(row)
  }
}

function standingFrom(row: Selectable<StandingApprovalsTable>): StandingRow {
  return {
    id: row.id,
    version: row.version,
    agent: row.agent,
    action: row.action,
    targets: JSON.parse(row.targets) as string[],
    bounds: JSON.parse(row.bounds) as Record<string, Bound>,
    maxCount: row.max_count,
    maxSum: row.sum_path === null || row.max_sum === null ? null : { path: row.sum_path, limit: row.max_sum },
    reason: row.reason,
    grants: JSON.parse(row.grants) as Grant[],
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    used: row.used,
    usedSum: row.used_sum,
  }
}

function absenceFrom(row: Selectable<AbsencesTable>): AbsenceRow {
  return {
    id: row.id,
    version: row.version,
    person: row.person,
    substitute: row.substitute,
    from: row.from_at,
    until: row.until_at,
    reason: row.reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }
}
