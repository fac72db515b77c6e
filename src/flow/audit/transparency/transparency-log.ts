import { hash } from 'node:crypto'
import type { Store } from '../../../storage/store.ts'
import { parseCheckpoint, signCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { commitment } from './commitment.ts'
import { keepTree } from './keep-tree.ts'
import { originOf, type LogIdentity } from './log-identity.ts'
import { HASH_BYTES, TILE_WIDTH } from './merkle.ts'
import { TreeReader } from './tree-reader.ts'
import type { TilePath } from './tile-path.ts'

/** The name under which a checkpoint is kept that enough witnesses signed. */
export const QUORUM = 'quorum'

export interface TransparencyLogOptions {
  readonly store: Store
  /** Asked each time: the policy may rename the logs. */
  readonly identity: () => LogIdentity
  readonly onFault?: (error: unknown) => void
}

/** Trees whose nodes stay in memory. */
const KEPT = 16
/** How long an answer waits for another replica to let its tree grow, ms. */
const PATIENCE_MS = 5_000
const POLL_MS = 100

/** The logs of this installation: one a chain, over all its records, kept up to date beside the way of an action. */
export class TransparencyLog {
  readonly store: Store
  readonly #options: TransparencyLogOptions
  readonly #follower: ReturnType<typeof keepTree>
  readonly #readers = new Map<string, TreeReader>()

  constructor(options: TransparencyLogOptions) {
    this.store = options.store
    this.#options = options
    this.#follower = keepTree(
      options.store,
      options.onFault === undefined ? {} : { onFault: options.onFault },
    )
  }

  get identity(): LogIdentity {
    return this.#options.identity()
  }

  /** Resolves when the trees hold all that was recorded before the call in the chains that this process follows. */
  caughtUp(): Promise<void> {
    return this.#follower.caughtUp()
  }

  close(): Promise<void> {
    return this.#follower.close()
  }

  /** Roots and proofs of a chain's tree. */
  reader(chain: string): TreeReader {
    const known = this.#readers.get(chain)
    const reader = known ?? new TreeReader((level, index) => this.store.tiles.tile(chain, level, index))
    this.#readers.delete(chain)
    this.#readers.set(chain, reader)
    const [oldest] = this.#readers.keys()
    if (this.#readers.size > KEPT && oldest !== undefined) this.#readers.delete(oldest)
    return reader
  }

  /** Where a chain's log stands now, signed; `undefined` for a chain that has none. */
  async checkpoint(chain: string): Promise<SignedCheckpoint | undefined> {
    await this.caughtUp()
    const size = await this.store.tiles.size(chain)
    if (size === 0) return undefined
    const witnessed = await this.witnessed(chain)
    if (witnessed?.size === size) return witnessed
    return this.sign(chain, size)
  }

  async sign(chain: string, size: number): Promise<SignedCheckpoint> {
    const { identity } = this
    const root = await this.reader(chain).root(size)
    return signCheckpoint({ origin: originOf(identity, chain), size, root }, identity.key, identity.publicKey)
  }

  /** Of every chain where its log stands now, signed. */
  async checkpoints(): Promise<SignedCheckpoint[]> {
    await this.caughtUp()
    const signed: SignedCheckpoint[] = []
    for (const { chain } of await this.store.tiles.sizes()) {
      const checkpoint = await this.checkpoint(chain)
      if (checkpoint !== undefined) signed.push(checkpoint)
    }
    return signed
  }

  /** The newest checkpoint that enough witnesses signed, under the name that the log has now. */
  async witnessed(chain: string): Promise<SignedCheckpoint | undefined> {
    const kept = (await this.store.tiles.checkpoints(chain)).find(({ name }) => name === QUORUM)
    const checkpoint = kept === undefined ? undefined : parseCheckpoint(kept.note)
    return checkpoint?.origin === originOf(this.identity, chain) ? checkpoint : undefined
  }

  /** Resolves with the size of a chain's tree when that is at least `size`, or with what it is after a while. */
  async grownTo(chain: string, size: number): Promise<number> {
    await this.caughtUp()
    const until = Date.now() + PATIENCE_MS
    for (;;) {
      const grown = await this.store.tiles.size(chain)
      if (grown >= size || Date.now() > until) return grown
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** A tile or a bundle of entries (C2SP tlog-tiles); `undefined` when the log is not that large. */
  async tile(chain: string, { level, index, width }: TilePath): Promise<Buffer | undefined> {
    if (level === 'entries') return this.#bundle(chain, index, width)
    const hashes = await this.store.tiles.tile(chain, level, index)
    if (hashes === undefined || hashes.length < width * HASH_BYTES) return undefined
    return Buffer.from(hashes.subarray(0, width * HASH_BYTES))
  }

  /** Made from the records' hashes when it is asked for, so that nothing is kept twice. */
  async #bundle(chain: string, index: number, width: number): Promise<Buffer | undefined> {
    const start = index * TILE_WIDTH
    if ((await this.store.tiles.size(chain)) < start + width) return undefined
    const records = await this.store.tiles.recordHashes(chain, start, width)
    if (records.length < width) return undefined
    const name = JSON.stringify(chain)
    const entries = records.map(({ seq, hash: recordHash }) => {
      const entry = Buffer.from(commitment(name, seq, recordHash))
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return Buffer.concat([length, entry])
    })
    return Buffer.concat(entries)
  }
}

/** By which a witness names a log in its addresses (C2SP tlog-witness). */
export function originHash(origin: string): string {
  return hash('sha256', origin, 'hex')
}
