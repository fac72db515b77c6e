import type { Statement } from 'better-sqlite3'
import { CHAIN_START, placeRecord, type ChainPosition } from '../hash-chain.ts'
import type {
  PreparedAction,
  PreparedAgent,
  PreparedKey,
  PreparedRecord,
  PreparedLogin,
  PreparedTransition,
} from '../prepared-transition.ts'
import type { Connection } from './connection.ts'
import { ManyRows } from './many-rows.ts'
import { ApprovalWriter } from './write-approvals.ts'
import type { BudgetWriter } from './write-budgets.ts'
import { PromptWriter } from './write-prompts.ts'
import { CHAIN, type Written } from './writer-jobs.ts'

/** Writes groups of transitions, each group as one transaction. Nothing else writes these tables. */
export class TransitionWriter {
  readonly #connection: Connection
  readonly #budgets: BudgetWriter
  readonly #prompts: PromptWriter
  readonly #approvals: ApprovalWriter
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #records: ManyRows
  readonly #payloads: ManyRows
  #position: ChainPosition
  readonly #agentVersions = new Map<string, number>()

  constructor(connection: Connection, budgets: BudgetWriter) {
    this.#connection = connection
    this.#budgets = budgets
    this.#prompts = new PromptWriter(connection)
    this.#approvals = new ApprovalWriter(connection)
    this.#statements = prepareStatements(connection)
    this.#records = new ManyRows(connection, INSERT_RECORDS, `('${CHAIN}', ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#payloads = new ManyRows(connection, INSERT_PAYLOADS, `('${CHAIN}', ?, ?, ?, ?)`)
    this.#position = this.#readPosition()
  }

  /**
   * Writes the group. When it fails, every transition is tried alone, so that one that cannot be written
   * does not take the others down. An empty group only writes the clock, and throws when even that fails.
   */
  write(transitions: readonly PreparedTransition[], now: number): readonly Written[] {
    try {
      return this.#writeTogether(transitions, now)
    } catch (error) {
      if (transitions.length === 0) throw error
      if (transitions.length === 1) return [{ fault: error instanceof Error ? error.message : String(error) }]
      return transitions.flatMap((transition) => this.write([transition], now))
    }
  }

  #writeTogether(transitions: readonly PreparedTransition[], now: number): Written[] {
    const { begin, commit, rollback, chain } = this.#statements
    begin.run()
    try {
      const written = transitions.map((transition) => this.#writeOne(transition, now))
      this.#flushRecords()
      this.#budgets.flush()
      chain.run(this.#position.seq, this.#position.hash, now, CHAIN)
      commit.run()
      return written
    } catch (error) {
      // A full disk may have rolled back already.
      if (this.#connection.inTransaction) rollback.run()
      this.#position = this.#readPosition()
      this.#agentVersions.clear()
      this.#records.clear()
      this.#payloads.clear()
      this.#budgets.reset()
      throw error
    }
  }

  /** All that can refuse comes before the first write, because a conflict must leave nothing behind. */
  #writeOne(transition: PreparedTransition, now: number): Written {
    const [action, agent, agentUnchanged, key, charges, records, erase, login, prompt, approvals] = transition
    if (agentUnchanged !== null && (this.#agentVersion(agentUnchanged[0]) ?? 0) !== agentUnchanged[1]) {
      return { conflict: 'agent' }
    }
    if (agent !== null && (this.#agentVersion(agent[1]) ?? null) !== agent[0]) return { conflict: 'agent' }
    if (key !== null && this.#keyIsPresent(key) !== (key[0] === 'present')) return { conflict: 'key' }
    if (login !== null && this.#loginVersion(login) !== login[0]) return { conflict: 'login' }
    if (prompt !== null && this.#prompts.isRefused(prompt)) return { conflict: 'prompt' }
    const held = approvals === null ? undefined : this.#approvals.refusal(approvals)
    if (held !== undefined) return { conflict: held }
    const plan = this.#budgets.plan(charges)
    const refused = action === null ? undefined : this.#writeAction(action)
    if (refused !== undefined) return { conflict: refused }
    this.#budgets.apply(plan)
    if (agent !== null) this.#writeAgent(agent)
    if (approvals !== null) this.#approvals.write(approvals)
    if (key !== null) this.#statements.key.run(key[1], key[2], key[3], key[4], key[5])
    if (login !== null) this.#statements.login.run(...login.slice(1))
    if (prompt !== null) this.#prompts.write(prompt)
    // What is erased may have been collected with this very group.
    if (erase.length > 0) this.#flushRecords()
    for (const [id, kind] of erase) {
      this.#statements.erasePayload.run(now, id, kind)
      this.#statements.eraseSubjects.run(id, kind)
    }
    const places: (string | number)[] = []
    for (const record of records) this.#append(record, places)
    return places
  }

  #writeAction(action: PreparedAction): 'action' | 'idempotency' | undefined {
    const [replaces, id, version, state, decision, approvalId, dueAt, replica, progress, insert] = action
    const { insertAction, updateAction, actionExists } = this.#statements
    if (insert === null) {
      const { changes } = updateAction.run(
        version,
        state,
        decision,
        approvalId,
        dueAt,
        replica,
        progress,
        id,
        replaces,
      )
      return changes === 1 ? undefined : 'action'
    }
    const [agent, name, session, idempotencyKey, proposedAt, measures, fixed] = insert
    const { changes } = insertAction.run(
      id,
      version,
      agent,
      name,
      session,
      state,
      decision,
      approvalId,
      idempotencyKey,
      dueAt,
      replica,
      proposedAt,
      measures,
      fixed,
      progress,
    )
    if (changes === 1) return undefined
    return actionExists.get(id) === undefined ? 'idempotency' : 'action'
  }

  #writeAgent([, name, version, state, reason, changedBy, changedAt]: PreparedAgent): void {
    this.#statements.agent.run(name, version, state, reason, changedBy, changedAt)
    this.#agentVersions.set(name, version)
  }

  #append(record: PreparedRecord, places: (string | number)[]): void {
    const placed = placeRecord(record, CHAIN, this.#position)
    const [at, kind, action, agent, , , , , payload] = record
    const payloadKind = payload === null ? null : payload[0]
    this.#records.add(placed.seq, placed.hash, at, kind, action, agent, payloadKind, placed.text)
    if (payload !== null && placed.sealed !== null) {
      this.#payloads.add(placed.seq, placed.sealed.digest, placed.sealed.salt, payload[1])
      for (const subject of payload[2]) this.#statements.insertSubject.run(subject, action, payload[0])
    }
    this.#position = placed
    places.push(placed.seq, placed.hash)
  }

  #flushRecords(): void {
    this.#records.flush()
    this.#payloads.flush()
  }

  #agentVersion(name: string): number | undefined {
    const known = this.#agentVersions.get(name)
    if (known !== undefined) return known
    const row = this.#statements.agentVersion.get(name) as { version: number } | undefined
    if (row === undefined) return undefined
    this.#agentVersions.set(name, row.version)
    return row.version
  }

  #keyIsPresent([, id]: PreparedKey): boolean {
    return this.#statements.keyExists.get(id) !== undefined
  }

  dropLogins(before: number): void {
    this.#statements.dropLogins.run(before, before)
  }

  #loginVersion([, id]: PreparedLogin): number | null {
    const row = this.#statements.loginVersion.get(id) as { version: number } | undefined
    return row?.version ?? null
  }

  #readPosition(): ChainPosition {
    return (this.#statements.position.get(CHAIN) as ChainPosition | undefined) ?? CHAIN_START
  }
}

function prepareStatements(connection: Connection): Record<StatementName, Statement> {
  const entries = Object.entries(SQL).map(([name, text]) => [name, connection.prepare(text)])
  return Object.fromEntries(entries) as Record<StatementName, Statement>
}

const INSERT_RECORDS = 'INSERT INTO records (chain, seq, hash, at, kind, action, agent, payload, text)'
const INSERT_PAYLOADS = 'INSERT INTO payloads (chain, seq, digest, salt, text)'

type StatementName = keyof typeof SQL

const SQL = {
  // A deferred begin would fail with SQLITE_BUSY_SNAPSHOT at its first write.
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  position: 'SELECT seq, hash FROM chains WHERE chain = ?',
  chain: 'UPDATE chains SET seq = ?, hash = ?, clock = max(clock, ?) WHERE chain = ?',
  insertAction: `INSERT INTO actions (id, version, agent, name, session, state, decision, approval_id,
      idempotency_key, due_at, replica, proposed_at, measures, fixed, progress)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  updateAction: `UPDATE actions SET version = ?, state = ?, decision = ?, approval_id = coalesce(?, approval_id), due_at = ?, replica = ?,
    progress = ? WHERE id = ? AND version = ?`,
  actionExists: 'SELECT 1 FROM actions WHERE id = ?',
  agentVersion: 'SELECT version FROM agents WHERE name = ?',
  agent: `INSERT INTO agents (name, version, state, reason, changed_by, changed_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state,
      reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
  keyExists: 'SELECT 1 FROM agent_keys WHERE id = ?',
  key: `INSERT INTO agent_keys (id, hash, agent, created_at, revoked_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, agent = excluded.agent,
      created_at = excluded.created_at, revoked_at = excluded.revoked_at`,
  dropLogins: 'DELETE FROM logins WHERE expires_at < ? OR ended_at < ?',
  loginVersion: 'SELECT version FROM logins WHERE id = ?',
  login: `INSERT INTO logins (id, version, kind, hash, person, via, roles, claims, created_at, seen_at, expires_at,
      ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, kind = excluded.kind, hash = excluded.hash,
      person = excluded.person, via = excluded.via, roles = excluded.roles, claims = excluded.claims,
      seen_at = excluded.seen_at, expires_at = excluded.expires_at, ended_at = excluded.ended_at`,
  insertSubject:
    'INSERT INTO payload_subjects (subject, action, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  erasePayload: `UPDATE payloads SET salt = NULL, text = NULL, erased_at = ?
    WHERE seq = (SELECT seq FROM records WHERE action = ? AND payload = ?) AND erased_at IS NULL`,
  eraseSubjects: 'DELETE FROM payload_subjects WHERE action = ? AND kind = ?',
} as const
