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
  readonly account: BudgetAccount
  /** What this replica may still reserve. */
  headroom: number
  usedAt: number
  /** Until then asking the store for more is pointless, epoch ms. */
  exhaustedUntil: number
}

/** Waits for peers to give idle share back, ms; the sum bounds how long an action waits before it is refused. */
const PATIENCE = [25, 75, 200]
const IDLE_SESSION = 10 * 60_000

/**
 * This replica's share of every budget and rate (an escrow lease). Reserving is synchronous arithmetic on the
 * share; the same amounts go to the store as charges in the commit that records the decision. Room comes back
 * only after the commit that frees it is durable, so the store never sees more spent than was granted.
 */
export class Budgets {
  readonly #store: Store
  readonly #shares = new Map<string, Share>()
  readonly #leasing = new Map<string, Promise<void>>()
  readonly #accounts = new Map<string, BudgetAccount>()
  /** Room that came back after its share had been given back: still this replica's by the store's books. */
  readonly #orphans = new Map<string, number>()

  constructor(store: Store) {
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

  /** All draws or none. With `force` (observe mode) room may become negative: what runs is counted all the same. */
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
        share.headroom -= amount
        share.usedAt = at
        return { account: account.key, unit: account.unit, amount }
      }),
    }
  }

  /** Leases what the draw lacks. Answers whether reserving again can succeed. */
  async acquire(draw: Draw, at: number): Promise<boolean> {
    const waits = this.#store.dialect === 'postgres' ? PATIENCE : []
    for (let attempt = 0; ; attempt++) {
      const share = this.#shares.get(draw.account.key)
      if (share !== undefined && share.headroom >= draw.amount) return true
      if (share !== undefined && share.exhaustedUntil > at) return false
      if (await this.#lease(draw)) return true
      const wait = waits[attempt]
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
    for (const { account, reserved, spent } of charges) this.#add(account, -reserved - spent)
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
  }

  #add(key: string, amount: number): void {
    const share = this.#shares.get(key)
    // The share may have been given back meanwhile; then the room is in the store and is leased when needed.
    if (share !== undefined) {
      share.headroom += amount
      share.exhaustedUntil = 0
    } else {
      this.#orphans.set(key, (this.#orphans.get(key) ?? 0) + amount)
    }
  }

  async #lease(draw: Draw): Promise<boolean> {
    const { key } = draw.account
    const running = this.#leasing.get(key)
    if (running !== undefined) {
      await running
      return (this.#shares.get(key)?.headroom ?? 0) >= draw.amount
    }
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
    const need = Math.max(0, amount - (this.#shares.get(account.key)?.headroom ?? 0))
    const granted = await this.#store.lease(account, need)
    const share = this.#shares.get(account.key) ?? {
      account,
      headroom: 0,
      usedAt: this.#store.now(),
      exhaustedUntil: 0,
    }
    share.headroom += granted + (this.#orphans.get(account.key) ?? 0)
    this.#orphans.delete(account.key)
    if (granted < need) {
      // On SQLite one process holds all there is, so only a settlement can bring room back.
      share.exhaustedUntil = this.#store.dialect === 'sqlite' ? Infinity : this.#store.now() + 200
    }
    this.#shares.set(account.key, share)
  }

  async #giveBack(shares: readonly Share[]): Promise<void> {
    for (const { account } of shares) this.#shares.delete(account.key)
    for (const { account, headroom } of shares) {
      if (headroom > 0) await this.#store.giveBack(account.key, headroom)
    }
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
