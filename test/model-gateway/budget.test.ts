import { afterEach, describe, expect, inject, test } from 'vitest'
import { freshDatabase, dropDatabase } from '../setup/start-postgres.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, budgetsOf, clientsOf, policyFor, priceOf, ROUTES, settled, type Got } from './drive.ts'
import { startProvider, type Provider } from './provider/provider.ts'
import { cut } from './provider/script.ts'

const DOLLAR = 1_000_000_000
const AT_ONCE = 100
/** An answer of forty tokens costs four cents. */
const RATES = { input: 10, output: 1000, cacheRead: 5, cacheWrite: 10 }
const ANSWER = { text: 'four'.repeat(40), usage: { input: 50, output: 40 } }

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(store: 'sqlite' | 'postgres'): Promise<{ provider: Provider; gateway: TestGateway }> {
  const provider = await startProvider()
  closing.push(() => provider.close())
  const databaseUrl = store === 'postgres' ? await freshDatabase(inject('postgresUrl')) : undefined
  if (databaseUrl !== undefined) closing.push(() => dropDatabase(databaseUrl))
  const gateway = await startGateway(
    policyFor(provider, { rates: RATES, agent: '{ budget: [{ limit_usd: 1, per: day }] }' }),
    provider,
    databaseUrl === undefined ? {} : { databaseUrl },
  )
  closing.push(() => gateway.close())
  return { provider, gateway }
}

describe.each(['sqlite', 'postgres'] as const)('one dollar on %s', (store) => {
  test.each([
    ['the agent says how long an answer may be', 45],
    ['the gateway has to say it', undefined],
  ])('pays for no more than itself when a hundred streams want it at once: %s', async (_, maxTokens) => {
    const { provider, gateway } = await start(store)
    const gate = Promise.withResolvers<void>()
    // Nobody has an end before everybody has an answer or a refusal: all reservations stand at the same time.
    provider.script(() => ({ ...ANSWER, chunks: cut(ANSWER.text, 1), gates: { 2: gate.promise } }))
    const clients = clientsOf(gateway.url, await gateway.key('spender'))
    let refused = 0
    const calls = Array.from({ length: AT_ONCE }, async (_, index): Promise<Got> => {
      const route = ROUTES[index % ROUTES.length]!
      const got = await ask(clients, {
        route,
        stream: true,
        prompt: `stream ${index}`,
        // Anthropic's protocol always has a limit.
        ...((maxTokens !== undefined || route === 'messages') && { maxTokens: maxTokens ?? 45 }),
      })
      if (got.error !== null) refused++
      return got
    })
    await expect.poll(() => refused + provider.requests.length, { timeout: 60_000 }).toBe(AT_ONCE)
    const [drawn] = await budgetsOf(gateway, 'spender')
    expect(drawn!.reserved + drawn!.spent).toBeLessThanOrEqual(DOLLAR)
    gate.resolve()
    const got = await Promise.all(calls)
    await Promise.all(provider.requests.map(({ ended }) => ended))

    const actions = await settled(gateway, 'spender')
    const billed = provider.billed.reduce((sum, usage) => sum + priceOf(usage, RATES), 0)
    const [budget] = await budgetsOf(gateway, 'spender')
    expect(billed).toBeLessThanOrEqual(DOLLAR)
    expect(budget).toMatchObject({ reserved: 0, spent: billed })
    expect(actions.reduce((sum, { cost, state }) => sum + (state.name === 'denied' ? 0 : cost), 0)).toBe(
      billed,
    )

    const served = got.filter(({ error }) => error === null)
    const turnedAway = got.filter(({ error }) => error !== null)
    expect(served.length).toBe(provider.requests.length)
    expect(served.length).toBeGreaterThan(0)
    expect(turnedAway.length).toBeGreaterThan(0)
    expect(turnedAway.every(({ error }) => error?.status === 403)).toBe(true)
  })

  test('what a call did not need is there for the next one, until the dollar is gone', async () => {
    const { provider, gateway } = await start(store)
    provider.script(() => ANSWER)
    const clients = clientsOf(gateway.url, await gateway.key('spender'))
    let served = 0
    for (;;) {
      const { error } = await ask(clients, {
        route: ROUTES[served % ROUTES.length]!,
        stream: served % 2 === 0,
        prompt: 'once more',
        maxTokens: 100,
      })
      if (error !== null) break
      served++
      expect(served).toBeLessThan(100)
    }
    const each = priceOf(provider.billed[0]!, RATES)
    // A call is refused when a worst case of a hundred tokens and its prompt no longer fits, not before.
    expect(served * each).toBeGreaterThan(DOLLAR - 0.12 * DOLLAR - each)
    expect(served * each).toBeLessThanOrEqual(DOLLAR)
    await settled(gateway, 'spender')
    const [budget] = await budgetsOf(gateway, 'spender')
    expect(budget).toMatchObject({ reserved: 0, spent: served * each })
  })
})
