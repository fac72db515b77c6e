import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readBaseline, writeBaseline } from './baseline.ts'
import type { CodeFinding } from './finding.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-baseline-'))
const file = join(folder, 'baseline.json')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const finding = (fingerprint: string, line: number): CodeFinding => ({
  rule: 'a/b',
  cwe: null,
  severity: 'error',
  message: 'm',
  location: { path: 'x.ts', line, column: 1, endLine: line, endColumn: 1 },
  path: [],
  fingerprint,
})

it('is the same file wherever its findings stand', () => {
  writeBaseline(file, [finding('f2', 1), finding('f1', 2)])
  const first = readFileSync(file, 'utf8')
  writeBaseline(file, [finding('f1', 50), finding('f2', 70), finding('f2', 71)])
  expect(readFileSync(file, 'utf8')).toBe(first)
  expect([...readBaseline(file)]).toEqual(['f1', 'f2'])
})

it.each(['', '[]', '{"version":2,"findings":[]}', '{"version":1,"findings":[{}]}', '{"version":1}', 'null'])(
  'what is none is an error, not an empty one: %s',
  (text) => {
    writeFileSync(file, text)
    expect(() => readBaseline(file)).toThrow(/cannot be read/)
  },
)

it('a missing one is an error', () => {
  expect(() => readBaseline(join(folder, 'none'))).toThrow(/--update-baseline/)
})
