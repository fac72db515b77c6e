import type { Statement } from 'better-sqlite3'
import type { PreparedCharge } from '../prepared-transition.ts'
import type { Connection } from './connection.ts'
import type { AccountTuple } from './writer-jobs.ts'

interface Share {
  readonly granted: number
  readonly reserved: number
  readonly spent: number
}

/** New values of leases, and by how much their accounts must grow to cover what was overrun. */
type ChargePlan = ReadonlyMap<string, { readonly share: Share; readonly raised: number }>

const NO_PLAN: ChargePlan = new Map()

/**
 * The budgets as the one writer sees them. Shares of this replica are kept in memory, because no one else
 * changes them; `flush` writes what a group changed, once an account.
 */
export class BudgetWriter {
  readonly #connection: Connection
  readonly #replica: string
  readonly #shares = new Map<string, Share>()
  readonly #dirty = new Map<string, number>()
  readonly #readShare: Statement
  readonly #readAccount: Statement
  readonly #writeShare: Statement
  readonly #raiseAccount: Statement
  readonly #insertAccount: Statement

  constructor(connection: Connection, replica: string) {
    this.#connection = connection
    this.#replica = replica
    this.#readShare = connection.prepare(
      'SELECT granted, reserved, spent FROM budget_leases WHERE account = ? AND replica = ?',
    )
    this.#readAccount = connection.prepare('SELECT max_amount, granted FROM budget_accounts WHERE key = ?')
    this.#writeShare = connection.prepare(
      `INSERT INTO budget_leases (account, replica, granted, reserved, spent) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET granted = excluded.granted, reserved = excluded.reserved, spent = excluded.spent`,
    )
    this.#raiseAccount = connection.prepare('UPDATE budget_accounts SET granted = granted + ? WHERE key = ?')
    this.#insertAccount = connection.prepare(
      `INSERT INTO budget_accounts (key, agent, unit, "window", starts_at, ends_at, max_amount, granted)
       VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET max_amount = excluded.max_amount`,
    )
  }

  /**
   * Works out charges without applying them. Throws when a reservation is not covered. An account that is not there
   * was dropped after its end, and has nothing left to be settled.
   */
  plan(charges: readonly PreparedCharge[]): ChargePlan {
    if (charges.length === 0) return NO_PLAN
    const plan = new Map<string, { share: Share; raised: number }>()
    for (const [account, reserved, spent] of charges) {
      if (reserved <= 0 && !this.#shares.has(account) && this.#readAccount.get(account) === undefined)
        continue
      const before = plan.get(account) ?? { share: this.#share(account), raised: 0 }
      const now = before.share
      const share = { granted: now.granted, reserved: now.reserved + reserved, spent: now.spent + spent }
      const missing = share.reserved + share.spent - share.granted
      if (missing > 0 && reserved > 0) {
        throw new RangeError(`the reservation on ${account} is not covered by this replica's share`)
      }
      // What was spent outside is spent: an overrun raises the share, even above the limit.
      const raise = Math.max(0, missing)
      plan.set(account, {
        share: { ...share, granted: share.granted + raise },
        raised: before.raised + raise,
      })
    }
    return plan
  }

  apply(plan: ChargePlan): void {
    for (const [account, { share, raised }] of plan) {
      this.#shares.set(account, share)
      this.#dirty.set(account, (this.#dirty.get(account) ?? 0) + raised)
    }
  }

  /** Writes what `apply` changed, inside the caller's transaction. */
  flush(): void {
    for (const [account, raised] of this.#dirty) {
      const { granted, reserved, spent } = this.#share(account)
      this.#writeShare.run(account, this.#replica, granted, reserved, spent)
      if (raised > 0) this.#raiseAccount.run(raised, account)
    }
    this.#dirty.clear()
  }

  /** Forgets what it knows, after a rollback. */
  reset(): void {
    this.#shares.clear()
    this.#dirty.clear()
  }

  /** One process writes, so it takes all that the account still has. */
  lease(account: AccountTuple): number {
    const taken = this.#connection
      .transaction(() => {
        this.#insertAccount.run(...account)
        const available = Math.max(0, this.#available(account[0]))
        if (available > 0) this.#grant(account[0], available)
        return available
      })
      .immediate()
    if (taken > 0) this.#shares.delete(account[0])
    return taken
  }

  giveBack(account: string, amount: number): void {
    this.#connection
      .transaction(() => {
        const { granted, reserved, spent } = this.#share(account)
        if (!Number.isSafeInteger(amount) || amount < 0 || amount > granted - reserved - spent) {
          throw new RangeError(`${amount} of ${account} is not free to be given back`)
        }
        this.#grant(account, -amount)
      })
      .immediate()
    this.#shares.delete(account)
  }

  drop(before: number): void {
    this.#connection
      .transaction(() => {
        this.#connection
          .prepare(
            `DELETE FROM budget_accounts WHERE ends_at < ? AND
               (SELECT coalesce(sum(l.reserved), 0) FROM budget_leases l WHERE l.account = key) = 0`,
          )
          .run(before)
        this.#connection
          .prepare('DELETE FROM budget_leases WHERE account NOT IN (SELECT key FROM budget_accounts)')
          .run()
      })
      .immediate()
    this.#shares.clear()
  }

  /** Puts what a dead replica had not reserved or spent back into the accounts. Its reservations stay. */
  returnUnused(replica: string): void {
    this.#connection
      .prepare(
        `UPDATE budget_accounts SET granted = granted -
           (SELECT l.granted - l.reserved - l.spent FROM budget_leases l WHERE l.account = key AND l.replica = ?)
         WHERE key IN (SELECT account FROM budget_leases WHERE replica = ? AND granted > reserved + spent)`,
      )
      .run(replica, replica)
    this.#connection
      .prepare(
        'UPDATE budget_leases SET granted = reserved + spent WHERE replica = ? AND granted > reserved + spent',
      )
      .run(replica)
  }

  #grant(account: string, amount: number): void {
    const { granted, reserved, spent } = this.#share(account)
    this.#writeShare.run(account, this.#replica, granted + amount, reserved, spent)
    this.#raiseAccount.run(amount, account)
  }

  #available(account: string): number {
    const row = this.#readAccount.get(account) as { max_amount: number; granted: number }
    return row.max_amount - row.granted
  }

  #share(account: string): Share {
    const known = this.#shares.get(account)
    if (known !== undefined) return known
    if (this.#readAccount.get(account) === undefined)
      throw new RangeError(`there is no budget account ${account}`)
    const row = this.#readShare.get(account, this.#replica) as Share | undefined
    const share = row ?? { granted: 0, reserved: 0, spent: 0 }
    this.#shares.set(account, share)
    return share
  }
}
