import { sql, type ExpressionBuilder, type Kysely, type Selectable, type SqlBool } from 'kysely'
import type { Action } from '../action/action.ts'
import type { BudgetWindow } from '../action/budget-window.ts'
import { ACTION_COLUMNS, actionFrom, measuresFrom } from './action-row.ts'
import { ApprovalReads } from './read-approvals.ts'
import { PromptReads } from './prompt-reads.ts'
import type { Prompts } from './prompts.ts'
import type {
  ActionFilter,
  AgentRow,
  BudgetFilter,
  BudgetReport,
  ChainHead,
  HistoryEntry,
  HistoryFilter,
  KeyRow,
  PayloadRef,
  RecordKind,
  LoginRow,
  Store,
  StoredPayload,
  StoredRecord,
} from './store.ts'
import type { AgentKeysTable, AgentsTable, RecordsTable, LoginsTable, Tables } from './tables.ts'

// Literals, not parameters: a partial index serves only a query that names its condition.
const IS_EXECUTING = sql<SqlBool>`state = 'executing' AND due_at IS NOT NULL`
const FINISHED = sql<SqlBool>`state in ('succeeded', 'failed', 'unknown', 'undone')`
const RAN_OR_MAY_RUN = sql<SqlBool>`state not in ('denied', 'expired', 'cancelled')`

/** What reading needs of the seal on payloads of persons. */
interface OpensPayloads {
  /** `null` for the text of a payload when a key to it is destroyed. */
  open<P extends StoredPayload>(payloads: readonly P[]): Promise<readonly P[]>
  /** The name under which the store knows a person. */
  pseudonym(subject: string): Promise<string>
  /** Answers how many there were. */
  destroyKeys(subject: string): Promise<number>
}

/** What a store answers without changing anything: the same queries for both dialects. */
export abstract class StoreReads implements Partial<Store> {
  readonly approvals: ApprovalReads
  protected readonly db: Kysely<Tables>

  readonly prompts: Prompts

  constructor(db: Kysely<Tables>) {
    this.db = db
    this.approvals = new ApprovalReads(db)
    this.prompts = new PromptReads(db)
  }

  /** `null`: payloads of persons are kept as they are. */
  protected abstract readonly seal: OpensPayloads | null

  action(id: string): Promise<Action | undefined> {
    return actionWhere(this.db, 'id', id)
  }

  actionByApproval(approvalId: string): Promise<Action | undefined> {
    return actionWhere(this.db, 'approval_id', approvalId)
  }

  actionByIdempotency(key: string): Promise<Action | undefined> {
    return actionWhere(this.db, 'idempotency_key', key)
  }

  async actions(filter: ActionFilter): Promise<readonly Action[]> {
    const rows = await this.db
      .selectFrom('actions')
      .select(ACTION_COLUMNS)
      .where((eb) => matches(eb, filter))
      .orderBy('id', 'desc')
      .limit(filter.limit)
      .execute()
    return rows.map(actionFrom)
  }

  async executingIn(replicas: readonly string[]): Promise<readonly Action[]> {
    if (replicas.length === 0) return []
    const rows = await this.db
      .selectFrom('actions')
      .select(ACTION_COLUMNS)
      .where(IS_EXECUTING)
      .where('replica', 'in', replicas)
      .orderBy('id')
      .execute()
    return rows.map(actionFrom).filter(({ venue }) => venue === 'belay')
  }

  history(filter: HistoryFilter): Promise<readonly HistoryEntry[]> {
    return history(this.db, filter)
  }

  async recentFailures(agent: string, limit: number, since = 0): Promise<readonly boolean[]> {
    const rows = await this.db
      .selectFrom('actions')
      .select('state')
      .where('agent', '=', agent)
      .where('proposed_at', '>=', since)
      .where(FINISHED)
      .orderBy('proposed_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map(({ state }) => state === 'failed' || state === 'unknown')
  }

  payloads(actionId: string): Promise<readonly StoredPayload[]> {
    return this.payloadsOf([actionId])
  }

  async payloadsOf(actionIds: readonly string[]): Promise<readonly StoredPayload[]> {
    const stored = await payloads(this.db, actionIds)
    return this.seal === null ? stored : this.seal.open(stored)
  }

  sealedPayloadsOf(actionIds: readonly string[]): Promise<readonly StoredPayload[]> {
    return payloads(this.db, actionIds)
  }

  async agents(): Promise<readonly AgentRow[]> {
    const rows = await this.db.selectFrom('agents').selectAll().orderBy('name').execute()
    return rows.map(agentFrom)
  }

  async agent(name: string): Promise<AgentRow | undefined> {
    const row = await this.db.selectFrom('agents').selectAll().where('name', '=', name).executeTakeFirst()
    return row === undefined ? undefined : agentFrom(row)
  }

  async keys(): Promise<readonly KeyRow[]> {
    const rows = await this.db.selectFrom('agent_keys').selectAll().orderBy('id').execute()
    return rows.map(keyFrom)
  }

  async keyByHash(hash: string): Promise<KeyRow | undefined> {
    const row = await this.db.selectFrom('agent_keys').selectAll().where('hash', '=', hash).executeTakeFirst()
    return row === undefined ? undefined : keyFrom(row)
  }

  async logins(at: number): Promise<readonly LoginRow[]> {
    const rows = await this.db
      .selectFrom('logins')
      .selectAll()
      .where('ended_at', 'is', null)
      .where('expires_at', '>', at)
      .orderBy('id')
      .execute()
    return rows.map(loginFrom)
  }

  login(id: string): Promise<LoginRow | undefined> {
    return loginWhere(this.db, 'id', id)
  }

  loginByHash(hash: string): Promise<LoginRow | undefined> {
    return loginWhere(this.db, 'hash', hash)
  }

  async records(chain: string, afterSeq: number, limit: number): Promise<readonly StoredRecord[]> {
    const rows = await this.db
      .selectFrom('records')
      .select(RECORD_COLUMNS)
      .where('chain', '=', chain)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .limit(limit)
      .execute()
    return rows.map(recordFrom)
  }

  async recordsOf(actionId: string): Promise<readonly StoredRecord[]> {
    const rows = await this.db
      .selectFrom('records')
      .select(RECORD_COLUMNS)
      .where('action', '=', actionId)
      .orderBy('at')
      .orderBy('chain')
      .orderBy('seq')
      .execute()
    return rows.map(recordFrom)
  }

  payloadsToErase(
    what: { readonly subject: string } | { readonly action: string },
  ): Promise<readonly PayloadRef[]> {
    const stored =
      'subject' in what && this.seal !== null
        ? this.seal.pseudonym(what.subject).then((subject) => ({ subject }))
        : Promise.resolve(what)
    return stored.then((known) => payloadsToErase(this.db, known))
  }

  async destroySubjectKeys(subject: string): Promise<number> {
    return (await this.seal?.destroyKeys(subject)) ?? 0
  }

  budgets(filter: BudgetFilter): Promise<readonly BudgetReport[]> {
    return budgets(this.db, filter)
  }
}

async function actionWhere(
  db: Kysely<Tables>,
  column: 'id' | 'approval_id' | 'idempotency_key',
  value: string,
): Promise<Action | undefined> {
  const row = await db
    .selectFrom('actions')
    .select(ACTION_COLUMNS)
    .where(column, '=', value)
    .executeTakeFirst()
  return row === undefined ? undefined : actionFrom(row)
}

function matches(eb: ExpressionBuilder<Tables, 'actions'>, filter: ActionFilter) {
  const conditions = []
  if (filter.agent !== undefined) conditions.push(eb('agent', '=', filter.agent))
  if (filter.action !== undefined) conditions.push(eb('name', '=', filter.action))
  if (filter.session !== undefined) conditions.push(eb('session', '=', filter.session))
  if (filter.state !== undefined) conditions.push(eb('state', '=', filter.state))
  if (filter.decision !== undefined) conditions.push(eb('decision', '=', filter.decision))
  if (filter.since !== undefined) conditions.push(eb('proposed_at', '>=', filter.since))
  if (filter.before !== undefined) conditions.push(eb('id', '<', filter.before))
  return eb.and(conditions)
}

async function history(db: Kysely<Tables>, filter: HistoryFilter): Promise<readonly HistoryEntry[]> {
  let query = db
    .selectFrom('actions')
    .select(['id', 'agent', 'name', 'proposed_at', 'measures'])
    .where('proposed_at', '>=', filter.since)
    .where(RAN_OR_MAY_RUN)
  if (filter.agent !== undefined) query = query.where('agent', '=', filter.agent)
  if (filter.except !== undefined) query = query.where('id', '<>', filter.except)
  const rows = await query.orderBy('proposed_at').orderBy('id').execute()
  return rows.map(({ id, agent, name, proposed_at: at, measures }) => ({
    id,
    agent,
    name,
    at,
    measures: measuresFrom(measures),
  }))
}

/** The record knows whose payload it is and of which kind; what may be erased lies apart. */
function withRecords(db: Kysely<Tables>) {
  return db
    .selectFrom('records as r')
    .innerJoin('payloads as p', (join) => join.onRef('p.seq', '=', 'r.seq').onRef('p.chain', '=', 'r.chain'))
    .orderBy('r.action')
    .orderBy('r.payload')
}

async function payloads(db: Kysely<Tables>, actionIds: readonly string[]): Promise<readonly StoredPayload[]> {
  if (actionIds.length === 0) return []
  const rows = await withRecords(db)
    .select(['r.action', 'r.payload as kind', 'p.digest', 'p.salt', 'p.text', 'p.erased_at'])
    .where('r.action', 'in', actionIds)
    .execute()
  return rows.map(({ action, kind, erased_at: erasedAt, ...rest }) => ({
    action: action as string,
    kind: kind as string,
    ...rest,
    erasedAt,
  }))
}

async function payloadsToErase(
  db: Kysely<Tables>,
  what: { readonly subject: string } | { readonly action: string },
): Promise<PayloadRef[]> {
  if ('subject' in what)
    return db
      .selectFrom('payload_subjects')
      .select(['action', 'kind'])
      .where('subject', '=', what.subject)
      .orderBy('action')
      .orderBy('kind')
      .execute()
  const rows = await withRecords(db)
    .select(['r.payload as kind'])
    .where('r.action', '=', what.action)
    .where('p.erased_at', 'is', null)
    .execute()
  return rows.map(({ kind }) => ({ action: what.action, kind: kind as string }))
}

async function budgets(db: Kysely<Tables>, filter: BudgetFilter): Promise<readonly BudgetReport[]> {
  if (filter.keys?.length === 0) return []
  let query = db
    .selectFrom('budget_accounts as a')
    .leftJoin('budget_leases as l', 'l.account', 'a.key')
    .select(['a.key', 'a.agent', 'a.unit', 'a.window', 'a.starts_at', 'a.ends_at', 'a.max_amount'])
    // PostgreSQL sums bigints into a numeric, which would arrive as a string.
    .select(sql<number>`cast(coalesce(sum(l.reserved), 0) as bigint)`.as('reserved'))
    .select(sql<number>`cast(coalesce(sum(l.spent), 0) as bigint)`.as('spent'))
    .where('a.starts_at', '<=', filter.at)
    .where('a.ends_at', '>', filter.at)
    .groupBy(['a.key', 'a.agent', 'a.unit', 'a.window', 'a.starts_at', 'a.ends_at', 'a.max_amount'])
  if (filter.agent !== undefined) query = query.where('a.agent', '=', filter.agent)
  if (filter.keys !== undefined) query = query.where('a.key', 'in', [...filter.keys])
  if (filter.endsBy !== undefined) query = query.where('a.ends_at', '<=', filter.endsBy)
  const rows = await query.orderBy('a.key').execute()
  return rows.map((row) => ({
    key: row.key,
    agent: row.agent,
    unit: row.unit as BudgetReport['unit'],
    window: row.window as BudgetWindow,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    limit: row.max_amount,
    reserved: row.reserved,
    spent: row.spent,
  }))
}

/** The heads of all chains; `isLive` says which replicas still write. */
export async function chainHeads(db: Kysely<Tables>, now: number | null): Promise<readonly ChainHead[]> {
  const rows = await db
    .selectFrom('chains')
    .leftJoin('replicas', 'replicas.id', 'chains.replica')
    .select(['chains.chain', 'chains.seq', 'chains.hash', 'replicas.expires_at', 'replicas.fenced_at'])
    .orderBy('chains.chain')
    .execute()
  return rows.map(({ chain, seq, hash, expires_at: expiresAt, fenced_at: fencedAt }) => ({
    chain,
    seq,
    hash,
    live: fencedAt === null && (now === null || (expiresAt ?? 0) > now),
  }))
}

function agentFrom(row: Selectable<AgentsTable>): AgentRow {
  const { changed_by: changedBy, changed_at: changedAt, ...rest } = row
  return { ...rest, changedBy, changedAt }
}

function keyFrom(row: Selectable<AgentKeysTable>): KeyRow {
  const { created_at: createdAt, revoked_at: revokedAt, ...rest } = row
  return { ...rest, createdAt, revokedAt }
}

async function loginWhere(
  db: Kysely<Tables>,
  column: 'id' | 'hash',
  value: string,
): Promise<LoginRow | undefined> {
  const row = await db.selectFrom('logins').selectAll().where(column, '=', value).executeTakeFirst()
  return row === undefined ? undefined : loginFrom(row)
}

function loginFrom(row: Selectable<LoginsTable>): LoginRow {
  return {
    id: row.id,
    version: row.version,
    kind: row.kind as LoginRow['kind'],
    hash: row.hash,
    by: row.person,
    via: row.via as LoginRow['via'],
    roles: JSON.parse(row.roles) as string[],
    claims: JSON.parse(row.claims) as string[],
    createdAt: row.created_at,
    seenAt: row.seen_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
  }
}

const RECORD_COLUMNS = ['chain', 'seq', 'hash', 'at', 'kind', 'action', 'agent', 'text'] as const

function recordFrom({
  kind,
  ...rest
}: Pick<Selectable<RecordsTable>, (typeof RECORD_COLUMNS)[number]>): StoredRecord {
  return { ...rest, kind: kind as RecordKind }
}
