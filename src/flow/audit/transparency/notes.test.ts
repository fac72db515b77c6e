import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  checkpointText,
  formatCheckpoints,
  parseCheckpoint,
  parseCheckpoints,
  signCheckpoint,
} from './checkpoint.ts'
import { cosign, cosignedAt } from './cosignature.ts'
import { EMPTY_ROOT } from './merkle.ts'
import { identityKey, keysFor, logIdentity, parseTrustedLog } from './log-identity.ts'
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  formatNote,
  parseNote,
  signersOf,
} from './signed-note.ts'
import { formatTilePath, parseTilePath, tilesOf } from './tile-path.ts'
import { formatTlogProof, parseTlogProof, parseTlogProofs } from './tlog-proof.ts'
import { formatVerifierKey, parseVerifierKey, publicBytes, verifierKey } from './verifier-key.ts'

const pair = generateKeyPairSync('ed25519')
const identity = logIdentity(pair.privateKey, 'log.example/belay')
const signed = signCheckpoint(
  { origin: 'log.example/belay/main', size: 0, root: EMPTY_ROOT },
  identity.key,
  identity.publicKey,
)

describe('signed notes', () => {
  test('the example of the specification verifies', () => {
    const key = parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
    const line =
      '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
    const note = parseNote(`This is an example message.\n\n${line}`)
    if (key === undefined || note === undefined) throw new Error('not parsed')
    expect(signersOf(note, [key])).toEqual({ by: [key], forged: false })
    expect(signersOf({ ...note, text: 'This is another message.\n' }, [key])).toEqual({
      by: [],
      forged: true,
    })
    expect(formatNote(note)).toBe(`This is an example message.\n\n${line}`)
  })

  test.each([
    ['no signature', 'text\n'],
    ['no end of line', 'text\n\n— a AAAAAAA='],
    ['a control character', 'te\txt\n\n— a AAAAAAAA\n'],
    ['a carriage return', 'text\r\n\n— a AAAAAAAA\n'],
    ['a hyphen for a dash', 'text\n\n- a AAAAAAAA\n'],
    ['a key name with a plus', 'text\n\n— a+b AAAAAAAA\n'],
    ['a signature too short', 'text\n\n— a AAAA\n'],
    ['base64 that is not canonical', 'text\n\n— a AAAAAAB=\n'],
    ['half a character', 'te\ud800xt\n\n— a AAAAAAAA\n'],
    ['too many signatures', `text\n\n${'— a AAAAAAAA\n'.repeat(65)}`],
  ])('%s is no note', (_what, text) => {
    expect(parseNote(text)).toBeUndefined()
  })

  test('signatures of others are ignored, also beside one that counts', () => {
    const note = parseNote(formatNote(signed.note).concat('— other.example/x AAAAAAAA\n'))
    const keys = keysFor('log.example/belay/main', [{ name: null, publicKey: identity.publicKey }])
    expect(note === undefined ? undefined : signersOf(note, keys).by).toEqual(keys)
  })
})

describe('keys', () => {
  test('are read as they are written, and not when anything in them differs', () => {
    const text = identityKey(identity)
    expect(parseTrustedLog(text)).toEqual({ name: 'log.example/belay', publicKey: identity.publicKey })
    for (const bad of ['', 'a', text.slice(1), text.slice(0, -4), `${text}AAAA`, text.replace('+', '+0')])
      expect(parseTrustedLog(bad)).toBeUndefined()
    expect(parseVerifierKey(`a+00000000+${'A'.repeat(5000)}`)).toBeUndefined()
  })

  test('count for their origin and those below it', () => {
    const trusted = [{ name: 'log.example/belay', publicKey: identity.publicKey }]
    expect(keysFor('log.example/belay', trusted)).toHaveLength(1)
    expect(keysFor('log.example/belay/main', trusted)).toHaveLength(1)
    expect(keysFor('log.example/belayer', trusted)).toHaveLength(0)
    expect(keysFor('log.example', trusted)).toHaveLength(0)
    expect(keysFor('log.example/belay/a b', trusted)).toHaveLength(0)
  })

  test('without a name of its own, a log is named after its key', () => {
    expect(logIdentity(pair.privateKey, null).name).toMatch(/^belay-[0-9a-f]{16}$/)
  })
})

describe('checkpoints', () => {
  test('are read as they are written, one or several', () => {
    const other = signCheckpoint(
      { ...signed, origin: 'log.example/belay/r-2', size: 7 },
      identity.key,
      identity.publicKey,
    )
    expect(parseCheckpoint(formatCheckpoints([signed]))).toEqual(signed)
    expect(parseCheckpoints(formatCheckpoints([signed, other]))).toEqual([signed, other])
    expect(parseCheckpoints(`${formatCheckpoints([signed])}\nnonsense\n`)).toBeUndefined()
  })

  test.each([
    ['a size with a zero in front', (text: string) => text.replace('\n0\n', '\n00\n')],
    ['a size below zero', (text: string) => text.replace('\n0\n', '\n-1\n')],
    ['a size no number can hold', (text: string) => text.replace('\n0\n', '\n9999999999999999\n')],
    ['a root too short', (text: string) => text.replace(/\n[^\n]*\n$/, '\nAAAA\n')],
    ['no origin', (text: string) => text.replace(/^[^\n]*/, '')],
  ])('%s is none', (_what, change) => {
    const text = change(checkpointText(signed))
    expect(text).not.toBe(checkpointText(signed))
    expect(parseCheckpoint(formatNote({ ...signed.note, text }))).toBeUndefined()
  })
})

describe('cosignatures', () => {
  const witness = {
    name: 'witness.example/w1',
    key: pair.privateKey,
    publicKey: publicBytes(pair.privateKey),
  }
  const key = verifierKey(witness.name, COSIGNATURE_ED25519, witness.publicKey)

  test('hold for the checkpoint and time, and for nothing else', () => {
    const cosignature = cosign(signed.note.text, witness, 1_700_000_000)
    expect(cosignedAt(cosignature.signature)).toBe(1_700_000_000)
    expect(key?.keyId).toBe(cosignature.keyId)
    expect(key?.holds(signed.note.text, cosignature.signature)).toBe(true)
    expect(key?.holds(signed.note.text.replace('main', 'niam'), cosignature.signature)).toBe(false)
    const later = Buffer.from(cosignature.signature)
    later[7] = (later[7] as number) + 1
    expect(key?.holds(signed.note.text, later)).toBe(false)
    expect(key?.holds(signed.note.text, cosign(signed.note.text, witness, 0).signature)).toBe(false)
    expect(key?.holds(signed.note.text, Buffer.alloc(3))).toBe(false)
  })

  test('the example of the specification is laid out as ours are', () => {
    const line =
      'jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=='
    const bytes = Buffer.from(line, 'base64')
    expect(bytes.length).toBe(4 + 8 + 64)
    expect(cosignedAt(bytes.subarray(4))).toBe(1_679_315_147)
  })

  test('of ML-DSA-44 are verified too', async () => {
    const { sign } = await import('node:crypto')
    const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-44')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-1312)
    const pqKey = verifierKey('w.example', COSIGNATURE_ML_DSA_44, raw)
    if (pqKey === undefined) throw new Error('no key')
    expect(parseVerifierKey(formatVerifierKey(pqKey))?.keyId).toBe(pqKey.keyId)
    const u64 = (n: number): Buffer => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64BE(BigInt(n))
      return bytes
    }
    const message = Buffer.concat([
      Buffer.from('subtree/v1\n\0'),
      Buffer.of(9),
      Buffer.from('w.example'),
      u64(1_700_000_000),
      Buffer.of(signed.origin.length),
      Buffer.from(signed.origin),
      u64(0),
      u64(0),
      EMPTY_ROOT,
    ])
    const signature = Buffer.concat([u64(1_700_000_000), sign(null, message, privateKey)])
    expect(pqKey.holds(signed.note.text, signature)).toBe(true)
    signature[20] = (signature[20] as number) ^ 1
    expect(pqKey.holds(signed.note.text, signature)).toBe(false)
  })
})

describe('paths of tiles', () => {
  test('are those of the specification', () => {
    expect(formatTilePath({ level: 3, index: 1_234_067, width: 256 })).toBe('3/x001/x234/067')
    expect(formatTilePath({ level: 'entries', index: 0, width: 5 })).toBe('entries/000.p/5')
    // A tree of size 70,000, in the words of the specification.
    const tiles = [...tilesOf(70_000)].filter(({ level }) => level !== 'entries')
    expect(tiles.filter(({ level, width }) => level === 0 && width === 256)).toHaveLength(273)
    expect(tiles.filter(({ width }) => width < 256)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ])
    expect([...tilesOf(256)].filter(({ level }) => level !== 'entries')).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ])
    for (const tile of tilesOf(70_000)) expect(parseTilePath(formatTilePath(tile))).toEqual(tile)
  })

  test.each([
    '',
    '0',
    '0/1',
    '0/0001',
    '00/001',
    '64/001',
    '0/x000/001',
    '0/001.p/0',
    '0/001.p/256',
    '0/001.p/01',
    '0/../001',
    'entries',
    '0/x1/001',
    `0/${'x999/'.repeat(6)}999`,
    '0/001/',
    'x/001',
  ])('%j is none', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })
})

describe('proof files', () => {
  const proof = { extra: Buffer.from('{"a":1}'), index: 0, path: [EMPTY_ROOT], checkpoint: signed }

  test('are read as they are written, one or several', () => {
    const text = formatTlogProof(proof)
    expect(text.startsWith('c2sp.org/tlog-proof@v1\nextra eyJhIjoxfQ==\nindex 0\n')).toBe(true)
    expect(parseTlogProof(text)).toEqual(proof)
    expect(parseTlogProof(formatTlogProof({ ...proof, extra: undefined, path: [] }))).toEqual({
      ...proof,
      extra: undefined,
      path: [],
    })
    expect(parseTlogProofs(text + text)).toEqual([proof, proof])
    expect(parseTlogProofs(`x\n${text}`)).toBeUndefined()
  })

  test.each([
    ['another version', (text: string) => text.replace('@v1', '@v2')],
    ['an index with a zero in front', (text: string) => text.replace('index 0', 'index 00')],
    ['extra data that are no base64', (text: string) => text.replace('eyJh', 'ey!h')],
    ['a hash too short', (text: string) => text.replace(EMPTY_ROOT.toString('base64'), 'AAAA')],
    [
      'a path without end',
      (text: string) =>
        text.replace('index 0\n', `index 0\n${`${EMPTY_ROOT.toString('base64')}\n`.repeat(64)}`),
    ],
    ['no checkpoint', (text: string) => text.slice(0, text.indexOf('\n\n') + 2)],
  ])('%s is none', (_what, change) => {
    expect(parseTlogProof(change(formatTlogProof(proof)))).toBeUndefined()
  })
})
