import { BelayError } from '../../errors/catalogue.ts'
import type { ChainHead } from '../../storage/store.ts'

/** How far a reader has come in each chain of the ledger: the sequence number of the last record it has seen. */
export type EventPosition = Map<string, number>

/** Before the first record of a chain, which has number 1. */
export const BEFORE_FIRST = 0

const MAX_CHAINS = 1_000

/** `chain:seq,…`, with the chain's name percent-encoded: the id of an event, and where to go on from. */
export function writePosition(position: EventPosition): string {
  return [...position].map(([chain, seq]) => `${encodeURIComponent(chain)}:${seq}`).join(',')
}

/** Throws `input:invalid` for anything but an id that this ledger can have given. */
export function readPosition(text: string, heads: readonly ChainHead[]): EventPosition {
  const position: EventPosition = new Map()
  const parts = text.split(',', MAX_CHAINS + 1)
  if (parts.length > MAX_CHAINS) throw unreadable()
  for (const part of parts) {
    const match = /^([^:,]{1,300}):(\d{1,15})$/.exec(part)
    if (match === null) throw unreadable()
    const chain = decode(match[1]!)
    const seq = Number(match[2])
    const head = heads.find((each) => each.chain === chain)
    if (head === undefined || seq > head.seq || position.has(chain)) throw unreadable()
    position.set(chain, seq)
  }
  return position
}

export function headPosition(heads: readonly ChainHead[]): EventPosition {
  return new Map(heads.map(({ chain, seq }) => [chain, seq]))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw unreadable()
  }
}

function unreadable(): BelayError {
  return new BelayError('input:invalid', {
    where: 'Last-Event-ID',
    expected: 'the id of an event of this ledger',
    got: 'something else',
  })
}
