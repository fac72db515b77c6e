import { createHash } from 'node:crypto'
import type { Report } from './compilation.ts'
import { compileRetention, type RetentionEntry, type RetentionRule } from './compile-retention.ts'
import type { DocumentPath } from './yaml-document.ts'

/** `ledger:`. */
export interface LedgerRule {
  /** What the origins of the logs begin with; `null`: it follows from the signing key. */
  readonly origin: string | null
  readonly witnesses: readonly WitnessRule[]
  /** How many witnesses must sign before a checkpoint counts as witnessed. */
  readonly quorum: number
  readonly retention: RetentionRule
}

export interface WitnessRule {
  /** Without a slash at its end. */
  readonly url: string
  /** A vkey (C2SP signed-note) for cosignatures. */
  readonly key: string
}

/** What `ledger:` may hold, after the schema was held against it. */
export interface LedgerEntry {
  readonly origin?: string
  readonly witnesses?: readonly { readonly url: string; readonly key: string }[]
  readonly quorum?: number
  readonly retention?: RetentionEntry
}

const ORIGIN = /^[^\s+\p{C}]{1,200}$/u
const VKEY = /^([^\s+\p{C}]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u
/** Types of cosignatures, and how long their keys are: Ed25519, ML-DSA-44 (C2SP tlog-cosignature). */
const KEY_BYTES: Readonly<Record<number, number>> = { 0x04: 32, 0x06: 1312 }

export function compileLedger(entry: LedgerEntry, report: Report): LedgerRule {
  const path: DocumentPath = ['ledger']
  const { origin = null, witnesses = [] } = entry
  if (origin !== null && (!ORIGIN.test(origin) || origin.startsWith('—') || origin.endsWith('/')))
    report([...path, 'origin'], 'policy:ledger', 'an address without scheme, spaces or plus', origin)
  const names = new Set<string>()
  witnesses.forEach(({ url, key }, index) => {
    const at = [...path, 'witnesses', index]
    const { protocol = '', search = '', hash = '', username = '' } = URL.parse(url) ?? {}
    if (!/^https?:$/.test(protocol) || search !== '' || hash !== '' || username !== '')
      report([...at, 'url'], 'policy:ledger', 'an http(s) address without a query', url)
    const name = witnessName(key)
    if (name === undefined)
      report(
        [...at, 'key'],
        'policy:ledger',
        'the vkey of a witness, NAME+ID+KEY, as the witness gives it',
        key,
      )
    else if (names.has(name)) report([...at, 'key'], 'policy:ledger', 'one entry a witness', key)
    else names.add(name)
  })
  const quorum = entry.quorum ?? Math.floor(witnesses.length / 2) + 1
  if (entry.quorum !== undefined && entry.quorum > witnesses.length)
    report(
      [...path, 'quorum'],
      'policy:ledger',
      `at most ${witnesses.length}, as there are witnesses`,
      String(quorum),
    )
  return Object.freeze({
    origin,
    witnesses: Object.freeze(
      witnesses.map(({ url, key }) => Object.freeze({ url: url.replace(/\/$/, ''), key })),
    ),
    quorum: Math.min(quorum, Math.max(1, witnesses.length)),
    retention: compileRetention(entry.retention, report),
  })
}

/** The name in a vkey for cosignatures whose id fits; `undefined` for anything else. */
function witnessName(vkey: string): string | undefined {
  const [, name, id, encoded] = VKEY.exec(vkey) ?? []
  if (name === undefined || id === undefined || encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  if (KEY_BYTES[bytes[0] ?? 0] !== bytes.length - 1) return undefined
  const digest = createHash('sha256').update(`${name}\n`).update(bytes).digest('hex')
  return digest.startsWith(id) ? name : undefined
}
