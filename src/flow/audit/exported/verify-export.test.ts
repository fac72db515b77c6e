import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LedgerReport } from '../chain.ts'
import { exportHeader } from '../export-ledger.ts'
import { formatCheckpoints, signCheckpoint, type SignedCheckpoint } from '../transparency/checkpoint.ts'
import { recordHash, recordLeaf } from '../transparency/commitment.ts'
import { TreeRange } from '../transparency/tree-range.ts'
import { publicBytes } from '../transparency/verifier-key.ts'
import { verifyExport } from './verify-export.ts'

const key = generateKeyPairSync('ed25519').privateKey
const publicKey = publicBytes(key)
const trust = { logs: [{ name: 'log.example', publicKey }] }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-export-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Chain {
  readonly name: string
  readonly bodies: readonly object[]
}

/** A ledger of several chains as the exporter would write it. */
function ledgerOf(chains: readonly Chain[]): { lines: string[]; hashes: Map<string, string[]> } {
  const lines: string[] = []
  const ends: SignedCheckpoint[] = []
  const hashes = new Map<string, string[]>()
  for (const { name, bodies } of chains) {
    const tree = new TreeRange(0)
    let previous = '0'.repeat(64)
    hashes.set(name, [])
    for (const [i, body] of bodies.entries()) {
      const text = JSON.stringify({
        action: null,
        chain: name,
        kind: 'policy',
        payload: null,
        seq: i + 1,
        ...body,
      })
      previous = recordHash(previous, text)
      hashes.get(name)?.push(previous)
      tree.append(recordLeaf(JSON.stringify(name), i + 1, previous))
      lines.push(`{"hash":"${previous}","record":${text}}\n`)
    }
    ends.push(
      signCheckpoint({ origin: `log.example/${name}`, size: tree.next, root: tree.root() }, key, publicKey),
    )
  }
  lines.unshift(exportHeader(false))
  lines.push(`${JSON.stringify({ checkpoints: formatCheckpoints(ends) })}\n`)
  return { lines, hashes }
}

function verify(lines: readonly string[], threads: number): Promise<LedgerReport> {
  const file = join(folder, 'ledger.ndjson')
  writeFileSync(file, lines.join(''))
  return verifyExport(file, { trust, threads })
}

const bodies = (count: number): object[] =>
  Array.from({ length: count }, (_, n) => ({ note: 'x'.repeat(n % 90) }))

test('parts that were verified in threads join to the same report', async () => {
  const { lines } = ledgerOf([
    { name: 'r-1', bodies: bodies(700) },
    { name: 'r-2', bodies: bodies(3) },
    { name: 'r-3', bodies: bodies(400) },
  ])
  for (const threads of [1, 2, 3, 7])
    expect(await verify(lines, threads), `${threads} threads`).toMatchObject({
      ok: true,
      chains: 3,
      records: 1103,
      faults: [],
    })
})

test('what is wrong at the border of two parts is found', async () => {
  const { lines } = ledgerOf([{ name: 'main', bodies: bodies(4) }])
  for (let at = 1; at < lines.length; at++) {
    expect((await verify(lines.toSpliced(at, 1), 2)).ok, `line ${at} missing`).toBe(false)
    const line = lines[at] as string
    expect((await verify(lines.toSpliced(at, 0, line), 2)).ok, `line ${at} twice`).toBe(false)
  }
}, 60_000)

test('anchors are held against the chains that they name, wherever those stand in the file', async () => {
  const first = ledgerOf([{ name: 'r-2', bodies: bodies(5) }])
  const hash = first.hashes.get('r-2')?.[3]
  const anchor = (seq: number, of = hash): object => ({
    kind: 'anchor',
    chains: [{ chain: 'r-2', seq, hash: of }],
  })
  const chains = (...more: object[]): Chain[] => [
    { name: 'r-1', bodies: [{}, ...more] },
    { name: 'r-2', bodies: bodies(5) },
    { name: 'r-3', bodies: [{}, ...more] },
  ]
  expect(await verify(ledgerOf(chains(anchor(4))).lines, 1)).toMatchObject({ ok: true, faults: [] })
  // A chain may have gone on after its end was signed.
  expect(await verify(ledgerOf(chains(anchor(9))).lines, 2)).toMatchObject({ ok: true })
  const wrong = await verify(ledgerOf(chains(anchor(3))).lines, 2)
  expect(wrong.faults.map(({ code, chain, seq }) => [code, chain, seq])).toEqual([
    ['ledger:head', 'r-2', 3],
    ['ledger:head', 'r-2', 3],
  ])
  const gone = await verify(ledgerOf(chains(anchor(4)).toSpliced(1, 1)).lines, 1)
  expect(gone.faults.map(({ code }) => code)).toEqual(['ledger:head', 'ledger:head'])
})

test('a file that is no ledger is told so, whatever it holds', async () => {
  for (const text of [
    '',
    '\n',
    'x',
    '{"hash":"',
    exportHeader(false),
    `${exportHeader(true)}\n\n`,
    '{}\n'.repeat(9),
  ])
    expect((await verify([text], 1)).ok, `the file ${text}`).toBe(false)
  await expect(verifyExport(join(folder, 'nothing'), { trust })).rejects.toThrow('ENOENT')
})
