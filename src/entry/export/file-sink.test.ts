import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fileSink } from './file-sink.ts'
import type { ExportedRecord, Sink } from './sink.ts'

let folder: string
let path: string
const { signal } = new AbortController()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-file-'))
  path = join(folder, 'deep', 'events.ndjson')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (maxBytes = 10_000, keep = 2): Sink =>
  fileSink({
    path,
    maxBytes,
    keep,
    events: ({ seq }) => [{ seq, pad: 'x'.repeat(80) }],
    wantsDecision: false,
  })
const records = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ seq: from + index }) as ExportedRecord)
const seqs = (file: string): number[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { seq: number }).seq)

test('appends lines, for its owner alone, and goes on where it was', async () => {
  const first = open()
  await first.send(records(1, 3), signal)
  await first.close()
  const second = open()
  await second.send(records(4, 2), signal)
  await second.close()
  expect(seqs(path)).toEqual([1, 2, 3, 4, 5])
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.each(['{"seq":9,"pad":"cut of', 'x'.repeat(200_000)])(
  'cuts away a line that a crash cut off',
  async (torn) => {
    const first = open(1_000_000)
    await first.send(records(1, 3), signal)
    await first.close()
    appendFileSync(path, torn)
    const second = open(1_000_000)
    await second.send(records(4, 1), signal)
    await second.close()
    expect(seqs(path)).toEqual([1, 2, 3, 4])
  },
)

test('removes the oldest that were put aside, and nothing else that begins so', async () => {
  const sink = open(300, 2)
  await sink.send(records(1, 1), signal)
  const others = ['0.ndjson', 'events.ndjson.0-mine', 'events.ndjson.db'].map((name) =>
    join(folder, 'deep', name),
  )
  for (const other of others) writeFileSync(other, 'not ours')
  for (let seq = 2; seq < 20; seq++) await sink.send(records(seq, 2), signal)
  await sink.close()
  for (const other of others) expect(readFileSync(other, 'utf8')).toBe('not ours')
  expect(readdirSync(join(folder, 'deep'))).toHaveLength(others.length + 1 + 2)
})

test('a file of nothing but half a line begins anew', async () => {
  const first = open()
  await first.send(records(1, 1), signal)
  await first.close()
  writeFileSync(path, '{"half')
  const second = open()
  await second.send(records(2, 1), signal)
  await second.close()
  expect(seqs(path)).toEqual([2])
})

test('a full file is put aside, and the oldest of too many are removed', async () => {
  const sink = open(1_000, 2)
  for (let from = 1; from <= 41; from += 10) await sink.send(records(from, 10), signal)
  await sink.close()
  const files = readdirSync(join(folder, 'deep')).toSorted()
  expect(files).toHaveLength(3)
  expect(files.flatMap((name) => seqs(join(folder, 'deep', name))).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 30 }, (_, index) => index + 21),
  )
})

test('what cannot be written is not sent', async () => {
  const sink = fileSink({
    path: folder,
    maxBytes: 1_000,
    keep: 1,
    events: () => [{}],
    wantsDecision: false,
  })
  await expect(sink.send(records(1, 1), signal)).rejects.toThrow('EISDIR')
})
