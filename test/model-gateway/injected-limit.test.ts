import { afterEach, expect, inject, test } from 'vitest'
import { startGateway } from '../setup/gateway.ts'
import { STORES } from '../setup/flow-on.ts'
import { freshDatabase } from '../setup/start-postgres.ts'
import { ask, clientsOf, policyFor, RATES, reservedFor, ROUTES, settled } from './drive.ts'
import { startProvider } from './provider/provider.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const CASES = STORES.flatMap((store) =>
  ROUTES.filter((route) => route !== 'messages').map((route) => ({ store, route })),
)

test.each(CASES)(
  'an answer without a limit may be as long as the budget affords: $route on $store',
  async ({ store, route }) => {
    const provider = await startProvider()
    open.push(() => provider.close())
    const limit = 0.02
    const gateway = await startGateway(
      policyFor(provider, { agent: `{ budget: [{ limit_usd: ${limit}, per: day }] }` }),
      provider,
      store === 'postgres' ? { databaseUrl: await freshDatabase(inject('postgresUrl')) } : {},
    )
    open.push(() => gateway.close())
    const clients = clientsOf(gateway.url, await gateway.key('agent'))
    const how = { route, stream: false, prompt: 'go' }
    expect((await ask(clients, how)).error).toBeNull()
    const [action] = await settled(gateway, 'agent')
    const reserved = await reservedFor(gateway, action!)
    const given = provider.requests[0]!.maxTokens!
    expect(reserved).toBeLessThanOrEqual(limit * 1e9)
    // One token more would not have been paid for.
    expect(given).toBeGreaterThan(16)
    expect(reserved + RATES.output * 1000).toBeGreaterThan(limit * 1e9)
    expect(given * RATES.output * 1000).toBeLessThanOrEqual(reserved)

    // Until what is left pays for no answer at all.
    const told: number[] = [given]
    for (let call = 1; call < 20; call++) {
      provider.script([{ text: 'word '.repeat(4000) }])
      const { error } = await ask(clients, how)
      if (error !== null) {
        expect(error.message).toContain('would exceed the budget')
        break
      }
      told.push(provider.requests.at(-1)!.maxTokens!)
      await settled(gateway, 'agent')
    }
    expect(told.length).toBeLessThan(20)
    expect(told.toSorted((a, b) => b - a)).toEqual(told)
    const [report] = await gateway.harness.store.budgets({
      agent: 'agent',
      at: gateway.harness.store.now(),
    })
    expect(report!.spent).toBeLessThanOrEqual(limit * 1e9)
    expect(report!.reserved).toBe(0)
  },
)
