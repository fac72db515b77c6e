import { afterEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, clientsOf, policyFor, recordsOf, settled, type Got, type PolicyOptions } from './drive.ts'
import { startProvider, type Provider, type Script } from './provider/provider.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

interface Bed {
  readonly provider: Provider
  readonly gateway: TestGateway
  readonly call: (script: Script, how?: How) => Promise<Got>
  readonly actions: () => Promise<readonly Action[]>
  readonly facts: (action: Action, kind: 'decision' | 'outcome') => Promise<JsonObject>
}

interface How {
  readonly stream?: boolean
  readonly headers?: Record<string, string>
}

async function bed(options: PolicyOptions, change = (policy: string): string => policy): Promise<Bed> {
  const provider = await startProvider()
  open.push(() => provider.close())
  const gateway = await startGateway(change(policyFor(provider, options)), provider)
  open.push(() => gateway.close())
  const key = await gateway.key('agent')
  return {
    provider,
    gateway,
    call: (script, { stream = false, headers } = {}) => {
      provider.script(script)
      const clients = clientsOf(gateway.url, key)
      const openai =
        headers === undefined ? clients.openai : clients.openai.withOptions({ defaultHeaders: headers })
      return ask({ ...clients, openai }, { route: 'chat', stream, prompt: 'say something', maxTokens: 200 })
    },
    actions: () => settled(gateway, 'agent'),
    facts: async (action, kind) => (await recordsOf(gateway, action, kind))[0]?.['facts'] as JsonObject,
  }
}

const TEXT = 'here it is'
const limited = (retryAfter: number) => ({ fault: { name: 'rate_limit', retryAfter } }) as const

describe('a rate limit', () => {
  test('is waited for within the action, when it is short', async () => {
    const { call, actions, facts } = await bed({ generate: 'heal: { retries: 2, max_wait: 3s }' })
    expect(await call([limited(1), { text: TEXT }])).toEqual({ text: TEXT, error: null })
    const all = await actions()
    expect(all).toHaveLength(1)
    expect((await facts(all[0]!, 'outcome'))['attempts']).toMatchObject([
      { status: 429 },
      { status: 200, waited_ms: 1000 },
    ])
  })

  test('goes to the agent as it came, when it is long', async () => {
    const { call, actions, provider } = await bed({ generate: 'heal: { retries: 2, max_wait: 3s }' })
    const { error } = await call([limited(60), { text: TEXT }])
    expect(error?.status).toBe(429)
    expect(provider.requests).toHaveLength(1)
    expect((await actions())[0]).toMatchObject({ cost: 0, state: { name: 'failed' } })
  })

  test('goes to the next model, when there is one', async () => {
    const { call, actions, facts, provider } = await bed({
      generate: 'heal: { retries: 2, max_wait: 3s, fallback: [gpt-4o-mini] }',
    })
    expect(await call([limited(60), { text: TEXT }], { stream: true })).toEqual({ text: TEXT, error: null })
    expect(provider.requests.map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o-mini'])
    const [first, second] = await actions()
    expect(first).toMatchObject({ cost: 0, state: { name: 'failed' } })
    expect(second?.state.name).toBe('succeeded')
    expect(await facts(second!, 'decision')).toMatchObject({
      heals: first!.id,
      because: 'provider_failed: 429',
      model: { requested: 'gpt-4o-mini' },
    })
  })
})

describe('a provider that fails', () => {
  test('is left for another one, with that one’s own key', async () => {
    const other = await startProvider()
    open.push(() => other.close())
    const { call, provider, actions, facts } = await bed(
      { generate: 'heal: { retries: 0, max_wait: 1s, fallback: [{ provider: second, model: gpt-4o }] }' },
      (policy) =>
        policy.replace(
          'providers:\n',
          `providers:\n  second:\n    protocol: openai\n    base_url: ${other.urls.openai}\n    api_key: sk-provider-openai-0001\n    models: { gpt-4o: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 } }\n`,
        ),
    )
    const up = await provider.down()
    other.script([{ text: TEXT }])
    expect(await call([])).toEqual({ text: TEXT, error: null })
    await up()
    const [first, second] = await actions()
    expect(first).toMatchObject({ cost: 0, target: 'openai', state: { name: 'failed' } })
    expect(second).toMatchObject({ target: 'second', state: { name: 'succeeded' } })
    expect(await facts(second!, 'decision')).toMatchObject({
      heals: first!.id,
      because: 'provider_failed: connect',
    })
  })

  test('a model without a price is passed over', async () => {
    const { call, provider } = await bed({
      generate: 'heal: { retries: 0, fallback: [nobody-knows-it, gpt-4o-mini] }',
    })
    expect(await call([{ fault: 'overloaded' }, { text: TEXT }])).toEqual({ text: TEXT, error: null })
    expect(provider.requests.map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o-mini'])
  })

  test('is left alone after five failures, then tried by one call', async () => {
    const { call, provider, actions, facts } = await bed({})
    const down = { fault: 'server_error' } as const
    for (let at = 0; at < 5; at++) expect((await call([down])).error?.status).toBe(500)
    const { error } = await call([{ text: TEXT }])
    expect(error?.status).toBe(503)
    expect(provider.requests).toHaveLength(5)
    const sixth = (await actions()).at(-1)
    expect(sixth).toMatchObject({ cost: 0, state: { name: 'failed' } })
    expect((await facts(sixth!, 'outcome'))['attempts']).toMatchObject([{ status: 'breaker open' }])
    await expect
      .poll(async () => (await call([{ text: TEXT }])).text, { timeout: 60_000, interval: 300 })
      .toBe(TEXT)
    expect((await call([{ text: TEXT }])).text).toBe(TEXT)
  })

  test('is not asked again once the agent has a part of the answer', async () => {
    const { call, provider } = await bed({
      generate: 'heal: { retries: 3, max_wait: 5s, fallback: [gpt-4o-mini] }',
    })
    const { error, text } = await call(
      [{ text: 'one two three four', fault: { name: 'reset_mid_stream', after: 2 } }, { text: TEXT }],
      { stream: true },
    )
    expect(error).toBeInstanceOf(Error)
    expect('one two three four'.startsWith(text)).toBe(true)
    expect(provider.requests).toHaveLength(1)
  })
})

describe('an answer that a check rejects', () => {
  const generate =
    'result: { verify: [{ banned_phrases: { phrases: [guaranteed returns] } }] }, heal: { rejected: 2 }'
  const bad = { text: 'We promise guaranteed returns.' }

  test.each([false, true])('is asked for again with the reason, stream: %s', async (stream) => {
    const { call, provider, actions, facts } = await bed({ generate })
    expect(await call([bad, bad, { text: TEXT }], { stream })).toEqual({ text: TEXT, error: null })
    const said = provider.requests.map(({ body }) => JSON.stringify(body['messages']))
    expect(said[0]).not.toContain('rejected')
    expect(said[1]).toContain('Your last answer was rejected: The text holds a banned phrase.')
    const [first, second, third] = await actions()
    expect([first, second, third].map((action) => action?.state.name)).toEqual([
      'failed',
      'failed',
      'succeeded',
    ])
    expect(await facts(second!, 'decision')).toMatchObject({ heals: first!.id, because: 'answer_rejected' })
    expect(await facts(third!, 'decision')).toMatchObject({ heals: second!.id })
  })

  test('no more often than the policy says', async () => {
    const { call, provider } = await bed({ generate })
    expect((await call([bad, bad, bad, { text: TEXT }])).error?.status).toBe(403)
    expect(provider.requests).toHaveLength(3)
  })
})

describe('a budget that is nearly gone', () => {
  const options = {
    agent: '{ budget: [{ limit_usd: 0.01, per: day }] }',
    generate: 'heal: { low_budget: { below: 0.9, model: gpt-4o-mini } }',
  }
  const low = { headers: { 'belay-priority': 'low' } }

  test('sends what is not urgent to the cheaper model', async () => {
    const { call, provider, actions, facts } = await bed(options)
    expect((await call([{ text: TEXT }], low)).text).toBe(TEXT)
    expect((await call([{ text: TEXT, usage: { output: 150 } }])).text).toBe(TEXT)
    expect((await call([{ text: TEXT }], low)).text).toBe(TEXT)
    expect((await call([{ text: TEXT }])).text).toBe(TEXT)
    expect(provider.requests.map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o', 'gpt-4o-mini', 'gpt-4o'])
    const third = (await actions())[2]
    expect(await facts(third!, 'decision')).toMatchObject({
      because: 'low_budget',
      model: { requested: 'gpt-4o-mini' },
    })
  })
})

describe('an agent that is downgraded', () => {
  const agent = '{ budget: [{ limit_usd: 0.01, per: day }], downgrade: { at: 0.1, model: gpt-4o-mini } }'

  test('sends every call to the cheaper model once so much of a budget is gone', async () => {
    const { call, provider, actions, facts } = await bed({ agent })
    expect((await call([{ text: TEXT, usage: { output: 150 } }])).text).toBe(TEXT)
    expect((await call([{ text: TEXT }])).text).toBe(TEXT)
    expect(provider.requests.map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o-mini'])
    expect(await facts((await actions())[1]!, 'decision')).toMatchObject({
      because: 'low_budget',
      model: { requested: 'gpt-4o-mini' },
    })
  })
})

test('tags of a call are in its record; what is none is refused', async () => {
  const { call, actions, facts, provider } = await bed({})
  await call([{ text: TEXT }], { headers: { 'belay-tags': 'campaign=spring,customer=acme' } })
  expect(await facts((await actions())[0]!, 'decision')).toMatchObject({
    tags: { campaign: 'spring', customer: 'acme' },
  })
  await expect(call([{ text: TEXT }], { headers: { 'belay-tags': 'nothing' } })).resolves.toMatchObject({
    error: { status: 400 },
  })
  expect(provider.requests).toHaveLength(1)
})
