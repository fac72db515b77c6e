import { createParser } from 'eventsource-parser'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADMIN, startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'
import { dropDatabase, freshDatabase } from '../../../test/setup/start-postgres.ts'

let databaseUrl: string
let replicas: [TestServer, TestServer]
beforeAll(async () => {
  databaseUrl = await freshDatabase(inject('postgresUrl'))
  replicas = [await startTestServer({ databaseUrl }), await startTestServer({ databaseUrl })]
})
afterAll(async () => {
  await Promise.all(replicas.map((each) => each.close()))
  await dropDatabase(databaseUrl)
})

/** Reads decisions until all of the actions have been told; answers their ids in order and the last event's id. */
async function readUntil(
  from: TestServer,
  after: string,
  wanted: readonly string[],
): Promise<{ told: string[]; last: string }> {
  const hangUp = new AbortController()
  const headers = { authorization: `Bearer ${ADMIN}`, 'last-event-id': after }
  const response = await fetch(`${from.url}/v1/events`, { headers, signal: hangUp.signal })
  expect(response.status).toBe(200)
  const told: string[] = []
  let last = after
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      last = id ?? last
      if (event === 'decision') told.push((JSON.parse(data) as { action: string }).action)
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of response.body!) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
    if (wanted.every((id) => told.includes(id))) break
  }
  hangUp.abort()
  return { told, last }
}

test('a reader moves between replicas, each with a chain of its own, without loss or repeats', async () => {
  const [first, second] = replicas
  const key = await first.key('writer')
  const propose = async (at: TestServer) => (await at.propose('note.read', key)).id as string
  // Where everything begins: before the first record of either chain.
  const chains = await first.harness.store.chains()
  expect(chains.length).toBeGreaterThanOrEqual(2)
  let after = chains.map(({ chain, seq }) => `${encodeURIComponent(chain)}:${seq}`).join(',')
  const all: string[] = []
  const told: string[] = []
  for (const reader of [first, second, first, second]) {
    const ids = await Promise.all([propose(first), propose(second), propose(first), propose(second)])
    all.push(...ids)
    const read = await readUntil(reader, after, ids)
    told.push(...read.told)
    after = read.last
  }
  expect(told.toSorted()).toEqual(all.toSorted())
})

test('a key that one replica revokes stops working at the other within its second', async () => {
  const [first, second] = replicas
  const made = (await first.call('POST', '/v1/keys', { agent: 'reader' })).body
  const status = async () => (await second.call('GET', '/v1/actions', undefined, { token: made.key })).status
  expect(await status()).toBe(200)
  await first.call('DELETE', `/v1/keys/${made.id}`)
  const revokedAt = performance.now()
  while ((await status()) !== 401) expect(performance.now() - revokedAt).toBeLessThan(2_000)
})
