import { statSync } from 'node:fs'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { LedgerFault, LedgerReport } from '../chain.ts'
import { EXPORT_FORMAT, exportHeader } from '../export-ledger.ts'
import { parseCheckpoints, type SignedCheckpoint } from '../transparency/checkpoint.ts'
import { askWitnesses, keptCheckpoints } from '../transparency/expected-checkpoints.ts'
import { chainOf } from '../transparency/log-identity.ts'
import { checkSignature, checkWitnesses, type Fault, type Trust } from '../transparency/trust.ts'
import type { WitnessAddress } from '../transparency/witness-client.ts'
import { JoinedParts } from './join-parts.ts'
import { lastLineAt, MAX_LINE, readLines } from './read-lines.ts'
import { verifyInParts } from './verify-in-parts.ts'

export interface VerifyExportOptions {
  readonly trust: Trust
  /** Witnesses to ask what they signed of the logs in the file. */
  readonly ask?: readonly WitnessAddress[]
  readonly onProgress?: (records: number) => void
  /** Default: one for a small file, else one a core. */
  readonly threads?: number
}

const MAX_FAULTS = 100

/**
 * Verifies an exported file, offline: every byte of every record, their order, the payloads, the anchors, the tree, and
 * the signatures at the end. Rejects when the file cannot be read.
 */
export async function verifyExport(file: string, options: VerifyExportOptions): Promise<LedgerReport> {
  const { trust, onProgress = () => undefined } = options
  const faults: LedgerFault[] = []
  let ok = true
  const fault: Fault = (code, chain, seq, message) => {
    ok = false
    if (faults.length < MAX_FAULTS) faults.push({ code, chain, seq, message })
  }
  const { size } = statSync(file)
  const lastAt = lastLineAt(file, size)
  const header = readHeader(file, size)
  if (header === undefined)
    fault('ledger:format', '', 1, `the file does not begin as one of ${EXPORT_FORMAT}`)
  const ends = lastAt === 0 ? undefined : readEnd(file, lastAt, size)
  if (ends === undefined) fault('ledger:cut', '', 0, 'the file ends without its checkpoints')
  const carried = checkEnds(ends ?? [], trust, fault)
  const asked = await ask(ends ?? [], options, fault)
  const names = new Set([...carried.names, ...asked.names])
  const witnessed = [...carried.signed, ...asked.checkpoints]
  const expected = [...(ends ?? []), ...keptCheckpoints(trust, fault), ...asked.checkpoints]
  const chains = new Set((ends ?? []).map(({ origin }) => chainOf(origin)))

  const parts = await verifyInParts(
    {
      file,
      from: header?.length ?? 0,
      // A file without its end is read to the end all the same, for all that is wrong with it.
      to: ends === undefined ? size : lastAt,
      options: {
        payloads: header?.payloads ?? false,
        cuts: cutsOf(expected),
        keepHashes: chains.size > 1,
      },
    },
    onProgress,
    options.threads,
  )
  const joined = new JoinedParts(expected, fault)
  for (const part of parts) joined.add(part)
  joined.end(parts)
  for (const [chain, { last }] of joined.chains) {
    if (!(ends ?? []).some(({ origin, size: over }) => chainOf(origin) === chain && over === last))
      fault('ledger:cut', chain, last, `no checkpoint of the file is over its ${last} records of ${chain}`)
  }
  const pardoned = new Set(parts.flatMap((part) => part.pardoned))
  let erased = 0
  for (const { name, chain, seq } of parts.flatMap(({ missing }) => missing)) {
    if (pardoned.has(name)) erased++
    else
      fault('ledger:payload_missing', chain, seq, `the payload ${name} is gone, and no erasure is recorded`)
  }
  const sum = (key: 'records' | 'payloads'): number => parts.reduce((total, part) => total + part[key], 0)
  return {
    ok,
    chains: joined.chains.size,
    records: sum('records'),
    payloads: sum('payloads'),
    erased,
    witnesses: [...names],
    witnessed: [...chains]
      .map((chain) => ({
        chain,
        seq: Math.max(
          0,
          ...witnessed.filter(({ origin }) => chainOf(origin) === chain).map((each) => each.size),
        ),
      }))
      .filter(({ seq }) => seq > 0),
    faults,
  }
}

/** Every checkpoint of the file must be signed; where witnesses are asked for, one of each log must be signed by them. */
function checkEnds(
  ends: readonly SignedCheckpoint[],
  trust: Trust,
  fault: Fault,
): { readonly names: readonly string[]; readonly signed: readonly SignedCheckpoint[] } {
  for (const end of ends) checkSignature(end, trust, fault)
  const names: string[] = []
  const signed: SignedCheckpoint[] = []
  if ((trust.witnesses ?? []).length === 0) return { names, signed }
  for (const origin of new Set(ends.map((end) => end.origin))) {
    // The one that most witnesses signed; of none, the fault of one is enough.
    const tried = ends
      .filter((end) => end.origin === origin)
      .map((end) => {
        const found: Parameters<Fault>[] = []
        const signers = checkWitnesses(end, trust, (...each) => void found.push(each))
        return { end, found, signers }
      })
      .toSorted((a, b) => a.found.length - b.found.length)
    const [best] = tried
    if (best === undefined) continue
    for (const each of best.found) fault(...each)
    names.push(...best.signers)
    if (best.found.length === 0) signed.push(best.end)
  }
  return { names, signed }
}

async function ask(
  ends: readonly SignedCheckpoint[],
  { ask: addresses = [], trust }: VerifyExportOptions,
  fault: Fault,
): Promise<Awaited<ReturnType<typeof askWitnesses>>> {
  const checkpoints: SignedCheckpoint[] = []
  const names: string[] = []
  if (addresses.length > 0) {
    for (const origin of new Set(ends.map((end) => end.origin))) {
      const chain = chainOf(origin)
      const name = origin.slice(0, -chain.length - 1)
      const asked = await askWitnesses(name, [chain], addresses, trust, fault)
      checkpoints.push(...asked.checkpoints)
      names.push(...asked.names)
    }
  }
  return { checkpoints, names }
}

function cutsOf(expected: readonly SignedCheckpoint[]): Record<string, number[]> {
  const cuts: Record<string, number[]> = Object.create(null) as Record<string, number[]>
  for (const { origin, size } of expected) (cuts[chainOf(origin)] ??= []).push(size)
  for (const sizes of Object.values(cuts)) sizes.sort((a, b) => a - b)
  return cuts
}

function readHeader(
  file: string,
  size: number,
): { readonly length: number; readonly payloads: boolean } | undefined {
  let first = ''
  readLines(file, 0, Math.min(size, 4096), (bytes, start, end) => {
    if (start === 0 && first === '') first = bytes.toString('latin1', start, end)
  })
  const payloads = [true, false].find((each) => exportHeader(each) === `${first}\n`)
  return payloads === undefined ? undefined : { length: first.length + 1, payloads }
}

function readEnd(file: string, from: number, size: number): SignedCheckpoint[] | undefined {
  if (size - from > MAX_LINE) return undefined
  let text = ''
  readLines(file, from, size, (bytes, start, end) => {
    text += bytes.toString('utf8', start, end)
  })
  const value = parseObject(text)
  const checkpoints = value?.['checkpoints']
  // One way of writing it, so that no byte of the file can change unseen; the last one is the end of a line.
  if (typeof checkpoints !== 'string' || JSON.stringify({ checkpoints }) !== text || !endsLine(file, size))
    return undefined
  return parseCheckpoints(checkpoints)
}

function endsLine(file: string, size: number): boolean {
  let last = ''
  readLines(file, size - 1, size, (bytes, start, end) => {
    last += bytes.toString('latin1', start, end)
  })
  return last === ''
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
