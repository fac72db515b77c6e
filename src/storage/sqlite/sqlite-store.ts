import type { Statement } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { ExclusiveTurns } from '../exclusive-turns.ts'
import { GroupQueue } from '../group-queue.ts'
import { prepareTransition, type PreparedTransition } from '../prepared-transition.ts'
import { ACTION_COLUMNS, actionFrom } from '../action-row.ts'
import { chainHeads, StoreReads } from '../reads.ts'
import type { Action } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type {
  BudgetAccount,
  ChainHead,
  CommitResult,
  PurgedRecord,
  RecordRef,
  Store,
  Transition,
} from '../store.ts'
import { StoredTiles } from '../read-tiles.ts'
import type { Tables } from '../tables.ts'
import type { Tiles } from '../tiles.ts'
import type { Connection } from './connection.ts'
import type { MasterKey } from '../sealing/master-key.ts'
import { PayloadSeal } from '../sealing/seal-payloads.ts'
import { SubjectKeys, type SubjectKeyRow, type SubjectKeyRows } from '../sealing/subject-keys.ts'
import { pack } from './packed.ts'
import { purgeRuns } from './purge-runs.ts'
import type { KeyJob } from './subject-key-file.ts'
import { SqliteAlarms } from './sqlite-alarms.ts'
import { SqliteBaselines } from './sqlite-baselines.ts'
import { SqliteFollowers } from './sqlite-followers.ts'
import { SqliteRollups } from './sqlite-rollups.ts'
import { SqliteScores } from './sqlite-scores.ts'
import type { StatementRun } from './write-statements.ts'
import { WriterThread } from './writer-thread.ts'
import { CHAIN, type Job, type Written } from './writer-jobs.ts'

/** More would only lengthen the wait of the first in the group. */
const MAX_GROUP = 512
/** Groups under way at once: one is being decided on or answered, one written, one waits for the disk. */
const LANES = 3
/** A group costs two changes of thread, a sync and its pages of the log. */
const WORTHWHILE = 12

/** The embedded store: writes go to the writer thread in groups, reads to a connection of their own. */
export class SqliteStore extends StoreReads implements Store {
  readonly dialect = 'sqlite'
  readonly replica: string
  readonly tiles: Tiles
  readonly rollups: SqliteRollups
  readonly followers: SqliteFollowers
  readonly baselines: SqliteBaselines
  readonly alarms: SqliteAlarms
  readonly scores: SqliteScores
  protected readonly seal: PayloadSeal | null
  readonly #reader: Connection
  readonly #byId: Statement
  readonly #writer: WriterThread
  readonly #queue: GroupQueue<PreparedTransition, CommitResult>
  readonly #unlock: () => void
  readonly #listeners = new Set<() => void>()
  readonly #turns = new ExclusiveTurns()
  #clock: number
  /** The last write failed. */
  #failing = false
  #closing: Promise<void> | undefined

  constructor(parts: {
    readonly file: string
    readonly replica: string
    readonly clock: number
    readonly reader: Connection
    readonly unlock: () => void
    readonly masterKey: MasterKey | null
  }) {
    super(new Kysely<Tables>({ dialect: new SqliteDialect({ database: parts.reader }) }))
    this.replica = parts.replica
    this.tiles = new StoredTiles(this.db, {
      grow: async (growth) => (await this.#ask({ kind: 'grow tree', growth })) as boolean,
      keepCheckpoint: async (checkpoint) => void (await this.#ask({ kind: 'keep checkpoint', checkpoint })),
    })
    this.rollups = new SqliteRollups(this.db, (runs) => this.#runStatements(runs))
    this.followers = new SqliteFollowers(this.db, (runs) => this.#runStatements(runs))
    this.alarms = new SqliteAlarms(this.db, (runs) => this.#runStatements(runs))
    this.scores = new SqliteScores(this.db, (runs) => this.#runStatements(runs))
    this.baselines = new SqliteBaselines(this.db, (runs) => this.#runStatements(runs))
    this.seal = parts.masterKey === null ? null : this.#sealWith(parts.masterKey)
    this.#clock = parts.clock
    this.#reader = parts.reader
    this.#unlock = parts.unlock
    this.#writer = new WriterThread({ file: parts.file, replica: parts.replica })
    this.#queue = new GroupQueue({
      max: MAX_GROUP,
      lanes: LANES,
      worthwhile: WORTHWHILE,
      send: (group) => this.#write(group),
    })
    this.#byId = parts.reader.prepare(`SELECT ${ACTION_COLUMNS.join(', ')} FROM actions WHERE id = ?`)
  }

  /** Starts the chain of a new store with its genesis record. */
  async begin(): Promise<void> {
    const [head] = await this.chains()
    if (head !== undefined && head.seq > 0) return
    const at = this.now()
    const body = { store: 'sqlite', replica: this.replica }
    await this.commit({ records: [{ kind: 'genesis', at, action: null, agent: null, body }] })
  }

  /** Prepared, because an action is read on the hot path, where building the query costs more than running it. */
  override async action(id: string): Promise<Action | undefined> {
    const row = this.#byId.get(id) as Parameters<typeof actionFrom>[0] | undefined
    return row === undefined ? undefined : actionFrom(row)
  }

  now(): number {
    this.#clock = Math.max(this.#clock, Date.now())
    return this.#clock
  }

  async commit(transition: Transition): Promise<CommitResult> {
    this.#refuseWhenClosed()
    const sealing = this.seal?.seal(transition) ?? transition
    return this.#queue.add(prepareTransition(sealing instanceof Promise ? await sealing : sealing))
  }

  async lease(account: BudgetAccount, need: number): Promise<number> {
    this.#refuseWhenClosed()
    const { key, agent, unit, window, startsAt, endsAt, limit } = account
    const tuple = [key, agent, unit, window, startsAt, endsAt, limit] as const
    return (await this.#run({ kind: 'lease', account: tuple, need })) as number
  }

  async giveBack(account: string, amount: number): Promise<void> {
    this.#refuseWhenClosed()
    await this.#run({ kind: 'give back', account, amount })
  }

  async dropBudgets(before: number): Promise<void> {
    this.#refuseWhenClosed()
    await this.#run({ kind: 'drop budgets', before })
  }

  async dropLogins(before: number): Promise<void> {
    this.#refuseWhenClosed()
    await this.#run({ kind: 'drop logins', before })
  }

  starvedAccounts(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  async takeOverDeadReplicas(): Promise<readonly string[]> {
    this.#refuseWhenClosed()
    return (await this.#run({ kind: 'take over', now: this.now() })) as string[]
  }

  /** Whoever holds the folder's lock is alive. */
  /** After a write that failed, for example on a full disk: rejects until something can be written again. */
  async heartbeat(): Promise<void> {
    this.#refuseWhenClosed()
    if (this.#failing) await this.#run({ kind: 'sign of life', now: this.now() })
  }

  exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, work)
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
      .execute()
    return rows.map(actionFrom)
  }

  chains(): Promise<readonly ChainHead[]> {
    return chainHeads(this.db, null)
  }

  onCommit(listener: () => void): () => void {
    // The same function may listen twice; each of them unsubscribes itself.
    const entry = (): void => listener()
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  async purge(records: readonly PurgedRecord[], actions: readonly string[]): Promise<void> {
    await this.#runStatements(purgeRuns(records, actions))
  }

  async scrub(): Promise<void> {
    this.#refuseWhenClosed()
    await this.#run({ kind: 'scrub' })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#queue.idle()
    try {
      await this.#writer.close()
    } finally {
      this.#reader.close()
      this.#unlock()
    }
  }

  async #write(group: readonly PreparedTransition[]): Promise<readonly (CommitResult | Error)[]> {
    const job = { kind: 'commit', transitions: pack(group), now: this.now() } as const
    const written = (await this.#run(job)) as readonly Written[]
    const results = written.map(resultOf)
    // A fault in one transition is that transition's; when nothing could be written it may be the disk's.
    this.#failing = results.every((result) => result instanceof Error)
    for (const listener of this.#listeners) listener()
    return results
  }

  async #ask(job: Job): Promise<unknown> {
    this.#refuseWhenClosed()
    return this.#run(job)
  }

  #sealWith(masterKey: MasterKey): PayloadSeal {
    const run = (job: KeyJob): Promise<unknown> => {
      this.#refuseWhenClosed()
      return this.#run({ kind: 'subject keys', job })
    }
    const rows: SubjectKeyRows = {
      read: async (subjects) => (await run({ do: 'read', subjects })) as SubjectKeyRow[],
      insert: async (added, at) => void (await run({ do: 'insert', rows: added, at })),
      destroy: async (subject, at) => (await run({ do: 'destroy', subject, at })) as number,
    }
    // Nobody else destroys one: this process holds the folder.
    const believe = Number.POSITIVE_INFINITY
    return new PayloadSeal(new SubjectKeys(rows, masterKey, { now: () => this.now(), believe }))
  }

  async #runStatements(runs: readonly StatementRun[]): Promise<boolean> {
    this.#refuseWhenClosed()
    return (await this.#run({ kind: 'run', statements: pack(runs) })) as boolean
  }

  async #run(job: Job): Promise<unknown> {
    try {
      const answer = await this.#writer.run(job)
      this.#failing = false
      return answer
    } catch (error) {
      this.#failing = true
      throw error
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined)
      throw new BelayError('store:unavailable', { cause: 'the store is closed' })
  }
}

function resultOf(written: Written): CommitResult | Error {
  if ('fault' in written) return new BelayError('store:unavailable', { cause: written.fault })
  if ('conflict' in written) return { status: 'conflict', on: written.conflict }
  const records: RecordRef[] = []
  for (let index = 0; index < written.length; index += 2) {
    records.push({ chain: CHAIN, seq: written[index] as number, hash: written[index + 1] as string })
  }
  return { status: 'committed', records }
}
