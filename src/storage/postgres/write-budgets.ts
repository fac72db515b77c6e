import type pg from 'pg'
import { BelayError } from '../../errors/catalogue.ts'
import type { PreparedCharge } from '../prepared-transition.ts'
import type { BudgetAccount } from '../store.ts'
import { bigintArray, textArray } from './binary-array.ts'
import { DB_NOW, inTransaction } from './connections.ts'

interface Share {
  granted: number
  reserved: number
  spent: number
}

/** What a group adds to one account: `raised` covers what was overrun. */
export interface ChargeTotal {
  raised: number
  reserved: number
  spent: number
}

export const STARVED_CHANNEL = 'belay_starved'

/**
 * This replica's shares. They are kept in memory, because only this replica charges them; the database's own
 * CHECK is what finally holds.
 */
export class BudgetShares {
  readonly #pool: pg.Pool
  readonly #replica: string
  readonly #shares = new Map<string, Share>()

  constructor(pool: pg.Pool, replica: string) {
    this.#pool = pool
    this.#replica = replica
  }

  has(account: string): boolean {
    return this.#shares.has(account)
  }

  /** Reads the shares that are not known yet, and makes the rows of those that this replica never leased. */
  async load(client: pg.ClientBase, accounts: Iterable<string>): Promise<void> {
    const unknown = [...new Set(accounts)].filter((account) => !this.#shares.has(account)).toSorted()
    if (unknown.length === 0) return
    await client.query(
      `INSERT INTO budget_leases (account, replica, granted, reserved, spent)
       SELECT key, $2, 0, 0, 0 FROM budget_accounts WHERE key = ANY($1) ORDER BY key ON CONFLICT DO NOTHING`,
      [unknown, this.#replica],
    )
    const { rows } = await client.query<Share & { account: string }>(
      `SELECT account, granted, reserved, spent FROM budget_leases WHERE replica = $2 AND account = ANY($1)`,
      [unknown, this.#replica],
    )
    for (const { account, granted, reserved, spent } of rows)
      this.#shares.set(account, { granted, reserved, spent })
  }

  /**
   * Adds up the charges of a group. Throws when a reservation is not covered. An account that is not there was dropped
   * after its end, and has nothing left to be settled.
   */
  total(charges: Iterable<PreparedCharge>): Map<string, ChargeTotal> {
    const totals = new Map<string, ChargeTotal>()
    for (const [account, reserved, spent] of charges) {
      const share = this.#shares.get(account)
      if (share === undefined && reserved <= 0) continue
      if (share === undefined) throw new RangeError(`there is no budget account ${account}`)
      const total = totals.get(account) ?? { raised: 0, reserved: 0, spent: 0 }
      total.reserved += reserved
      total.spent += spent
      const used = share.reserved + share.spent + total.reserved + total.spent
      const missing = used - share.granted - total.raised
      if (missing > 0) {
        if (reserved > 0)
          throw new RangeError(`the reservation on ${account} is not covered by this replica's share`)
        // What was spent outside is spent: an overrun raises the share, even above the limit.
        total.raised += missing
      }
      totals.set(account, total)
    }
    return totals
  }

  /** Writes what `total` added up. Accounts come before leases, in the order in which `lease` locks them. */
  statements(totals: ReadonlyMap<string, ChargeTotal>): pg.QueryConfig[] {
    if (totals.size === 0) return []
    const overrun = [...totals]
      .filter(([, { raised }]) => raised > 0)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    const values = [...totals.values()]
    return [
      ...overrun.map(([account, { raised }]) => ({
        text: 'UPDATE budget_accounts SET granted = granted + $2 WHERE key = $1',
        values: [account, raised],
      })),
      {
        name: 'charge',
        text: `UPDATE budget_leases l SET granted = l.granted + n.raised, reserved = l.reserved + n.reserved,
            spent = l.spent + n.spent
          FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[]) AS n (account, raised, reserved, spent)
          WHERE l.account = n.account AND l.replica = $5`,
        values: [
          textArray([...totals.keys()]),
          bigintArray(values.map(({ raised }) => raised)),
          bigintArray(values.map(({ reserved }) => reserved)),
          bigintArray(values.map(({ spent }) => spent)),
          this.#replica,
        ],
      },
    ]
  }

  /** Remembers what was committed. */
  apply(totals: ReadonlyMap<string, ChargeTotal>): void {
    for (const [account, { raised, reserved, spent }] of totals) {
      const share = this.#shares.get(account)
      if (share === undefined) continue
      share.granted += raised
      share.reserved += reserved
      share.spent += spent
    }
  }

  reset(): void {
    this.#shares.clear()
  }

  async lease(account: BudgetAccount, need: number): Promise<number> {
    const { key, agent, unit, window, startsAt, endsAt, limit } = account
    const before = this.#shares.get(key)
    const taken = await inTransaction(this.#pool, async (client) => {
      await this.#refuseWhenFenced(client)
      const { rows } = await client.query<{ granted: number }>(
        `INSERT INTO budget_accounts (key, agent, unit, "window", starts_at, ends_at, max_amount, granted)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
         ON CONFLICT (key) DO UPDATE SET max_amount = excluded.max_amount RETURNING granted`,
        [key, agent, unit, window, startsAt, endsAt, limit],
      )
      const available = Math.max(0, limit - (rows[0]?.granted ?? limit))
      // Large enough to be taken seldom, small enough to leave the others something.
      const taking = Math.min(available, Math.max(need, Math.floor(limit / 20), 8 * need))
      if (taking > 0) {
        await client.query('UPDATE budget_accounts SET granted = granted + $2 WHERE key = $1', [key, taking])
        await client.query(
          `INSERT INTO budget_leases AS l (account, replica, granted, reserved, spent) VALUES ($1, $2, $3, 0, 0)
           ON CONFLICT (account, replica) DO UPDATE SET granted = l.granted + excluded.granted`,
          [key, this.#replica, taking],
        )
      }
      if (taking < need) {
        await client.query(
          `UPDATE budget_accounts SET starved_at = ${DB_NOW}, starved_by = $2 WHERE key = $1`,
          [key, this.#replica],
        )
        await client.query('SELECT pg_notify($1, $2)', [STARVED_CHANNEL, `${this.#replica} ${key}`])
      }
      return taking
    })
    // A share that was read meanwhile may or may not hold what was taken: read it again.
    if (before !== undefined && this.#shares.get(key) === before) before.granted += taken
    else this.#shares.delete(key)
    return taken
  }

  /** What one replica reserved another may have settled: only the sum says whether something is reserved. */
  async drop(before: number): Promise<void> {
    await this.#pool.query(
      `WITH ended AS (
         DELETE FROM budget_accounts a WHERE a.ends_at < $1 AND
           (SELECT coalesce(sum(l.reserved), 0) FROM budget_leases l WHERE l.account = a.key) = 0 RETURNING a.key)
       DELETE FROM budget_leases l USING ended WHERE l.account = ended.key`,
      [before],
    )
    // What is still there is read again when it is needed.
    this.#shares.clear()
  }

  async giveBack(account: string, amount: number): Promise<void> {
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${amount} cannot be given back`)
    // From here on no commit may count on it, whatever becomes of the transaction.
    const share = this.#shares.get(account)
    if (share !== undefined) share.granted -= amount
    try {
      await inTransaction(this.#pool, async (client) => {
        await this.#refuseWhenFenced(client)
        await client.query('UPDATE budget_accounts SET granted = granted - $2 WHERE key = $1', [
          account,
          amount,
        ])
        const { rowCount } = await client.query(
          `UPDATE budget_leases SET granted = granted - $3
           WHERE account = $1 AND replica = $2 AND granted - reserved - spent >= $3`,
          [account, this.#replica, amount],
        )
        if (rowCount !== 1) throw new RangeError(`${amount} of ${account} is not free to be given back`)
      })
    } catch (error) {
      this.#shares.delete(account)
      throw error
    }
  }

  async #refuseWhenFenced(client: pg.ClientBase): Promise<void> {
    const { rowCount } = await client.query(ALIVE, [this.#replica])
    if (rowCount !== 1) throw new BelayError('store:fenced', { replica: this.#replica })
  }
}

/** Finds this replica's row while it may write, and keeps others from fencing it until the transaction ends. */
export const ALIVE = `SELECT pg_current_xact_id()::text AS xid FROM replicas WHERE id = $1 AND fenced_at IS NULL AND expires_at > ${DB_NOW} FOR SHARE`
