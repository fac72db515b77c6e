import type { KeyObject } from 'node:crypto'
import { exportHeader } from '../../src/flow/audit/export-ledger.ts'
import {
  formatCheckpoints,
  signCheckpoint,
  type SignedCheckpoint,
} from '../../src/flow/audit/transparency/checkpoint.ts'
import { recordHash, recordLeaf } from '../../src/flow/audit/transparency/commitment.ts'
import { TreeRange } from '../../src/flow/audit/transparency/tree-range.ts'

/** A whole number from 0 up to, and without, `below`. */
export type Random = (below: number) => number

/** Mulberry32: small, and the same on every machine. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** An exported ledger, and what its owner has. */
export interface ExportedLedger {
  readonly lines: readonly string[]
  readonly key: KeyObject
  readonly publicKey: Buffer
  /** Signed by the witness over a part of the records. */
  readonly witnessed: SignedCheckpoint
}

type Tampering = (ledger: ExportedLedger, random: Random) => Buffer | string

/** What somebody does who has the file alone. */
export const OUTSIDER: Readonly<Record<string, Tampering>> = {
  'flip a bit': ({ lines }, random) => {
    const bytes = Buffer.from(lines.join(''))
    const at = random(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << random(8))
    return bytes
  },
  'drop a line': ({ lines }, random) => lines.toSpliced(random(lines.length), 1).join(''),
  'insert a line': ({ lines }, random) => {
    const line = lines[random(lines.length)] as string
    return lines.toSpliced(random(lines.length + 1), 0, random(2) === 0 ? line : redated(line)).join('')
  },
  'reorder two lines': ({ lines }, random) => {
    const from = random(lines.length)
    const to = (from + 1 + random(lines.length - 1)) % lines.length
    return lines
      .with(from, lines[to] as string)
      .with(to, lines[from] as string)
      .join('')
  },
  truncate: ({ lines }, random) => {
    const bytes = Buffer.from(lines.join(''))
    return bytes.subarray(0, random(bytes.length))
  },
  'cut out a piece': ({ lines }, random) => {
    const bytes = Buffer.from(lines.join(''))
    const from = random(bytes.length - 1)
    const to = from + 1 + random(bytes.length - from - 1)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  },
  'hash anew without the key': (ledger, random) => {
    const records = recordsOf(ledger)
    const at = random(records.length)
    const changed = records.with(at, {
      ...(records[at] as TextAndPayload),
      text: redated((records[at] as TextAndPayload).text),
    })
    return [...linesOf(changed), ledger.lines.at(-1)].join('')
  },
}

/** What the owner does, who signs what comes out; the witness has signed a part of what was before. */
export const OWNER: Readonly<Record<string, Tampering>> = {
  'roll back and sign': (ledger, random) =>
    signed(ledger, recordsOf(ledger).slice(0, 1 + random(ledger.witnessed.size - 1))),
  'fork and sign': (ledger, random) => {
    const records = recordsOf(ledger)
    const at = random(ledger.witnessed.size)
    return signed(ledger, [...records.slice(0, at), ...records.slice(at).map(changed)])
  },
  'change a record and sign': (ledger, random) => {
    const records = recordsOf(ledger)
    const at = random(ledger.witnessed.size)
    return signed(ledger, records.with(at, changed(records[at] as TextAndPayload)))
  },
  'drop a record and sign': (ledger, random) =>
    signed(ledger, recordsOf(ledger).toSpliced(random(ledger.witnessed.size), 1)),
  'insert a record and sign': (ledger, random) => {
    const records = recordsOf(ledger)
    const copy = changed(records[random(records.length)] as TextAndPayload)
    return signed(ledger, records.toSpliced(random(ledger.witnessed.size), 0, copy))
  },
  'reorder two records and sign': (ledger, random) => {
    const records = recordsOf(ledger)
    const from = random(ledger.witnessed.size)
    const to = (from + 1 + random(records.length - 1)) % records.length
    const [one, other] = [records[from], records[to]] as [TextAndPayload, TextAndPayload]
    return signed(ledger, records.with(from, other).with(to, one))
  },
  'rewrite everything and sign': (ledger) => signed(ledger, recordsOf(ledger).map(changed)),
  'rewrite everything, sign, keep what the witness signed': (ledger) =>
    signed(ledger, recordsOf(ledger).map(changed), [ledger.witnessed]),
}

export interface TextAndPayload {
  readonly text: string
  readonly payload: string
}

const RECORD = '{"hash":"'
const TEXT_AT = RECORD.length + 64 + '","record":'.length

function recordsOf({ lines }: ExportedLedger): TextAndPayload[] {
  return lines.flatMap((line, i) => {
    if (!line.startsWith(RECORD)) return []
    const next = lines[i + 1] ?? ''
    return [{ text: line.slice(TEXT_AT, -2), payload: next.startsWith('{"payload"') ? next : '' }]
  })
}

/** Numbered and hashed as the store would. */
function linesOf(records: readonly TextAndPayload[]): string[] {
  let previous = '0'.repeat(64)
  const lines = records.flatMap(({ text, payload }, i) => {
    const numbered = text.replace(/"seq":\d+/, `"seq":${i + 1}`)
    previous = recordHash(previous, numbered)
    return [`{"hash":"${previous}","record":${numbered}}\n`, payload]
  })
  return [exportHeader(true), ...lines]
}

function signed(
  { key, publicKey, witnessed }: ExportedLedger,
  records: readonly TextAndPayload[],
  more: readonly SignedCheckpoint[] = [],
): string {
  const lines = linesOf(records)
  const tree = new TreeRange(0)
  for (const line of lines)
    if (line.startsWith(RECORD)) tree.append(recordLeaf('"main"', tree.next + 1, line.slice(9, 73)))
  const end = signCheckpoint({ origin: witnessed.origin, size: tree.next, root: tree.root() }, key, publicKey)
  return [...lines, `${JSON.stringify({ checkpoints: formatCheckpoints([end, ...more]) })}\n`].join('')
}

function changed({ text, payload }: TextAndPayload): TextAndPayload {
  return { text: redated(text), payload }
}

function redated(text: string): string {
  return text.replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) + 1}`)
}
