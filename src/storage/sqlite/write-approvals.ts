import type { Statement } from 'better-sqlite3'
import type { PreparedApprovals } from '../prepared-approvals.ts'
import type { Connection } from './connection.ts'

/** Writes what transitions change around approvals, within the transaction of their group. */
export class ApprovalWriter {
  readonly #statements: Record<keyof typeof SQL, Statement>

  constructor(connection: Connection) {
    const entries = Object.entries(SQL).map(([name, text]) => [name, connection.prepare(text)])
    this.#statements = Object.fromEntries(entries) as Record<keyof typeof SQL, Statement>
  }

  /** To be asked before anything of the transition is written. */
  refusal([, standing, use, absence]: PreparedApprovals): 'standing' | 'absence' | undefined {
    const { standingVersion, absenceVersion, left } = this.#statements
    if (standing !== null && versionOf(standingVersion, standing[1]) !== standing[0]) return 'standing'
    if (use !== null && left.get(use[0], use[2], use[1]) === undefined) return 'standing'
    if (absence !== null && versionOf(absenceVersion, absence[1]) !== absence[0]) return 'absence'
    return undefined
  }

  write([rewrite, standing, use, absence]: PreparedApprovals): void {
    if (rewrite !== null) this.#statements.rewrite.run(rewrite[1], rewrite[2], rewrite[0])
    if (standing !== null) this.#statements.standing.run(...standing.slice(1))
    if (use !== null) this.#statements.use.run(use[1], use[0])
    if (absence !== null) this.#statements.absence.run(...absence.slice(1))
  }
}

function versionOf(statement: Statement, id: string): number | null {
  return (statement.get(id) as { version: number } | undefined)?.version ?? null
}

const SQL = {
  rewrite: 'UPDATE actions SET measures = ?, fixed = ? WHERE id = ?',
  standingVersion: 'SELECT version FROM standing_approvals WHERE id = ?',
  left: `SELECT 1 FROM standing_approvals WHERE id = ? AND revoked_at IS NULL AND expires_at > ? AND used < max_count
    AND (max_sum IS NULL OR used_sum + ? <= max_sum)`,
  // How often it was used is counted by uses alone.
  standing: `INSERT INTO standing_approvals (id, version, agent, action, targets, bounds, max_count, sum_path, max_sum,
      reason, grants, created_by, created_at, expires_at, revoked_at, revoked_by, used, used_sum)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, grants = excluded.grants,
      revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by`,
  use: 'UPDATE standing_approvals SET used = used + 1, used_sum = used_sum + ? WHERE id = ?',
  absenceVersion: 'SELECT version FROM absences WHERE id = ?',
  absence: `INSERT INTO absences (id, version, person, substitute, from_at, until_at, reason, created_by, created_at,
      ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, ended_at = excluded.ended_at`,
} as const
