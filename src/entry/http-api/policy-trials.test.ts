import { symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let writer: string
beforeAll(async () => {
  server = await startTestServer()
  writer = await server.key('writer')
})
afterAll(() => server.close())

const OTHER = 'version: 1\nagents: { writer: {} }\nactions: { note.read: {} }\n'
const LISTED = (file: string) =>
  `version: 1\nactions: { note.add: { verify: [{ banned_phrases: { file: ${file} } }] } }\n`

describe('policies that are not in force', () => {
  test('lint tells faults with their places', async () => {
    const good = await server.call('POST', '/v1/policy/lint', { text: OTHER })
    expect(good).toMatchObject({ status: 200, body: { faults: [] } })
    const bad = await server.call('POST', '/v1/policy/lint', { text: 'version: 1\nactons: {}\n' })
    expect(bad.body.faults[0]).toMatchObject({ severity: 'error', line: 2, column: 1 })
  })

  test('a backtest lists what would change', async () => {
    const added = await server.propose('note.add', writer)
    const read = await server.propose('note.read', writer)
    const { status, body } = await server.call('POST', '/v1/policy/backtest', { text: OTHER, since: '1h' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ judged: 2, changed: 1, not_judgeable: { erased: 0 }, complete: true })
    expect(body.changes).toMatchObject([
      { id: added.id, before: { decision: 'allow' }, after: { decision: 'deny' }, direction: 'stricter' },
    ])
    expect(body.changes[0].at).toBe(added.proposed_at)
    expect(body.groups).toMatchObject([{ action: 'note.add', count: 1, code: 'policy:no_match' }])
    expect(JSON.stringify(body)).not.toContain(read.id)
  })

  test('a bad policy, an agent and one who asks too much are refused', async () => {
    const path = '/v1/policy/backtest'
    expect(await server.call('POST', path, { text: 'version: 2' })).toMatchObject({
      status: 422,
      body: { code: 'policy:invalid' },
    })
    expect((await server.call('POST', path, { text: OTHER, limit: 0 })).status).toBe(400)
    expect((await server.call('POST', path, { text: OTHER, since: 'yesterday' })).status).toBe(400)
    expect((await server.call('POST', path, { text: OTHER }, { token: writer })).status).toBe(403)
  })

  test('one backtest runs at a time', async () => {
    const { store } = server.harness
    const chains = store.chains.bind(store)
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    store.chains = async () => {
      begun.resolve()
      await gate.promise
      return chains()
    }
    const first = server.call('POST', '/v1/policy/backtest', { text: OTHER })
    await begun.promise
    const second = await server.call('POST', '/v1/policy/backtest', { text: OTHER })
    expect(second).toMatchObject({ status: 503, body: { code: 'server:busy' } })
    store.chains = chains
    gate.resolve()
    expect((await first).status).toBe(200)
  })

  test('a backtest ends with whoever asked for it', async () => {
    const { store } = server.harness
    const chains = store.chains.bind(store)
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    store.chains = async () => {
      begun.resolve()
      await gate.promise
      return chains()
    }
    const leaver = new AbortController()
    const first = server.call('POST', '/v1/policy/backtest', { text: OTHER }, { signal: leaver.signal })
    await begun.promise
    leaver.abort()
    await expect(first).rejects.toThrow(/abort/i)
    store.chains = chains
    gate.resolve()
    await expect
      .poll(async () => (await server.call('POST', '/v1/policy/backtest', { text: OTHER })).status)
      .toBe(200)
  })

  test('policies that are sent are read one after the other, with pauses, and are bounded', async () => {
    const path = '/v1/policy/lint'
    const folder = dirname(server.harness.policies.current().path as string)
    writeFileSync(join(folder, 'many.txt'), 'some words\n'.repeat(30_000))
    const named = Array.from(
      { length: 4 },
      (_, n) => `  note.${n}: { verify: [{ banned_phrases: { file: many.txt } }] }`,
    )
    const tooMuch = await server.call('POST', path, { text: `version: 1\nactions:\n${named.join('\n')}\n` })
    expect(JSON.stringify(tooMuch.body.faults)).toContain('more than 1000000 characters together')
    expect((await server.call('POST', path, { text: `#${'x'.repeat(200_000)}` })).status).toBe(400)
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => server.call('POST', path, { text: OTHER })),
    )
    const statuses = answers.map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect((await server.call('POST', path, { text: OTHER })).status).toBe(200)
  })

  test('a policy that is sent reads no file but those beside the one in force', async () => {
    const folder = dirname(server.harness.policies.current().path as string)
    writeFileSync(join(folder, 'words.txt'), 'hello\n')
    symlinkSync('/etc/hostname', join(folder, 'link.txt'))
    const faultsOf = async (file: string): Promise<string> =>
      JSON.stringify((await server.call('POST', '/v1/policy/lint', { text: LISTED(file) })).body.faults)
    expect(await faultsOf('words.txt')).toBe('[]')
    for (const file of ['/etc/hostname', '../../etc/hostname', 'link.txt'])
      expect(await faultsOf(file)).toContain('does not lie beside the policy')
  })
})
