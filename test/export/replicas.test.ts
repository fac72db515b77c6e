import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { Exports } from '../../src/entry/export/exports.ts'
import { loadPolicy } from '../../src/policy/load-policy.ts'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import type { Store } from '../../src/storage/store.ts'
import { dropDatabase, freshDatabase } from '../setup/start-postgres.ts'
import { startReceiver, type Receiver } from './receiver.ts'

const publicKey = createPublicKey(generateKeyPairSync('ed25519').privateKey)

let url: string
let receiver: Receiver
const opened: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await freshDatabase(inject('postgresUrl'))
  receiver = await startReceiver()
})
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close()
  await receiver.close()
  await dropDatabase(url)
})

async function replica(to: string): Promise<{ readonly store: Store; readonly exports: Exports }> {
  const text = `version: 1\nexport:\n  bus: { format: cloudevents, url: "${to}", from: start }\n`
  const { policy } = loadPolicy({ text, path: null }, { checks: [] })
  const store = await openPostgres({ url })
  const exports = new Exports({
    store,
    rules: () => policy!.exports,
    publicKey,
    version: '0.0.0',
    note: () => undefined,
    onFault: () => undefined,
    scale: 0.01,
  })
  opened.push(store, exports)
  await exports.policyChanged()
  return { store, exports }
}

async function write(store: Store, count: number): Promise<void> {
  for (let n = 0; n < count; n++)
    await store.commit({
      records: [{ kind: 'policy', at: store.now(), action: null, agent: null, body: { n } }],
    })
}

test('each replica sends its own chain, and a living one what a dead one left behind', async () => {
  const one = await replica(receiver.url)
  const two = await replica(receiver.url)
  const lost = await replica('http://127.0.0.1:1')
  await Promise.all([write(one.store, 20), write(two.store, 20), write(lost.store, 20)])
  await lost.exports.close()
  await lost.store.close()
  const chains = await one.store.chains()
  expect(chains).toHaveLength(3)
  const wanted = new Set(
    chains.flatMap(({ chain, seq }) => Array.from({ length: seq }, (_, index) => `${chain}/${index + 1}`)),
  )
  await Promise.all([one.exports.caughtUp(), two.exports.caughtUp()])
  const ids = receiver.taken.flatMap(({ body }) =>
    (JSON.parse(body.toString()) as JsonObject[]).map(({ id }) => id),
  )
  expect(new Set(ids)).toEqual(wanted)
  expect(ids).toHaveLength(wanted.size)
})
