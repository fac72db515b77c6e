import type { KeyObject } from 'node:crypto'
import type { Store } from '../../storage/store.ts'
import { ChainVerifier, payloadDigest, type LedgerReport } from './chain.ts'
import { checkpoint, checkpointHolds, type Checkpoint } from './checkpoint.ts'

export const EXPORT_FORMAT = 'belay-ledger/1'

interface RecordLine {
  readonly type: 'record'
  readonly chain: string
  readonly seq: number
  readonly hash: string
  readonly text: string
}

interface PayloadLine {
  readonly type: 'payload'
  readonly action: string
  readonly kind: string
  readonly salt: string
  readonly text: string
}

type Line =
  | { readonly type: 'header'; readonly format: string; readonly exported_at: number }
  | RecordLine
  | PayloadLine
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint }

/**
 * The ledger as NDJSON: a header, every record with its exact bytes, the payloads when asked for, and a signed
 * checkpoint at the end, without which a file counts as cut.
 */
export async function* exportLedger(
  store: Store,
  key: KeyObject,
  options: { readonly payloads?: boolean } = {},
): AsyncGenerator<string> {
  yield line({ type: 'header', format: EXPORT_FORMAT, exported_at: store.now() })
  const end = await checkpoint(store, key)
  for (const { chain, seq: last } of end.chains) {
    let after = 0
    while (after < last) {
      const page = (await store.records(chain, after, 500)).filter(({ seq }) => seq <= last)
      if (page.length === 0) break
      for (const { seq, hash, text } of page) yield line({ type: 'record', chain, seq, hash, text })
      if (options.payloads === true) {
        const ids = [
          ...new Set(
            page.flatMap(({ action, kind }) => (action === null || kind !== 'decision' ? [] : [action])),
          ),
        ]
        for (const { action, kind, salt, text } of await store.payloadsOf(ids)) {
          if (salt !== null && text !== null) yield line({ type: 'payload', action, kind, salt, text })
        }
      }
      after = page.at(-1)?.seq ?? last
    }
  }
  yield line({ type: 'checkpoint', checkpoint: end })
}

/** Verifies an exported file, offline. Lines are bounded by whoever reads them from the file. */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: { readonly checkpoint?: Checkpoint } = {},
): Promise<LedgerReport> {
  const verifier = new ChainVerifier()
  const digests = new Map<string, string>()
  const waiting = new Map<string, string>()
  let payloads = 0
  let number = 0
  let end: Checkpoint | undefined
  for await (const text of lines) {
    number++
    if (text.trim() === '') continue
    const parsed = parseLine(text)
    if (parsed === undefined)
      verifier.fault('ledger:format', '', number, `line ${number} is not a line of ${EXPORT_FORMAT}`)
    else if (end !== undefined)
      verifier.fault('ledger:format', '', number, `line ${number} comes after the checkpoint`)
    else if (parsed.type === 'record') {
      const said = verifier.add(parsed)
      if (said?.action != null && said.payload !== null)
        digests.set(`${said.action} ${said.payload.kind}`, said.payload.digest)
    } else if (parsed.type === 'payload') {
      payloads++
      // A payload may come before the record that names it (outcomes follow decisions); compare at the end.
      waiting.set(`${parsed.action} ${parsed.kind}`, payloadDigest(parsed.salt, parsed.text))
    } else if (parsed.type === 'checkpoint') end = parsed.checkpoint
    else if (number !== 1 || parsed.format !== EXPORT_FORMAT)
      verifier.fault('ledger:format', '', number, `the header is not one of ${EXPORT_FORMAT}`)
  }
  for (const [name, digest] of waiting) {
    if (digests.get(name) !== digest)
      verifier.fault('ledger:payload_changed', '', 0, `the payload ${name} is not the one that was recorded`)
  }
  if (end === undefined) verifier.fault('ledger:cut', '', number, 'the file ends without a checkpoint')
  for (const given of [end, options.checkpoint]) {
    if (given === undefined) continue
    if (!checkpointHolds(given))
      verifier.fault('ledger:signature', '', 0, 'the signature of the checkpoint does not hold')
    for (const { chain, seq, hash } of given.chains) verifier.expectHead(chain, seq, hash)
  }
  if (
    end !== undefined &&
    options.checkpoint !== undefined &&
    end.public_key !== options.checkpoint.public_key
  ) {
    verifier.fault('ledger:signature', '', 0, 'the two checkpoints are signed by different keys')
  }
  return verifier.report(payloads, 0)
}

const line = (value: Line): string => `${JSON.stringify(value)}\n`

function parseLine(text: string): Line | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const {
    type,
    chain,
    seq,
    hash,
    text: exact,
    action,
    kind,
    salt,
    checkpoint: end,
  } = value as Record<string, unknown>
  const strings = (...parts: unknown[]): boolean => parts.every((part) => typeof part === 'string')
  if (type === 'record')
    return strings(chain, hash, exact) && Number.isSafeInteger(seq) ? (value as Line) : undefined
  if (type === 'payload') return strings(action, kind, salt, exact) ? (value as Line) : undefined
  if (type === 'checkpoint') return isCheckpoint(end) ? (value as Line) : undefined
  return type === 'header' ? (value as Line) : undefined
}

export function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false
  const { at, chains, public_key, signature } = value as Record<string, unknown>
  return (
    typeof at === 'number' &&
    typeof public_key === 'string' &&
    typeof signature === 'string' &&
    Array.isArray(chains) &&
    chains.every(
      (head: unknown) =>
        typeof head === 'object' &&
        head !== null &&
        typeof (head as { chain: unknown }).chain === 'string' &&
        Number.isSafeInteger((head as { seq: unknown }).seq) &&
        typeof (head as { hash: unknown }).hash === 'string',
    )
  )
}
