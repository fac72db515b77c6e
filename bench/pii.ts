import { readFileSync } from 'node:fs'
import { findPii } from '../src/flow/verify/checks/pii/find.ts'
import { DEFAULT_KINDS } from '../src/flow/verify/checks/pii/kinds.ts'

/**
 * Recall and precision of the `pii` check on texts with labelled spans, in the format of presidio-research.
 *
 *   node bench/pii.ts FILE.json [REGION]
 */
interface Labelled {
  readonly full_text: string
  readonly spans: readonly {
    readonly entity_type: string
    readonly start_position: number
    readonly end_position: number
  }[]
}

const KIND_OF: Readonly<Record<string, string>> = {
  EMAIL_ADDRESS: 'email',
  PHONE_NUMBER: 'phone',
  CREDIT_CARD: 'card',
  IBAN_CODE: 'iban',
  IP_ADDRESS: 'ip',
  US_SSN: 'ssn',
  US_DRIVER_LICENSE: 'driver_licence',
}

const [, , file, region = 'US'] = process.argv
if (file === undefined) throw new Error('usage: node bench/pii.ts FILE.json [REGION]')
const texts = JSON.parse(readFileSync(file, 'utf8')) as readonly Labelled[]
const counts = new Map<string, { labelled: number; found: number; hits: number; right: number }>()
const count = (kind: string) => {
  const known = counts.get(kind) ?? { labelled: 0, found: 0, hits: 0, right: 0 }
  counts.set(kind, known)
  return known
}
for (const { full_text: text, spans } of texts) {
  const hits = findPii(text, { kinds: new Set(DEFAULT_KINDS), regions: [region as never] })
  for (const { entity_type, start_position, end_position } of spans) {
    const kind = KIND_OF[entity_type]
    if (kind === undefined) continue
    count(kind).labelled++
    if (hits.some((hit) => hit.kind === kind && hit.start <= start_position && hit.end >= end_position))
      count(kind).found++
  }
  for (const hit of hits) {
    count(hit.kind).hits++
    const right = spans.some(
      (span) =>
        KIND_OF[span.entity_type] === hit.kind &&
        span.start_position < hit.end &&
        hit.start < span.end_position,
    )
    if (right) count(hit.kind).right++
  }
}
const share = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)}%`
console.log(`${texts.length} texts, default_region ${region}`)
console.log('| kind | labelled | recall | hits | precision |\n|---|---:|---:|---:|---:|')
for (const [kind, { labelled, found, hits, right }] of [...counts].toSorted(
  ([, a], [, b]) => b.labelled - a.labelled,
)) {
  console.log(`| ${kind} | ${labelled} | ${share(found, labelled)} | ${hits} | ${share(right, hits)} |`)
}
