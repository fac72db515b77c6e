import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openHarness } from '../harness.ts'
import { startHttpServer } from '../http-api/server.ts'
import { ApiClient } from './api-client.ts'
import { Belay } from './belay.ts'
import { ResultWithheld } from './errors.ts'

const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
actions:
  inbox.read:
    effect: read
    result:
      verify:
        - pii: { then: redact }
        - banned_phrases: { phrases: [top secret] }
  inbox.count: { effect: read }
`
const ADMIN = 'an-admin-token-for-tests'

let folder: string
const closing: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-judged-'))
  writeFileSync(join(folder, 'belay.yaml'), POLICY)
})

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  rmSync(folder, { recursive: true, force: true })
})

async function embedded(): Promise<Belay> {
  const belay = await Belay.open({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
  closing.push(() => belay.close())
  return belay
}

async function remote(): Promise<Belay> {
  const harness = await openHarness({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
  closing.push(() => harness.close())
  const { flow, store, policies } = harness
  const log = { level: 'silent' } as const
  const server = await startHttpServer({
    flow,
    store,
    policies,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log,
  })
  closing.push(() => server.close())
  const { key } = await new ApiClient(server.url, ADMIN).object('POST', '/v1/keys', {
    body: { agent: 'reader' },
  })
  const belay = await Belay.open({ url: server.url, key: key as string })
  closing.push(() => belay.close())
  return belay
}

describe.each([
  ['embedded', embedded],
  ['remote', remote],
])('results, %s', (_name, open) => {
  const READER = { agent: 'reader', idempotencyKey: 'once' }

  test.each([
    ['a text', 'mail jane@example.com now'],
    ['a list', ['mail jane@example.com now']],
    ['an object', { mail: { from: 'jane@example.com' } }],
  ])('%s comes back redacted, and again so', async (_what, result) => {
    const belay = await open()
    const read = belay.guard('inbox.read', { run: () => result as unknown })
    const first = await read({}, READER)
    expect(JSON.stringify(first)).not.toContain('jane@example.com')
    expect(Array.isArray(first)).toBe(Array.isArray(result))
    expect(typeof first).toBe(typeof result)
    expect(await read({}, READER)).toEqual(first)
  })

  test('what is denied is withheld, now and from a repeated call', async () => {
    const belay = await open()
    const read = belay.guard('inbox.read', { run: () => ({ body: 'this is top secret' }) })
    for (let n = 0; n < 2; n++) {
      const thrown = await read({}, READER).catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(ResultWithheld)
      expect((thrown as ResultWithheld).reasons).not.toEqual([])
      expect((await belay.action((thrown as ResultWithheld).id)).state).toBe('succeeded')
    }
  })

  test('what no check can read is withheld where there are checks, and passes where there are none', async () => {
    const belay = await open()
    const read = belay.guard('inbox.read', { run: () => 'x'.repeat(300_000) })
    await expect(read({}, { agent: 'reader' })).rejects.toBeInstanceOf(ResultWithheld)
    const count = belay.guard('inbox.count', { run: () => 'x'.repeat(300_000) })
    expect(await count({}, { agent: 'reader' })).toHaveLength(300_000)
  })
})
