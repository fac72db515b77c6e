import { BelayError } from '../../../errors/catalogue.ts'

/** How many times as many all addresses together may be refused. */
const ALL = 20
const WINDOW_MS = 60_000
const MAX_ADDRESSES = 10_000

/** Slows down whoever tries log-ins: guesses are hopeless, but each refusal is a record. */
export class LoginLimit {
  readonly #ofOne: number
  readonly #now: () => number
  #until = 0
  #all = 0
  readonly #refused = new Map<string, number>()

  /** `ofOne`: how many refusals an address has within a minute. */
  constructor(ofOne: number, now: () => number = () => performance.now()) {
    this.#ofOne = ofOne
    this.#now = now
  }

  /** Throws `auth:too_many` when the address, or everybody, was refused too often within the last minute. */
  check(address: string): void {
    this.#turn()
    const many = (this.#refused.get(address) ?? 0) >= this.#ofOne || this.#all >= this.#ofOne * ALL
    if (many)
      throw new BelayError('auth:too_many', {
        seconds: String(Math.ceil((this.#until - this.#now()) / 1000)),
      })
  }

  /** Counts before the answer is known, so that many at once cannot pass; `forgive` takes it back. */
  count(address: string): void {
    this.check(address)
    this.#all++
    if (this.#refused.size < MAX_ADDRESSES || this.#refused.has(address))
      this.#refused.set(address, (this.#refused.get(address) ?? 0) + 1)
  }

  forgive(address: string): void {
    this.#all = Math.max(0, this.#all - 1)
    const left = (this.#refused.get(address) ?? 0) - 1
    if (left > 0) this.#refused.set(address, left)
    else this.#refused.delete(address)
  }

  #turn(): void {
    const now = this.#now()
    if (now < this.#until) return
    this.#until = now + WINDOW_MS
    this.#all = 0
    this.#refused.clear()
  }
}
