import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import type { Action } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { ExclusiveTurns } from '../exclusive-turns.ts'
import { GroupQueue } from '../group-queue.ts'
import { prepareTransition, type PreparedTransition } from '../prepared-transition.ts'
import { ACTION_COLUMNS, actionFrom } from '../action-row.ts'
import { chainHeads, StoreReads } from '../reads.ts'
import type { BudgetAccount, ChainHead, CommitResult, PurgedRecord, Store, Transition } from '../store.ts'
import { StoredTiles } from '../read-tiles.ts'
import type { Tables } from '../tables.ts'
import type { Tiles } from '../tiles.ts'
import { type Connections, readThrough, unanswered } from './connections.ts'
import type { DatabaseClock } from './database-clock.ts'
import { GroupWriter } from './group-writer.ts'
import { Listener } from './listener.ts'
import { PostgresAlarms } from './postgres-alarms.ts'
import { PostgresBaselines } from './postgres-baselines.ts'
import { PostgresFollowers } from './postgres-followers.ts'
import type { MasterKey } from '../sealing/master-key.ts'
import { PayloadSeal } from '../sealing/seal-payloads.ts'
import { SubjectKeys } from '../sealing/subject-keys.ts'
import { PostgresRollups } from './postgres-rollups.ts'
import { PostgresScores } from './postgres-scores.ts'
import { purge } from './purge.ts'
import { SubjectKeyTable } from './subject-key-table.ts'
import { endLease, renewLease, takeOver } from './replica-lease.ts'
import { BudgetShares } from './write-budgets.ts'
import { growTree, keepCheckpoint } from './write-tiles.ts'
import { newGroup } from './write-transitions.ts'

const MAX_GROUP = 512
/** The longest that a key which another replica destroyed is still used here, ms. */
const BELIEVE_KEYS_MS = 30_000

/** One replica's view of the shared store: it writes a chain of its own, in groups, through one session. */
export class PostgresStore extends StoreReads implements Store {
  readonly dialect = 'postgres'
  readonly replica: string
  readonly tiles: Tiles
  readonly rollups: PostgresRollups
  readonly followers: PostgresFollowers
  readonly baselines: PostgresBaselines
  readonly alarms: PostgresAlarms
  readonly scores: PostgresScores
  protected readonly seal: PayloadSeal | null
  readonly #connections: Connections
  readonly #clock: DatabaseClock
  readonly #leaseMs: number
  readonly #shares: BudgetShares
  readonly #writer: GroupWriter
  readonly #queue: GroupQueue<PreparedTransition, CommitResult>
  readonly #listener: Listener
  readonly #listeners = new Set<() => void>()
  readonly #turns = new ExclusiveTurns()
  #closing: Promise<void> | undefined

  constructor(parts: {
    readonly connections: Connections
    readonly replica: string
    readonly clock: DatabaseClock
    readonly leaseMs: number
    readonly masterKey: MasterKey | null
  }) {
    const { connections, replica, clock } = parts
    super(new Kysely<Tables>({ dialect: new PostgresDialect({ pool: readThrough(connections.pool) }) }))
    this.replica = replica
    this.tiles = new StoredTiles(this.db, {
      grow: (growth) => this.#answer(() => growTree(connections.pool, growth)),
      keepCheckpoint: (checkpoint) => this.#answer(() => keepCheckpoint(connections.pool, checkpoint)),
    })
    this.rollups = new PostgresRollups(this.db, connections.pool)
    this.followers = new PostgresFollowers(this.db, connections.pool)
    this.alarms = new PostgresAlarms(this.db, connections.pool)
    this.scores = new PostgresScores(this.db, connections.pool)
    this.baselines = new PostgresBaselines(this.db, connections.pool)
    const keys =
      parts.masterKey === null
        ? null
        : new SubjectKeys(new SubjectKeyTable(connections.pool), parts.masterKey, {
            now: () => clock.now(),
            believe: BELIEVE_KEYS_MS,
          })
    this.seal = keys === null ? null : new PayloadSeal(keys)
    this.#connections = connections
    this.#clock = clock
    this.#leaseMs = parts.leaseMs
    this.#shares = new BudgetShares(connections.pool, replica)
    this.#writer = new GroupWriter(connections, replica, this.#shares, () => clock.now())
    this.#queue = new GroupQueue({ max: MAX_GROUP, newGroup, send: (group) => this.#write(group) })
    this.#listener = new Listener(connections, replica, () => this.#tell())
  }

  /** Starts to listen, and this replica's chain with its genesis record. */
  async begin(): Promise<void> {
    await this.#listener.start()
    const body = { store: 'postgres', replica: this.replica }
    await this.commit({ records: [{ kind: 'genesis', at: this.now(), action: null, agent: null, body }] })
  }

  now(): number {
    return this.#clock.now()
  }

  async commit(transition: Transition): Promise<CommitResult> {
    this.#refuseWhenClosed()
    const sealing = this.seal?.seal(transition) ?? transition
    return this.#queue.add(prepareTransition(sealing instanceof Promise ? await sealing : sealing))
  }

  async lease(account: BudgetAccount, need: number): Promise<number> {
    return this.#answer(() => this.#shares.lease(account, need))
  }

  async giveBack(account: string, amount: number): Promise<void> {
    return this.#answer(() => this.#shares.giveBack(account, amount))
  }

  async dropBudgets(before: number): Promise<void> {
    return this.#answer(() => this.#shares.drop(before))
  }

  async dropLogins(before: number): Promise<void> {
    const ended = 'DELETE FROM logins WHERE expires_at < $1 OR ended_at < $1'
    return this.#answer(async () => void (await this.#connections.pool.query(ended, [before])))
  }

  starvedAccounts(): Promise<readonly string[]> {
    return Promise.resolve(this.#listener.takeStarved())
  }

  async takeOverDeadReplicas(): Promise<readonly string[]> {
    return this.#answer(() => takeOver(this.#connections.pool, this.replica))
  }

  async heartbeat(): Promise<void> {
    return this.#answer(() => renewLease(this.#connections.pool, this.replica, this.#leaseMs, this.#clock))
  }

  exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, () => this.#locked(key, work))
  }

  async dueActions(at: number, limit: number): Promise<readonly Action[]> {
    const rows = await this.db
      .selectFrom('actions')
      .select(ACTION_COLUMNS)
      .where('due_at', 'is not', null)
      .where('due_at', '<=', at)
      .orderBy('due_at')
      .orderBy('id')
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute()
    return rows.map(actionFrom)
  }

  chains(): Promise<readonly ChainHead[]> {
    return chainHeads(this.db, this.now())
  }

  onCommit(listener: () => void): () => void {
    const entry = (): void => listener()
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  async purge(records: readonly PurgedRecord[], actions: readonly string[]): Promise<void> {
    await this.#answer(() => purge(this.#connections.pool, records, actions))
  }

  /** Frees the space of what was erased. What replicas and backups hold is theirs to forget. */
  async scrub(): Promise<void> {
    await this.#answer(async () => {
      await this.#connections.pool.query('VACUUM payloads, payload_subjects')
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#queue.idle()
    const { pool, locks } = this.#connections
    await this.#listener.close()
    await this.#writer.close()
    await endLease(pool, this.replica).catch(() => undefined)
    await Promise.all([pool.end(), locks.end()])
  }

  async #write(group: readonly PreparedTransition[]): Promise<readonly (CommitResult | Error)[]> {
    const results = await this.#writer.write(group)
    this.#tell()
    this.#listener.announce()
    return results
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  async #locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    const client = await this.#answer(() => this.#lock(key))
    let broken = true
    try {
      const answer = await work()
      return answer
    } finally {
      broken = await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [key]).then(
        () => false,
        () => true,
      )
      client.release(broken)
    }
  }

  async #lock(key: string): Promise<pg.PoolClient> {
    const client = await this.#connections.locks.connect()
    try {
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [key])
      return client
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  async #answer<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseWhenClosed()
    return work().catch(unanswered)
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined)
      throw new BelayError('store:unavailable', { cause: 'the store is closed' })
  }
}
