import { createPublicKey } from 'node:crypto'
import { createRequire } from 'node:module'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportTiles } from '../../src/entry/cli/export-tiles.ts'
import { verifyFile } from '../../src/entry/cli/verify-file.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { ADMIN, startTestServer, type TestServer } from '../setup/http-server.ts'
import { openCheckpoint, openProof, readLog, rootsFromConsistency } from './independent-verifier.ts'

// Written by others for Rekor's log: the parts that verify inclusion and checkpoints.
const require = createRequire(import.meta.url)
const { verifyMerkleInclusion } = require('@sigstore/verify/dist/tlog/merkle.js') as {
  verifyMerkleInclusion: (
    entry: { canonicalizedBody: Buffer; inclusionProof: { logIndex: string; hashes: Buffer[] } },
    checkpoint: { logSize: bigint; logHash: Buffer },
  ) => void
}
const { verifyCheckpoint } = require('@sigstore/verify/dist/tlog/checkpoint.js') as {
  verifyCheckpoint: (
    entry: { inclusionProof: { checkpoint: { envelope: string } } },
    logs: readonly { logID: Buffer; baseURL: string; publicKey: unknown }[],
  ) => { logSize: bigint; logHash: Buffer }
}

let server: TestServer
let folder: string
let key: string
let ids: string[]
const text = async (path: string): Promise<string> => (await server.call('GET', path)).body as string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-other-'))
  server = await startTestServer()
  ids = []
  for (let n = 0; n < 290; n++) ids.push((await server.propose('note.read')).id as string)
  key = (await server.call('GET', '/v1/ledger/logs')).body.items[0].key as string
}, 60_000)
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a verifier that shares no code with ours', () => {
  test('accepts proofs of records, and no other record in their place', async () => {
    for (const id of [ids[0], ids[100], ids[289]]) {
      const proofs = (await text(`/v1/ledger/proof/${id}`)).split(/^(?=c2sp)/m)
      expect(proofs.length).toBeGreaterThan(0)
      for (const proof of proofs) {
        expect(JSON.parse(openProof(proof, key).text)).toMatchObject({ action: id })
        expect(() =>
          openProof(
            proof.replace(/^index (\d+)/m, (_, n) => `index ${Number(n) + 1}`),
            key,
          ),
        ).toThrow('not in the log')
        const other = proof.replace(/^extra .*$/m, (line) => {
          const extra = JSON.parse(Buffer.from(line.slice(6), 'base64').toString()) as { text: string }
          const changed = JSON.stringify({ ...extra, text: extra.text.replace('"allow"', '"deny"') })
          return `extra ${Buffer.from(changed).toString('base64')}`
        })
        expect(() => openProof(other, key)).toThrow('not in the log')
      }
    }
  })

  test('reads the whole log from the folder that is exported', async () => {
    const count = await exportTiles(new ApiClient(server.url, ADMIN), folder)
    expect(count).toBe(1)
    const entries = readLog(join(folder, 'main'), key)
    const records = await server.harness.store.records('main', 0, 1000)
    expect(entries.map((entry) => JSON.parse(entry) as unknown)).toEqual(
      records.slice(0, entries.length).map(({ chain, hash, seq }) => ({ chain, hash, seq })),
    )
    expect(entries.length).toBeGreaterThan(256)
  })

  test('accepts consistency proofs', async () => {
    const log = await server.harness.ledgerLog.open()
    const first = openCheckpoint(await text('/v1/ledger/log/main/checkpoint'), key)
    await server.propose('note.read')
    const second = openCheckpoint(await text('/v1/ledger/log/main/checkpoint'), key)
    expect(second.size).toBeGreaterThan(first.size)
    const proof = await log.reader('main').consistencyProof(first.size, second.size)
    const roots = rootsFromConsistency(first.size, second.size, proof, first.root)
    expect(roots.old.equals(first.root)).toBe(true)
    expect(roots.new.equals(second.root)).toBe(true)
    for (const from of [1, 2, 3, 64, 255, 256, 257]) {
      const old = await log.reader('main').root(from)
      const path = await log.reader('main').consistencyProof(from, second.size)
      const found = rootsFromConsistency(from, second.size, path, old)
      expect([found.old, found.new]).toEqual([old, second.root])
    }
  })
})

test('the verifier of @sigstore/verify accepts our checkpoints and proofs', async () => {
  const [proof = ''] = (await text(`/v1/ledger/proof/${ids[100]}`)).split(/^(?=c2sp)/m).slice(0, 1)
  const { leaf } = openProof(proof, key)
  const split = proof.indexOf('\n\n')
  const [, , index = '', ...path] = proof.slice(0, split).split('\n')
  const [name = '', id = '', ...material] = key.split('+')
  const x = Buffer.from(material.join('+'), 'base64').subarray(1).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const trusted = [{ logID: Buffer.from(id, 'hex'), baseURL: `https://${name}`, publicKey }]
  const envelope = proof.slice(split + 2)
  const checkpoint = verifyCheckpoint({ inclusionProof: { checkpoint: { envelope } } }, trusted)
  const entry = {
    canonicalizedBody: Buffer.from(leaf),
    inclusionProof: {
      logIndex: index.replace('index ', ''),
      hashes: path.map((line) => Buffer.from(line, 'base64')),
    },
  }
  verifyMerkleInclusion(entry, checkpoint)
  const other = { ...entry, canonicalizedBody: Buffer.from(leaf.replace('main', 'niam')) }
  expect(() => verifyMerkleInclusion(other, checkpoint)).toThrow('root hash')
  const forged = envelope.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`)
  expect(() => verifyCheckpoint({ inclusionProof: { checkpoint: { envelope: forged } } }, trusted)).toThrow(
    'invalid checkpoint signature',
  )
})

test('what the API answers is verified offline by the command, under a key that is given', async () => {
  const proof = join(folder, 'one.tlog-proof')
  writeFileSync(proof, await text(`/v1/ledger/proof/${ids[5]}`))
  const exported = join(folder, 'ledger.ndjson')
  writeFileSync(exported, await text('/v1/ledger/export'))
  const elsewhere = { data: join(folder, 'nothing'), key: [key] }
  expect(await verifyFile(proof, elsewhere)).toMatchObject({ ok: true, faults: [] })
  expect(await verifyFile(exported, elsewhere)).toMatchObject({ ok: true, faults: [] })
  await expect(verifyFile(proof, { data: join(folder, 'nothing') })).rejects.toThrow(
    'Whose signature counts?',
  )
})
