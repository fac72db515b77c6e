import { hash } from 'node:crypto'

/** What the first record of a chain follows. */
export const CHAIN_ORIGIN = '0'.repeat(64)

/** SHA-256 of a record's exact text, hex: what a proof gives instead of records that are not its business. */
export function textDigest(text: string): string {
  return hash('sha256', text, 'hex')
}

/** `SHA-256(previous hash ‖ SHA-256(text))` over raw bytes, hex. */
export function follow(previous: string, digest: string): string {
  return hash('sha256', Buffer.concat([Buffer.from(previous, 'hex'), Buffer.from(digest, 'hex')]), 'hex')
}

/** SHA-256 over a payload's salt and text, hex. */
export function payloadDigest(salt: string, text: string): string {
  return hash('sha256', salt + text, 'hex')
}

export interface LedgerFault {
  readonly code:
    | 'ledger:changed'
    | 'ledger:gap'
    | 'ledger:cut'
    | 'ledger:head'
    | 'ledger:payload_changed'
    | 'ledger:payload_missing'
    | 'ledger:action_differs'
    | 'ledger:tree'
    | 'ledger:fork'
    | 'ledger:witness'
    | 'ledger:signature'
    | 'ledger:format'
  readonly chain: string
  readonly seq: number
  readonly message: string
}

export interface LedgerReport {
  readonly ok: boolean
  readonly chains: number
  readonly records: number
  readonly payloads: number
  readonly erased: number
  /** Names of witnesses that signed what was verified. */
  readonly witnesses: readonly string[]
  /** Of a file: up to which record of each chain they signed. What came after, the log's owner alone vouches for. */
  readonly witnessed?: readonly { readonly chain: string; readonly seq: number }[]
  readonly faults: readonly LedgerFault[]
}

/** What a record's text says, as far as verification needs it. */
export interface RecordText {
  readonly chain: string
  readonly seq: number
  readonly at: number
  readonly kind: string
  readonly action: string | null
  readonly agent: string | null
  readonly payload: { readonly kind: string; readonly digest: string } | null
  readonly version?: number
  readonly state?: string
  readonly payloads?: readonly { readonly action: string; readonly kind: string }[]
  readonly chains?: readonly { readonly chain: string; readonly seq: number; readonly hash: string }[]
  /** Of a purge: by chain, the first and last record of each range whose texts went. */
  readonly ranges?: Readonly<Record<string, readonly (readonly [number, number])[]>>
}

const MAX_FAULTS = 100

/** Follows one or more chains record by record. Feed records in order of their number; then ask for the report. */
export class ChainVerifier {
  readonly #heads = new Map<string, { seq: number; hash: string }>()
  readonly #faults: LedgerFault[] = []
  #records = 0
  #faulty = false
  readonly #purged: { readonly chain: string; readonly seq: number }[] = []
  readonly #purges = new Map<string, (readonly [number, number])[]>()

  /** Answers what the record says, or `undefined` when it cannot be believed. */
  add(record: {
    readonly chain: string
    readonly seq: number
    readonly hash: string
    readonly text: string
  }): RecordText | undefined {
    this.#records++
    const { chain, seq } = record
    const head = this.#heads.get(chain) ?? { seq: 0, hash: CHAIN_ORIGIN }
    const purged = purgedDigest(record.text, chain, seq)
    this.#heads.set(chain, { seq, hash: record.hash })
    if (seq !== head.seq + 1) {
      this.fault(
        'ledger:gap',
        chain,
        seq,
        `record ${seq} follows record ${head.seq}: something was cut out or reordered`,
      )
    } else if (follow(head.hash, purged ?? textDigest(record.text)) !== record.hash) {
      this.fault(
        'ledger:changed',
        chain,
        seq,
        `record ${seq} does not follow from its predecessor: it, or the one before, was changed`,
      )
      return undefined
    }
    if (purged !== undefined) {
      this.#purged.push({ chain, seq })
      return undefined
    }
    const said = parseRecord(record.text)
    if (said === undefined || said.chain !== chain || said.seq !== seq) {
      this.fault('ledger:changed', chain, seq, `record ${seq} says that it is another record`)
      return undefined
    }
    for (const [name, ranges] of Object.entries(said.kind === 'purge' ? (said.ranges ?? {}) : {}))
      this.#purges.set(name, [...(this.#purges.get(name) ?? []), ...ranges])
    return said
  }

  /** Call when all records were added: a text that is gone must have been purged by a record that says so. */
  checkPurges(): void {
    for (const { chain, seq } of this.#purged) {
      const isRecorded =
        this.#purges.get(chain)?.some(([first, last]) => first <= seq && seq <= last) === true
      if (!isRecorded)
        this.fault(
          'ledger:changed',
          chain,
          seq,
          `the text of record ${seq} is gone, and no purge is recorded`,
        )
    }
  }

  head(chain: string): { readonly seq: number; readonly hash: string } {
    return this.#heads.get(chain) ?? { seq: 0, hash: CHAIN_ORIGIN }
  }

  expectHead(chain: string, seq: number, hash: string): void {
    const head = this.head(chain)
    if (head.seq < seq)
      this.fault('ledger:cut', chain, head.seq, `the chain ends at record ${head.seq}; it had ${seq}`)
    else if (head.seq === seq && head.hash !== hash)
      this.fault('ledger:head', chain, seq, `record ${seq} is not the one that was there`)
  }

  fault(code: LedgerFault['code'], chain: string, seq: number, message: string): void {
    this.#faulty = true
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ code, chain, seq, message })
  }

  report(payloads: number, erased: number, witnesses: readonly string[] = []): LedgerReport {
    return {
      ok: !this.#faulty,
      chains: this.#heads.size,
      records: this.#records,
      payloads,
      erased,
      witnesses,
      faults: this.#faults,
    }
  }
}

/** The digest of a text that was purged; `undefined` where the text is there. */
export function purgedDigest(text: string, chain: string, seq: number): string | undefined {
  const [, digest] = /,"purged":"([0-9a-f]{64})","seq":\d+\}$/.exec(text) ?? []
  if (digest === undefined) return undefined
  return text === JSON.stringify({ chain, purged: digest, seq }) ? digest : undefined
}

/** What a record's text says; `undefined` for a text that nobody wrote as one. */
export function parseRecord(text: string): RecordText | undefined {
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null) return undefined
  const { payload, payloads = [], chains = [] } = said as Record<string, unknown>
  const isRecord = typeof payload === 'object' && Array.isArray(payloads) && Array.isArray(chains)
  return isRecord ? (said as RecordText) : undefined
}
