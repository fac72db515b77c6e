import type { Reservation } from '../../action/action.ts'
import type { BudgetWindow } from '../../action/budget-window.ts'
import type { NanoUsd } from '../../action/money.ts'
import type { Limits } from '../../policy/policy.ts'
import type { BudgetAccount, Charge, Store } from '../../storage/store.ts'
import { windowAt } from './window.ts'

/** An account that an action draws on, and how much. */
export interface Draw {
  readonly account: BudgetAccount
  readonly amount: number
}

export type Reserved =
  | { readonly status: 'reserved'; readonly reservations: readonly Reservation[] }
  /** This replica's share does not cover the draw; leasing more may. */
  | { readonly status: 'short'; readonly draw: Draw }

interface Share {
  account: BudgetAccount
  /** What this replica may still reserve. */
  headroom: number
  /** The account had less than was asked for: it may be over its limit, and what comes back goes to it first. */
  short: boolean
  usedAt: number
  /** Until then asking the store for more is pointless, epoch ms. */
  exhaustedUntil: number
}

/** What the shares need of a store. */
export type BudgetStore = Pick<
  Store,
  'dialect' | 'now' | 'lease' | 'giveBack' | 'starvedAccounts' | 'dropBudgets'
>

/** Waits for peers to give idle share back, ms; the sum bounds how long an action waits before it is refused. */
const PATIENCE = [25, 75, 200]
const IDLE_SESSION = 10 * 60_000
const HOUR = 3_600_000
/** Ended accounts are kept for a day, so that peers with other clocks are done with them and reports arrive. */
const KEEP_ENDED = 24 * HOUR
/** Longer than any window that has an end. */
const LONGEST_WINDOW = 32 * 24 * HOUR
/** How many accounts are given back at the same time. */
const LANES = 8

/**
 * This replica's share of every budget and rate (an escrow lease). Reserving is synchronous arithmetic on the
 * share; the same amounts go to the store as charges in the commit that records the decision. Room comes back
 * only after the commit that frees it is durable, so the store never sees more spent than was granted.
 */
export class Budgets {
  readonly #store: BudgetStore
  readonly #shares = new Map<string, Share>()
  readonly #leasing = new Map<string, Promise<void>>()
  readonly #accounts = new Map<string, BudgetAccount>()
  /** Room that this replica holds by the store's books and may not use: it is offered to the account before more is leased. */
  readonly #orphans = new Map<string, number>()
  /** When what is remembered of an account can be forgotten. */
  readonly #ends = new Map<string, number>()
  #nextDrop = 0

  constructor(store: BudgetStore) {
    this.#store = store
  }

  /** The accounts that an action of this agent draws on under the limits. */
  draws(
    scope: string,
    agent: string | null,
    limits: Limits,
    cost: NanoUsd,
    at: number,
    session: string,
  ): Draw[] {
    const draws: Draw[] = []
    for (const { per, limit } of limits.budgets) {
      if (per !== 'action')
        draws.push({
          account: this.#account(scope, agent, 'nano_usd', per, limit, at, session),
          amount: cost,
        })
    }
    for (const { per, limit } of limits.rates) {
      draws.push({ account: this.#account(scope, agent, 'actions', per, limit, at, session), amount: 1 })
    }
    return draws
  }

  /** What this replica's shares still have for these draws of money; `Infinity` without any. */
  room(draws: readonly Draw[]): NanoUsd {
    let room = Infinity
    for (const { account } of draws) {
      if (account.unit === 'nano_usd') room = Math.min(room, this.#shares.get(account.key)?.headroom ?? 0)
    }
    return room
  }

  /** All draws or none. With `force` (observe mode) what room there is; the rest is counted when it is spent. */
  reserve(draws: readonly Draw[], at: number, force: boolean): Reserved {
    for (const draw of draws) {
      const share = this.#shares.get(draw.account.key)
      if (share === undefined) return { status: 'short', draw }
      if (share.headroom < draw.amount && draw.amount > 0 && !force) return { status: 'short', draw }
    }
    return {
      status: 'reserved',
      reservations: draws.map(({ account, amount }) => {
        const share = this.#shares.get(account.key) as Share
        const taken = force ? Math.min(amount, Math.max(0, share.headroom)) : amount
        share.headroom -= taken
        share.usedAt = at
        return { account: account.key, unit: account.unit, amount: taken }
      }),
    }
  }

  /** Leases what the draw lacks. Answers whether reserving again can succeed. */
  async acquire(draw: Draw, at: number): Promise<boolean> {
    // What is more than the whole limit does not fit, whatever peers give back.
    const hopeful = this.#store.dialect === 'postgres' && draw.amount <= draw.account.limit
    const waits = hopeful ? PATIENCE : []
    let tries = 0
    for (;;) {
      const share = this.#shares.get(draw.account.key)
      if (share !== undefined && share.headroom >= draw.amount) return true
      const exhausted = share !== undefined && share.exhaustedUntil > at
      if (exhausted && share.account.limit === draw.account.limit && tries === 0) return false
      const running = this.#leasing.get(draw.account.key)
      if (running !== undefined) {
        await running
        continue
      }
      if (await this.#lease(draw)) return true
      const wait = waits[tries++]
      if (wait === undefined) return false
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  /** Takes back a reservation that never became durable. */
  undo(reservations: readonly Reservation[]): void {
    for (const { account, amount } of reservations) this.#add(account, amount)
  }

  /** After the commit that carried the settling charges. */
  settled(charges: readonly Charge[]): void {
    for (const { account, reserved, spent } of charges) {
      const share = this.#shares.get(account)
      if (share?.short === true) {
        this.#setApart(account, -reserved - spent)
        share.exhaustedUntil = 0
      } else this.#add(account, -reserved - spent)
    }
  }

  /** After a change of limits: everything unspent goes back and is leased anew under the new limits. */
  async returnAll(): Promise<void> {
    await this.#giveBack([...this.#shares.values()])
  }

  /** Gives back what others lack, and the shares of windows and sessions that are over. */
  async returnIdle(at: number): Promise<void> {
    const starved = new Set(await this.#store.starvedAccounts())
    const idle = [...this.#shares.values()].filter(
      ({ account, usedAt }) =>
        starved.has(account.key) ||
        account.endsAt <= at ||
        (account.window === 'session' && usedAt < at - IDLE_SESSION),
    )
    await this.#giveBack(idle)
    await this.#dropEnded(at)
  }

  async #dropEnded(at: number): Promise<void> {
    if (at < this.#nextDrop) return
    this.#nextDrop = at + HOUR
    for (const [key, end] of this.#ends) {
      if (end > at - KEEP_ENDED || this.#shares.has(key) || this.#leasing.has(key)) continue
      this.#ends.delete(key)
      this.#orphans.delete(key)
    }
    await this.#store.dropBudgets(at - KEEP_ENDED)
  }

  #add(key: string, amount: number): void {
    const share = this.#shares.get(key)
    // The share may have been given back meanwhile; then the room is in the store and is leased when needed.
    if (share !== undefined) {
      share.headroom += amount
      share.exhaustedUntil = 0
    } else this.#setApart(key, amount)
  }

  #setApart(key: string, amount: number): void {
    this.#orphans.set(key, (this.#orphans.get(key) ?? 0) + amount)
    if (!this.#ends.has(key)) this.#ends.set(key, this.#store.now() + LONGEST_WINDOW)
  }

  async #lease(draw: Draw): Promise<boolean> {
    const { key } = draw.account
    const work = this.#leaseNow(draw)
    this.#leasing.set(key, work)
    try {
      await work
    } finally {
      this.#leasing.delete(key)
    }
    return (this.#shares.get(key)?.headroom ?? 0) >= draw.amount
  }

  async #leaseNow({ account, amount }: Draw): Promise<void> {
    const { key } = account
    const share = this.#shares.get(key) ?? {
      account,
      headroom: 0,
      short: true,
      usedAt: this.#store.now(),
      exhaustedUntil: 0,
    }
    // A session has no end: it is forgotten when it has been quiet for long.
    this.#ends.set(key, Math.min(account.endsAt, this.#store.now() + LONGEST_WINDOW))
    this.#setApart(key, share.headroom)
    share.account = account
    share.headroom = 0
    share.short = true
    this.#shares.set(key, share)
    const debt = await this.#returnApart(key)
    share.headroom += debt
    const need = Math.max(0, amount - share.headroom)
    const granted = await this.#store.lease(account, need)
    // Meanwhile all shares may have been called back.
    this.#shares.set(key, share)
    share.headroom += granted
    share.short = granted < need
    if (share.short && (this.#orphans.get(key) ?? 0) <= 0) {
      // On SQLite one process holds all there is, so only a settlement can bring room back.
      share.exhaustedUntil = this.#store.dialect === 'sqlite' ? Infinity : this.#store.now() + 200
    }
  }

  async #giveBack(shares: readonly Share[]): Promise<void> {
    for (const share of shares) {
      this.#shares.delete(share.account.key)
      this.#setApart(share.account.key, share.headroom)
      share.headroom = 0
    }
    const keys = shares.map(({ account }) => account.key)
    const lane = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) await this.#giveBackApart(key)
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }

  async #giveBackApart(key: string): Promise<void> {
    await this.#leasing.get(key)
    const work = this.#returnApart(key).then((debt) => {
      if (debt < 0) this.#setApart(key, debt)
    })
    this.#leasing.set(key, work)
    try {
      await work
    } finally {
      this.#leasing.delete(key)
      const leased = this.#shares.get(key)
      if (leased !== undefined) leased.exhaustedUntil = 0
    }
  }

  /** Gives the room that was set apart to the account. Answers the debt where there is one instead: room that is still owed. */
  async #returnApart(key: string): Promise<number> {
    const room = this.#orphans.get(key) ?? 0
    this.#orphans.delete(key)
    if (room <= 0) return room
    try {
      await this.#store.giveBack(key, room)
    } catch (error) {
      this.#setApart(key, room)
      throw error
    }
    return 0
  }

  #account(
    scope: string,
    agent: string | null,
    unit: BudgetAccount['unit'],
    window: BudgetWindow,
    limit: number,
    at: number,
    session: string,
  ): BudgetAccount {
    const slot = window === 'session' ? `${scope}/${unit}/session/${session}` : `${scope}/${unit}/${window}`
    const known = this.#accounts.get(slot)
    if (known !== undefined && at < known.endsAt && at >= known.startsAt && known.limit === limit)
      return known
    const { startsAt, endsAt, label } = windowAt(window, at, session)
    const account = {
      key: `${scope}/${unit}/${window}/${label}`,
      agent,
      unit,
      window,
      startsAt,
      endsAt,
      limit,
    }
    if (this.#accounts.size >= 50_000) this.#accounts.clear()
    this.#accounts.set(slot, account)
    return account
  }
}
