import { CHAIN_ORIGIN, follow, type LedgerFault } from '../chain.ts'
import type { SignedCheckpoint } from '../transparency/checkpoint.ts'
import { chainOf } from '../transparency/log-identity.ts'
import { TreeRange } from '../transparency/tree-range.ts'
import type { Fault } from '../transparency/trust.ts'
import type { PartReport, Run } from './verify-part.ts'

interface JoinedChain {
  last: number
  lastHash: string
  readonly tree: TreeRange
  /** Hashes of all its records by number, when they are kept. */
  readonly hashes: string[]
}

/** What the parts of a file say together: that they follow one another, and lead to the roots that were signed. */
export class JoinedParts {
  readonly chains = new Map<string, JoinedChain>()
  readonly #expected: readonly SignedCheckpoint[]
  readonly #fault: Fault

  constructor(expected: readonly SignedCheckpoint[], fault: Fault) {
    this.#expected = expected
    this.#fault = fault
  }

  add(part: PartReport): void {
    for (const { code, chain, seq, message } of part.faults) this.#fault(code, chain, seq, message)
    for (const run of part.runs) this.#join(run)
  }

  /** After the last part. */
  end(parts: readonly PartReport[]): void {
    for (const { origin, size } of this.#expected) {
      const { last = 0 } = this.chains.get(chainOf(origin)) ?? {}
      if (last < size)
        this.#fault(
          'ledger:cut',
          chainOf(origin),
          last,
          `there are ${last} records; a checkpoint of ${origin} was signed over ${size}`,
        )
    }
    for (const { chain, seq, hash, by } of parts.flatMap(({ anchors }) => anchors)) {
      const known = this.chains.get(chain)
      // A chain may have gone on after the end of the file.
      const isThere = known !== undefined && (seq > known.last || known.hashes[seq - 1] === hash)
      if (!isThere)
        this.#fault(
          'ledger:head',
          chain,
          seq,
          `record ${seq} is not the one that record ${by} of another chain saw`,
        )
    }
  }

  #join(run: Run): void {
    const { chain, first, firstDigest, firstHash } = run
    let joined = this.chains.get(chain)
    if (joined === undefined) {
      joined = { last: 0, lastHash: CHAIN_ORIGIN, tree: new TreeRange(0), hashes: [] }
      this.chains.set(chain, joined)
    }
    const before = joined.last
    if (first !== before + 1) this.#fault('ledger:gap', chain, first, gap(first, before))
    else if (follow(joined.lastHash, firstDigest) !== firstHash)
      this.#fault('ledger:changed', chain, first, changed(first))
    for (const piece of run.pieces) {
      // Behind a gap there is no tree to compare.
      if (joined.tree.next !== (piece[0]?.index ?? -1) * 2 ** (piece[0]?.level ?? 0)) continue
      for (const node of piece) joined.tree.join(node)
      this.#compareRoot(chain, joined.tree)
    }
    joined.last = run.last
    joined.lastHash = run.lastHash
    for (const hash of run.hashes) joined.hashes.push(hash)
  }

  #compareRoot(chain: string, tree: TreeRange): void {
    for (const { origin, size, root } of this.#expected) {
      if (chainOf(origin) !== chain || size !== tree.next || tree.root().equals(root)) continue
      this.#fault(
        'ledger:fork',
        chain,
        size,
        `the first ${size} records are not those of a checkpoint that was signed of ${origin}`,
      )
    }
  }
}

function gap(seq: number, before: number): LedgerFault['message'] {
  return `record ${seq} follows record ${before}: something was cut out or reordered`
}

function changed(seq: number): LedgerFault['message'] {
  return `record ${seq} does not follow from its predecessor: it, or the one before, was changed`
}
