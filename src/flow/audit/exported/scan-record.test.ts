import { expect, test } from 'vitest'
import { canonicalJson } from '../../../action/digest.ts'
import type { JsonObject } from '../../../action/json.ts'
import { FIELDS, newFields, scanRecord } from './scan-record.ts'

const fields = newFields()

function scanned(text: string): Record<string, string | undefined> | undefined {
  const bytes = Buffer.from(`##${text}##`)
  if (!scanRecord(bytes, 2, bytes.length - 2, fields)) return undefined
  const found: Record<string, string | undefined> = {}
  for (const [name, at] of Object.entries(FIELDS))
    if (fields[at] !== 0) found[name] = bytes.toString('utf8', fields[at], fields[at + 1])
  return found
}

test.each<JsonObject>([
  { action: 'act_1', chain: 'main', kind: 'decision', payload: { digest: 'd', kind: 'k' }, seq: 12 },
  { action: null, chain: 'r-"\\}{', kind: 'anchor', payload: null, seq: 1, chains: [{ chain: 'x', seq: 9 }] },
  {
    seq: 3,
    reasons: [{ code: 'a:b', message: 'says "seq":4, {"chain":"other"}' }],
    a: { seq: 5, kind: [[]] },
  },
  { zeta: 'ü\u{1f600}\u0001', action: '', b: true, c: -1.5e-7, seqs: 1, se: 2 },
  { actions: 1 },
])('finds the fields at the top of %j, and only there', (record) => {
  const expected: Record<string, string> = {}
  for (const name of Object.keys(FIELDS)) {
    const value = record[name]
    if (value !== undefined) expected[name] = canonicalJson(value)
  }
  expect(scanned(canonicalJson(record))).toEqual(expected)
})

test.each([
  '',
  '{',
  '{}',
  '[]',
  '{"a"}',
  '{"a":}',
  '{"a":1',
  '{"a":1}}',
  '{"a":1,}',
  '{"a":"',
  '{"a":"\\',
  '{"a":[1}',
  'x{"a":1}',
  '{"a":1}x',
  '{a:1}',
])('%j is no record', (text) => {
  expect(scanned(text)).toBeUndefined()
})
