/** 198.18.0.0/15, for benchmarks of networks (RFC 2544): no address of anybody. */
const FIRST = (198 << 24) | (18 << 16)
const LAST = FIRST + (1 << 17) - 2
const MAX_NAMES = 50_000

/** Which made-up address stands for which name, for one agent. A name keeps its address for as long as the agent runs. */
export class NamePins {
  readonly #addresses = new Map<string, string>()
  readonly #names = new Map<string, string>()
  #next = FIRST + 2

  /** `undefined`: too many names. */
  addressOf(name: string): string | undefined {
    const known = this.#addresses.get(name)
    if (known !== undefined) return known
    if (this.#addresses.size >= MAX_NAMES || this.#next > LAST) return undefined
    const n = this.#next++
    const address = `${(n >>> 24) & 255}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
    this.#addresses.set(name, address)
    this.#names.set(address, name)
    return address
  }

  nameAt(address: string | undefined): string | undefined {
    return address === undefined ? undefined : this.#names.get(address)
  }
}
