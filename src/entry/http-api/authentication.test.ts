import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN, startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'
import { Authenticator } from './authentication.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

test('a key that was looked up a moment ago is believed without waiting, until it is revoked', async () => {
  const authenticator = new Authenticator(server.harness.store, ADMIN)
  const key = await server.key('writer')
  const first = authenticator.agentOf(key)
  expect(first).toBeInstanceOf(Promise)
  expect(await first).toBe('writer')
  expect(authenticator.agentOf(key)).toBe('writer')
  const { hash } = (await server.harness.store.keys()).at(-1)!
  authenticator.forget(hash)
  expect(authenticator.agentOf(key)).toBeInstanceOf(Promise)
})

test('what is no key of an agent is nobody, without a look at the store', () => {
  const authenticator = new Authenticator(server.harness.store, ADMIN)
  for (const token of [ADMIN, '', 'blk_short', 'sk-123', `blk_${'!'.repeat(43)}`, `xblk_${'A'.repeat(43)}`])
    expect(authenticator.agentOf(token)).toBeUndefined()
})

test('a key that was never given is nobody', async () => {
  const authenticator = new Authenticator(server.harness.store, ADMIN)
  expect(await authenticator.agentOf(`blk_${'A'.repeat(43)}`)).toBeUndefined()
})
