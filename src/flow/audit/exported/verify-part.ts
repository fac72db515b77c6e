import { hash } from 'node:crypto'
import { isJsonObject, type JsonValue } from '../../../action/json.ts'
import { payloadDigest, purgedDigest, type LedgerFault } from '../chain.ts'
import { recordLeaf } from '../transparency/commitment.ts'
import { TreeRange, type TreeNode } from '../transparency/tree-range.ts'
import { FIELDS, newFields, scanRecord } from './scan-record.ts'

/** Records of one chain that follow one another, in one part of the file. */
export interface Run {
  readonly chain: string
  readonly first: number
  /** Hash of the first record's text: whether it follows from what is before is for whoever joins the parts. */
  readonly firstDigest: string
  readonly firstHash: string
  last: number
  lastHash: string
  /** The leaves as subtrees, cut where a checkpoint ends. */
  readonly pieces: (readonly TreeNode[])[]
  /** The hashes of all its records, hex side by side, when other chains may name them. */
  readonly hashes: string[]
}

export interface PartReport {
  readonly records: number
  readonly payloads: number
  readonly runs: readonly Run[]
  readonly faults: readonly LedgerFault[]
  /** Payloads that are not in the file, `action kind`, with the place of their record. */
  readonly missing: readonly { readonly name: string; readonly chain: string; readonly seq: number }[]
  /** What erasures name. */
  readonly pardoned: readonly string[]
  readonly anchors: readonly Anchor[]
}

export interface Anchor {
  readonly chain: string
  readonly seq: number
  readonly hash: string
  /** The record that says so. */
  readonly by: string
}

export interface PartOptions {
  /** Whether the file says that it holds payloads. */
  readonly payloads: boolean
  /** By chain: the sizes of the trees that checkpoints were made over. */
  readonly cuts: Readonly<Record<string, readonly number[]>>
  /** Whether chains name one another's records. */
  readonly keepHashes: boolean
}

const MAX_FAULTS = 100
const HEAD = Buffer.from('{"hash":"')
const MIDDLE = Buffer.from('","record":')
const HASH_AT = HEAD.length
const TEXT_AT = HASH_AT + 64 + MIDDLE.length
const PAYLOAD = Buffer.from('{"payload":{')
const DIGEST_AT = '{"digest":"'.length
const HEX = /^[0-9a-f]{64}$/

/** Verifies the lines of one part of an exported ledger, one after the other. */
export class PartVerifier {
  readonly #options: PartOptions
  readonly #fields = newFields()
  readonly #pair = Buffer.alloc(64)
  readonly #runs: Run[] = []
  readonly #faults: LedgerFault[] = []
  readonly #missing: { name: string; chain: string; seq: number }[] = []
  readonly #pardoned: string[] = []
  readonly #anchors: Anchor[] = []
  #records = 0
  #payloads = 0
  #run: Run | undefined
  #range = new TreeRange(0)
  /** The chain's name as it stands in texts. */
  #name = ''
  #cut = Infinity
  /** The payload that must follow, when the file holds payloads. */
  #due: { name: string; digest: string; chain: string; seq: number } | undefined

  constructor(options: PartOptions) {
    this.#options = options
  }

  get records(): number {
    return this.#records
  }

  /** A line without its end. */
  line(bytes: Buffer, start: number, end: number): void {
    if (startsWith(bytes, start, end, HEAD)) this.#record(bytes, start, end)
    else if (startsWith(bytes, start, end, PAYLOAD)) this.#payload(bytes.toString('utf8', start, end))
    else this.#fault('ledger:format', 'a line is neither a record nor a payload')
  }

  report(): PartReport {
    this.#settleDue()
    this.#closePiece()
    return {
      records: this.#records,
      payloads: this.#payloads,
      runs: this.#runs,
      faults: this.#faults,
      missing: this.#missing,
      pardoned: this.#pardoned,
      anchors: this.#anchors,
    }
  }

  #record(bytes: Buffer, start: number, end: number): void {
    this.#settleDue()
    const textEnd = end - 1
    const text = start + TEXT_AT
    const fields = this.#fields
    const isLine =
      startsWith(bytes, start + HASH_AT + 64, end, MIDDLE) &&
      bytes[textEnd] === 0x7d &&
      scanRecord(bytes, text, textEnd, fields)
    const claimed = bytes.toString('latin1', start + HASH_AT, start + HASH_AT + 64)
    const seq = isLine ? numberAt(bytes, fields[FIELDS.seq] as number, fields[FIELDS.seq + 1] as number) : -1
    if (seq < 1 || !HEX.test(claimed)) return this.#fault('ledger:format', 'a line is not that of a record')
    this.#records++
    const name = bytes.toString('latin1', fields[FIELDS.chain], fields[FIELDS.chain + 1])
    const purged =
      fields[FIELDS.kind] === 0
        ? purgedDigest(bytes.toString('utf8', text, textEnd), textOf(parse(name)), seq)
        : undefined
    const digest =
      purged === undefined
        ? hash('sha256', bytes.subarray(text, textEnd), 'binary')
        : Buffer.from(purged, 'hex').toString('latin1')
    if (this.#run === undefined || name !== this.#name || seq !== this.#run.last + 1) {
      if (!this.#begin(name, seq, digest, claimed)) return
    } else {
      this.#pair.write(this.#run.lastHash, 0, 'hex')
      this.#pair.write(digest, 32, 'latin1')
      if (hash('sha256', this.#pair, 'hex') !== claimed)
        this.#fault(
          'ledger:changed',
          `record ${seq} does not follow from its predecessor: it, or the one before, was changed`,
        )
      this.#run.last = seq
      this.#run.lastHash = claimed
    }
    this.#range.append(recordLeaf(name, seq, claimed))
    if (this.#options.keepHashes) this.#run?.hashes.push(claimed)
    if (seq === this.#cut) this.#closePiece()
    if (purged === undefined) this.#lookInside(bytes, text, textEnd)
    // Like a payload that is gone, it needs a record that says so.
    else
      this.#missing.push({
        name: `of record ${textOf(parse(name))}:${seq}`,
        chain: this.#run?.chain ?? '',
        seq,
      })
  }

  /** Begins a run, also after a gap: whoever joins the parts sees the gap. */
  #begin(name: string, seq: number, digest: string, claimed: string): boolean {
    this.#closePiece()
    const chain = parse(name)
    if (typeof chain !== 'string') {
      this.#fault('ledger:format', `record ${seq} names no chain`)
      return false
    }
    this.#name = name
    this.#run = {
      chain,
      first: seq,
      firstDigest: Buffer.from(digest, 'latin1').toString('hex'),
      firstHash: claimed,
      last: seq,
      lastHash: claimed,
      pieces: [],
      hashes: [],
    }
    this.#runs.push(this.#run)
    this.#range = new TreeRange(seq - 1)
    this.#cut = this.#nextCut(seq - 1)
    return true
  }

  #closePiece(): void {
    if (this.#run === undefined) return
    const nodes = this.#range.nodes()
    if (nodes.length === 0) return
    this.#run.pieces.push(nodes)
    this.#range = new TreeRange(this.#range.next)
    this.#cut = this.#nextCut(this.#run.last)
  }

  #nextCut(after: number): number {
    const cuts = this.#options.cuts[this.#run?.chain ?? ''] ?? []
    return cuts.find((cut) => cut > after) ?? Infinity
  }

  /** What else of the record counts: the payload that belongs to it, and what few kinds say of others. */
  #lookInside(bytes: Buffer, text: number, textEnd: number): void {
    const fields = this.#fields
    const payload = fields[FIELDS.payload] as number
    if (this.#options.payloads && payload !== 0 && bytes[payload] === 0x7b) {
      const value = parse(bytes.toString('utf8', payload, fields[FIELDS.payload + 1]))
      const action = parse(bytes.toString('utf8', fields[FIELDS.action], fields[FIELDS.action + 1]))
      const digest = bytes.toString('latin1', payload + DIGEST_AT, payload + DIGEST_AT + 64)
      const { chain = '', last = 0 } = this.#run ?? {}
      if (isJsonObject(value) && value['digest'] === digest && typeof action === 'string')
        this.#due = { name: `${action} ${textOf(value['kind'])}`, digest, chain, seq: last }
      else this.#fault('ledger:format', `record ${last} does not say which payload it has`)
    }
    const kind = bytes.toString('latin1', fields[FIELDS.kind], fields[FIELDS.kind + 1])
    if (kind === '"purge"') this.#purge(bytes.toString('utf8', text, textEnd))
    if (kind === '"anchor"' || kind === '"erasure"') this.#rare(bytes.toString('utf8', text, textEnd))
  }

  #rare(text: string): void {
    const said = parse(text)
    if (!isJsonObject(said)) return
    const { chain = '', last = 0 } = this.#run ?? {}
    const listed = (key: string) => (Array.isArray(said[key]) ? said[key].filter(isJsonObject) : [])
    for (const { action, kind } of listed('payloads'))
      this.#pardoned.push(`${textOf(action)} ${textOf(kind)}`)
    for (const { chain: other, seq, hash: head } of listed('chains')) {
      const by = `${chain}:${last}`
      this.#anchors.push({ chain: textOf(other), seq: Number(seq), hash: textOf(head), by })
    }
  }

  #purge(text: string): void {
    const said = parse(text)
    const ranges = isJsonObject(said) && isJsonObject(said['ranges']) ? said['ranges'] : {}
    for (const [chain, own] of Object.entries(ranges))
      for (const range of Array.isArray(own) ? own : []) {
        const [first, last] = Array.isArray(range) ? range.map(Number) : []
        // A purge is of few records: a range without end is none.
        if (first === undefined || last === undefined || last - first > 100_000) continue
        for (let seq = first; seq <= last; seq++) this.#pardoned.push(`of record ${chain}:${seq}`)
      }
  }

  #payload(line: string): void {
    const due = this.#due
    this.#due = undefined
    this.#payloads++
    const value = parse(line)
    const payload = isJsonObject(value) ? value['payload'] : undefined
    const { action = null, kind = null, salt = null, text = null } = isJsonObject(payload) ? payload : {}
    // One way of writing it, so that no byte of the file can change unseen.
    const isLine = JSON.stringify({ payload: { action, kind, salt, text } }) === line
    if (!isLine || due === undefined || due.name !== `${textOf(action)} ${textOf(kind)}`)
      return this.#fault('ledger:format', 'a payload does not stand behind its record')
    if (typeof salt !== 'string' || typeof text !== 'string' || payloadDigest(salt, text) !== due.digest)
      this.#fault('ledger:payload_changed', `the payload ${due.name} is not the one that was recorded`)
  }

  #settleDue(): void {
    if (this.#due === undefined) return
    const { name, chain, seq } = this.#due
    this.#missing.push({ name, chain, seq })
    this.#due = undefined
  }

  #fault(code: LedgerFault['code'], message: string): void {
    const { chain = '', last = 0 } = this.#run ?? {}
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ code, chain, seq: last, message })
  }
}

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (start + prefix.length > end) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false
  return true
}

/** A whole number without a sign or leading zeros; -1 for anything else. */
function numberAt(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15 || bytes[start] === 0x30) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
