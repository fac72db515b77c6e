import type pg from 'pg'
import { setTimeout } from 'node:timers/promises'
import { BelayError } from '../../errors/catalogue.ts'
import { CHAIN_START, type ChainPosition } from '../hash-chain.ts'
import type { PreparedTransition } from '../prepared-transition.ts'
import type { CommitResult } from '../store.ts'
import type { Connections } from './connections.ts'
import type { BudgetShares } from './write-budgets.ts'
import { writeAtOnce, type WrittenAtOnce } from './write-at-once.ts'
import { writeGroup, type GroupWritten } from './write-transitions.ts'

const RECONNECT_ATTEMPTS = 20
const RECONNECT_PAUSE_MS = 250

/**
 * All that a group touches is found by its key. A plan that was made while a table was nearly empty, and is kept with
 * its statement, would read the whole of it for every group until the statistics change.
 */
const BY_KEY = `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SET plan_cache_mode = force_generic_plan`

interface Session {
  readonly client: pg.Client
  readonly pid: number
}

/**
 * Owns the session that writes this replica's chain. When the connection breaks around a commit it finds out
 * what became of it, so that an answer is never a guess.
 */
export class GroupWriter {
  readonly #connections: Connections
  readonly #replica: string
  readonly #shares: BudgetShares
  readonly #now: () => number
  #session: Session | undefined
  #lost: number | undefined
  #position: ChainPosition = CHAIN_START

  constructor(connections: Connections, replica: string, shares: BudgetShares, now: () => number) {
    this.#connections = connections
    this.#replica = replica
    this.#shares = shares
    this.#now = now
  }

  async write(
    group: readonly PreparedTransition[],
    isRetry = false,
  ): Promise<readonly (CommitResult | Error)[]> {
    const { client } = (this.#session ??= await this.#connect())
    const before = this.#position
    const sent: (GroupWritten | WrittenAtOnce)[] = []
    try {
      const now = this.#now()
      const atOnce = await writeAtOnce(client, this.#replica, group, before, now, this.#shares, (planned) =>
        sent.push(planned),
      )
      if (atOnce !== undefined) {
        this.#position = atOnce.position
        return atOnce.results
      }
      sent.length = 0
      const written = await writeGroup(client, this.#replica, group, before, now, this.#shares, (planned) =>
        sent.push(planned),
      )
      this.#position = written.position
      return written.results
    } catch (error) {
      this.#shares.reset()
      if (await this.#rolledBack(client)) return this.#refuse(error, group)
      await this.#dropSession()
      this.#session = await this.#connect()
      const [planned] = sent
      if (planned !== undefined && (await this.#isCommitted(planned))) return planned.results
      return isRetry ? this.#refuse(error, group) : this.write(group, true)
    }
  }

  /** Asked after the session that sent the commit has ended, and the chain was read again. */
  async #isCommitted(planned: GroupWritten | WrittenAtOnce): Promise<boolean> {
    if (!('xid' in planned)) return this.#position.hash === planned.position.hash
    const { rows } = await (this.#session as Session).client.query<{ status: string | null }>(
      'SELECT pg_xact_status($1::xid8) AS status',
      [planned.xid],
    )
    return rows[0]?.status === 'committed'
  }

  async close(): Promise<void> {
    await this.#session?.client.end().catch(() => undefined)
  }

  /** Nothing of the group is written. Tries each alone, so that one does not take the others down. */
  async #refuse(
    error: unknown,
    group: readonly PreparedTransition[],
  ): Promise<readonly (CommitResult | Error)[]> {
    if (error instanceof BelayError) return group.map(() => error)
    if (group.length === 1) {
      const cause = error instanceof Error ? error.message : String(error)
      return [new BelayError('store:unavailable', { cause }, { cause: error })]
    }
    const answers: (CommitResult | Error)[] = []
    for (const transition of group) answers.push(...(await this.write([transition])))
    return answers
  }

  async #rolledBack(client: pg.Client): Promise<boolean> {
    try {
      await client.query('ROLLBACK')
      return true
    } catch {
      return false
    }
  }

  async #dropSession(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    this.#lost = session?.pid ?? this.#lost
    await session?.client.end().catch(() => undefined)
  }

  /** Connects, ends what may be left of the session before, and only then reads where the chain stands. */
  async #connect(): Promise<Session> {
    for (let attempt = 1; ; attempt++) {
      const client = this.#connections.client({ pipeline: true })
      try {
        await client.connect()
        await client.query(BY_KEY)
        if (this.#lost !== undefined)
          await client.query('SELECT pg_terminate_backend($1, 5000)', [this.#lost])
        const { rows } = await client.query<ChainPosition & { pid: number }>(
          'SELECT seq, hash, pg_backend_pid() AS pid FROM chains WHERE chain = $1 FOR UPDATE',
          [this.#replica],
        )
        const [row] = rows
        if (row === undefined) throw new Error(`there is no chain ${this.#replica}`)
        this.#lost = undefined
        this.#position = { seq: row.seq, hash: row.hash }
        return { client, pid: row.pid }
      } catch (error) {
        await client.end().catch(() => undefined)
        if (attempt === RECONNECT_ATTEMPTS) {
          const cause = error instanceof Error ? error.message : String(error)
          throw new BelayError('store:unavailable', { cause }, { cause: error })
        }
        await setTimeout(RECONNECT_PAUSE_MS)
      }
    }
  }
}
