import { Kysely, SqliteDialect } from 'kysely'
import { ExclusiveTurns } from '../exclusive-turns.ts'
import { GroupQueue } from '../group-queue.ts'
import { prepareTransition, type PreparedTransition } from '../prepared-transition.ts'
import { ACTION_COLUMNS, actionFrom } from '../action-row.ts'
import { chainHeads, readsOf, type Reads } from '../reads.ts'
import type { Action } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { BudgetAccount, ChainHead, CommitResult, RecordRef, Store, Transition } from '../store.ts'
import type { Tables } from '../tables.ts'
import type { Connection } from './connection.ts'
import { WriterThread } from './writer-thread.ts'
import { CHAIN, type Written } from './writer-jobs.ts'

/** More would only lengthen the wait of the first in the group. */
const MAX_GROUP = 512
/** Groups under way at once: one is written, one waits for the disk, one is being answered. */
const LANES = 3

/** The embedded store: writes go to the writer thread in groups, reads to a connection of their own. */
export class SqliteStore implements Store {
  readonly dialect = 'sqlite'
  readonly replica: string
  readonly #reader: Connection
  readonly #db: Kysely<Tables>
  readonly #writer: WriterThread
  readonly #queue: GroupQueue<PreparedTransition, CommitResult>
  readonly #unlock: () => void
  readonly #listeners = new Set<() => void>()
  readonly #turns = new ExclusiveTurns()
  #clock: number
  #closing: Promise<void> | undefined

  readonly action: Reads['action']
  readonly actionByApproval: Reads['actionByApproval']
  readonly actionByIdempotency: Reads['actionByIdempotency']
  readonly actions: Reads['actions']
  readonly executingIn: Reads['executingIn']
  readonly history: Reads['history']
  readonly recentFailures: Reads['recentFailures']
  readonly payloadsOf: Reads['payloadsOf']
  readonly payloads: Reads['payloads']
  readonly agents: Reads['agents']
  readonly agent: Reads['agent']
  readonly keys: Reads['keys']
  readonly keyByHash: Reads['keyByHash']
  readonly records: Reads['records']
  readonly recordsOf: Reads['recordsOf']
  readonly payloadsToErase: Reads['payloadsToErase']
  readonly budgets: Reads['budgets']

  constructor(parts: {
    readonly file: string
    readonly replica: string
    readonly clock: number
    readonly reader: Connection
    readonly unlock: () => void
  }) {
    this.replica = parts.replica
    this.#clock = parts.clock
    this.#reader = parts.reader
    this.#unlock = parts.unlock
    this.#db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: parts.reader }) })
    this.#writer = new WriterThread({ file: parts.file, replica: parts.replica })
    this.#queue = new GroupQueue({
      max: MAX_GROUP,
      lanes: LANES,
      send: (group) => this.#write(group),
    })

    const reads = readsOf(this.#db)
    // An action is read on the hot path, where building the query would cost more than running it.
    const byId = parts.reader.prepare(`SELECT ${ACTION_COLUMNS.join(', ')} FROM actions WHERE id = ?`)
    this.action = async (id) => {
      const row = byId.get(id) as Parameters<typeof actionFrom>[0] | undefined
      return row === undefined ? undefined : actionFrom(row)
    }
    this.actionByApproval = reads.actionByApproval
    this.actionByIdempotency = reads.actionByIdempotency
    this.actions = reads.actions
    this.executingIn = reads.executingIn
    this.history = reads.history
    this.recentFailures = reads.recentFailures
    this.payloadsOf = reads.payloadsOf
    this.payloads = reads.payloads
    this.agents = reads.agents
    this.agent = reads.agent
    this.keys = reads.keys
    this.keyByHash = reads.keyByHash
    this.records = reads.records
    this.recordsOf = reads.recordsOf
    this.payloadsToErase = reads.payloadsToErase
    this.budgets = reads.budgets
  }

  /** Starts the chain of a new store with its genesis record. */
  async begin(): Promise<void> {
    const [head] = await this.chains()
    if (head !== undefined && head.seq > 0) return
    const at = this.now()
    const body = { store: 'sqlite', replica: this.replica }
    await this.commit({ records: [{ kind: 'genesis', at, action: null, agent: null, body }] })
  }

  now(): number {
    this.#clock = Math.max(this.#clock, Date.now())
    return this.#clock
  }

  async commit(transition: Transition): Promise<CommitResult> {
    this.#refuseWhenClosed()
    return this.#queue.add(prepareTransition(transition))
  }

  async lease(account: BudgetAccount, need: number): Promise<number> {
    this.#refuseWhenClosed()
    const { key, agent, unit, window, startsAt, endsAt, limit } = account
    const tuple = [key, agent, unit, window, startsAt, endsAt, limit] as const
    return (await this.#writer.run({ kind: 'lease', account: tuple, need })) as number
  }

  async giveBack(account: string, amount: number): Promise<void> {
    this.#refuseWhenClosed()
    await this.#writer.run({ kind: 'give back', account, amount })
  }

  starvedAccounts(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  async takeOverDeadReplicas(): Promise<readonly string[]> {
    this.#refuseWhenClosed()
    return (await this.#writer.run({ kind: 'take over', now: this.now() })) as string[]
  }

  /** Whoever holds the folder's lock is alive. */
  async heartbeat(): Promise<void> {
    this.#refuseWhenClosed()
  }

  exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, work)
  }

  async dueActions(at: number, limit: number): Promise<readonly Action[]> {
    const rows = await this.#db
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
    return chainHeads(this.#db, null)
  }

  onCommit(listener: () => void): () => void {
    // The same function may listen twice; each of them unsubscribes itself.
    const entry = (): void => listener()
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  async scrub(): Promise<void> {
    this.#refuseWhenClosed()
    await this.#writer.run({ kind: 'scrub' })
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
    const job = { kind: 'commit', transitions: group, now: this.now() } as const
    const written = (await this.#writer.run(job)) as readonly Written[]
    const results = written.map(resultOf)
    for (const listener of this.#listeners) listener()
    return results
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
