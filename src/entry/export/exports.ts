import { hash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { followLedger, type LedgerFollower } from '../../flow/audit/follow-ledger.ts'
import type { ExportRule } from '../../policy/compile-export.ts'
import type { Store, StoredRecord } from '../../storage/store.ts'
import { deliver } from './deliver.ts'
import { enrich } from './enrich.ts'
import { openSink } from './open-sink.ts'
import type { Sink } from './sink.ts'

const BATCH = 500
const DELAY_MS = 200
/** A sink that has failed for so long is worth a message, ms. */
const TELL_AFTER_MS = 60_000
const FLUSH_MS = 3_000
/** No chain has this name: a position in it says that the sink has begun. */
const BEGUN = ''

export interface ExportsOptions {
  readonly store: Store
  readonly rules: () => readonly ExportRule[]
  /** Of the ledger: who has it is one installation. */
  readonly publicKey: KeyObject
  readonly version: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Said once when a sink begins to fail, and when it is well again. */
  readonly note: (text: string) => void
  readonly onFault: (error: unknown) => void
  /** A sink has been failing for a minute; `null`: it is well again. */
  readonly onTrouble?: (name: string, why: string | null) => void
  /** Of waits, for tests. */
  readonly scale?: number
}

export interface SinkState {
  readonly name: string
  readonly format: string
  /** The last attempt went well, or none was needed yet. */
  readonly up: boolean
  readonly sent: number
  readonly dropped: number
  readonly failures: number
  /** Records of the chains that this process exports, which the sink does not have yet. */
  waiting(): Promise<number>
  /** Why it is not up; never a secret. */
  readonly trouble: string | null
}

/**
 * The policy's `export:`: one follower of the ledger for each sink, with a position on disk. What is not sent waits in
 * the ledger itself, so that a dead sink costs no memory, holds up nobody, and loses nothing.
 */
export class Exports {
  readonly #options: ExportsOptions
  readonly #origin: string
  readonly #open = new Map<string, Exporting>()
  #changing: Promise<void> = Promise.resolve()

  constructor(options: ExportsOptions) {
    this.#options = options
    this.#origin = hash('sha256', options.publicKey.export({ type: 'spki', format: 'der' }), 'hex').slice(
      0,
      16,
    )
  }

  /** Opens, changes and closes sinks as the policy has them now. */
  policyChanged(): Promise<void> {
    this.#changing = this.#changing.then(() => this.#change()).catch(this.#options.onFault)
    return this.#changing
  }

  states(): readonly SinkState[] {
    return [...this.#open.values()]
  }

  /** Resolves when every sink has what was committed before the call; with sinks that fail, it waits. */
  async caughtUp(): Promise<void> {
    await this.#changing
    await Promise.all([...this.#open.values()].map((each) => each.caughtUp()))
  }

  /** Sends what waits to the sinks that are well, for at most a few seconds. */
  async close(): Promise<void> {
    await this.#changing
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(all.map((each) => each.close()))
  }

  async #change(): Promise<void> {
    const rules = new Map(this.#options.rules().map((rule) => [rule.name, rule]))
    for (const [name, exporting] of this.#open) {
      const rule = rules.get(name)
      if (rule !== undefined && JSON.stringify(rule) === JSON.stringify(exporting.rule)) rules.delete(name)
      else {
        this.#open.delete(name)
        await exporting.close()
      }
    }
    for (const rule of rules.values()) {
      const exporting = new Exporting(rule, this.#origin, this.#options)
      this.#open.set(rule.name, exporting)
      await exporting.open()
    }
  }
}

class Exporting implements SinkState {
  readonly rule: ExportRule
  readonly name: string
  readonly format: string
  readonly #follower: string
  readonly #origin: string
  readonly #options: ExportsOptions
  readonly #stop = new AbortController()
  readonly #positions = new Map<string, number>()
  #sink: Sink | undefined
  #following: LedgerFollower | undefined
  #failingSince: number | null = null
  #told = false
  sent = 0
  dropped = 0
  failures = 0
  trouble: string | null = null

  constructor(rule: ExportRule, origin: string, options: ExportsOptions) {
    this.rule = rule
    this.name = rule.name
    this.format = rule.format
    this.#follower = `export:${rule.name}`
    this.#origin = origin
    this.#options = options
  }

  get up(): boolean {
    return this.trouble === null
  }

  async open(): Promise<void> {
    const { version, env = process.env, store, onFault } = this.#options
    await this.#begin()
    try {
      this.#sink = await openSink(this.rule, {
        version,
        origin: this.#origin,
        env,
        onRejected: (items, why) => {
          this.dropped += items
          this.#options.note(`export ${this.name}: the receiver refused ${items} items: ${why.slice(0, 200)}`)
        },
      })
    } catch (error) {
      const why = error instanceof Error ? error : new Error(String(error))
      this.#failed(why)
      // Nobody will try again by itself.
      this.#told = true
      this.#options.onTrouble?.(this.name, why.message)
      return
    }
    this.#following = followLedger({
      store,
      batch: BATCH,
      delay: DELAY_MS * (this.#options.scale ?? 1),
      from: (chain) => this.#position(chain),
      apply: (chain, records) => this.#apply(chain, records),
      onFault,
    })
  }

  async waiting(): Promise<number> {
    const { store } = this.#options
    const [chains, positions] = await Promise.all([store.chains(), store.followers.positions(this.#follower)])
    return chains.reduce((sum, { chain, seq }) => sum + Math.max(0, seq - (positions.get(chain) ?? 0)), 0)
  }

  async caughtUp(): Promise<void> {
    await this.#following?.caughtUp()
  }

  async close(): Promise<void> {
    const following = this.#following
    if (following !== undefined && this.up && !this.#stop.signal.aborted) {
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, FLUSH_MS)
      await Promise.race([late, following.caughtUp().catch(() => undefined)])
      clearTimeout(timer)
    }
    const closing = following?.close()
    this.#stop.abort()
    await closing
    await this.#sink?.close()
  }

  /** A sink that nobody knows begins with what comes, or with the whole ledger. */
  async #begin(): Promise<void> {
    const { store } = this.#options
    const { followers } = store
    const known = await followers.positions(this.#follower)
    if (known.has(BEGUN)) return
    if (this.rule.from === 'now')
      for (const { chain, seq } of await store.chains())
        if (!known.has(chain)) await followers.move(this.#follower, chain, null, seq)
    await followers.move(this.#follower, BEGUN, null, 0)
  }

  async #position(chain: string): Promise<number> {
    const known = await this.#options.store.followers.positions(this.#follower)
    const at = known.get(chain)
    if (at === undefined) this.#positions.delete(chain)
    else this.#positions.set(chain, at)
    return at ?? 0
  }

  async #apply(chain: string, records: readonly StoredRecord[]): Promise<void> {
    const { store } = this.#options
    const sink = this.#sink
    const last = records.at(-1)
    if (sink === undefined || last === undefined) return
    const enriched = await enrich(store, records, {
      content: this.rule.content,
      decisions: sink.wantsDecision,
    })
    await deliver(enriched, {
      sink,
      signal: this.#stop.signal,
      onFailure: (error) => this.#failed(error),
      onSent: (count) => this.#succeeded(count),
      onDropped: (record, error) => {
        this.dropped++
        this.#options.note(
          `export ${this.name}: the receiver refused the record ${record.chain}/${record.seq}, which is left out: ${error.message}`,
        )
      },
      ...(this.#options.scale !== undefined && { scale: this.#options.scale }),
    })
    const from = this.#positions.get(chain) ?? null
    if (!(await store.followers.move(this.#follower, chain, from, last.seq)))
      throw new Error(`export ${this.name}: another process exports the chain ${chain} as well`)
    this.#positions.set(chain, last.seq)
  }

  #failed(error: Error): void {
    const now = Date.now()
    this.failures++
    if (this.trouble === null) this.#options.note(`export ${this.name} fails: ${error.message}`)
    this.trouble = error.message
    this.#failingSince ??= now
    if (!this.#told && now - this.#failingSince >= TELL_AFTER_MS * (this.#options.scale ?? 1)) {
      this.#told = true
      this.#options.onTrouble?.(this.name, error.message)
    }
  }

  #succeeded(count: number): void {
    this.sent += count
    if (this.trouble !== null) this.#options.note(`export ${this.name} works again`)
    if (this.#told) this.#options.onTrouble?.(this.name, null)
    this.trouble = null
    this.#failingSince = null
    this.#told = false
  }
}
