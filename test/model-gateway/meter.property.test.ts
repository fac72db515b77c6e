import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import {
  ask,
  budgetsOf,
  clientsOf,
  policyFor,
  priceOf,
  recordsOf,
  reservedFor,
  ROUTES,
  settled,
  type Clients,
  type Route,
} from './drive.ts'
import {
  startProvider,
  type Answer,
  type Arrived,
  type FaultName,
  type Provider,
} from './provider/provider.ts'

/** Of one call: how each try of it goes at the provider, and when the agent leaves. */
interface Scene {
  readonly route: Route
  readonly stream: boolean
  readonly words: number
  readonly maxTokens: number | null
  readonly cacheRead: number
  readonly reasoning: number
  readonly tries: readonly Try[]
  /** The agent leaves when this delta is about to come; `null`: it stays. */
  readonly leaves: number | null
}

interface Try {
  readonly fault: FaultName | null
  readonly after: number
}

const FAULTS: readonly FaultName[] = [
  'rate_limit',
  'server_error',
  'overloaded',
  'bad_request',
  'reset_peer',
  'reset_mid_stream',
  'truncated_stream',
  'limit_data',
  'malformed_json',
  'error_event',
  'empty',
  'no_usage',
  'zero_usage',
  'schema_drift',
  'slicer',
  'gzip',
]
/** After these the provider's report has arrived: it alone says what is charged. */
const REPORTING: ReadonlySet<FaultName | null> = new Set<FaultName | null>([
  null,
  'zero_usage',
  'slicer',
  'gzip',
])

const scene: fc.Arbitrary<Scene> = fc.record({
  route: fc.constantFrom(...ROUTES),
  stream: fc.boolean(),
  words: fc.integer({ min: 1, max: 60 }),
  maxTokens: fc.option(fc.oneof(fc.integer({ min: 5, max: 300 }), fc.constant(1500))),
  cacheRead: fc.constantFrom(0, 0, 12),
  reasoning: fc.constantFrom(0, 0, 900),
  tries: fc.array(
    fc.record({
      fault: fc.oneof(
        { weight: 1, arbitrary: fc.constant(null) },
        { weight: 2, arbitrary: fc.constantFrom(...FAULTS) },
      ),
      after: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 3 },
  ),
  leaves: fc.option(fc.integer({ min: 0, max: 8 }), { freq: 3 }),
})

const AGENT = 'player'
const closing: Promise<void>[] = []
let provider: Provider

beforeAll(async () => {
  provider = await startProvider()
})
afterAll(async () => {
  await Promise.all(closing)
  await provider.close()
})

/** One for each run: what a gateway has learned of a provider's health would make runs depend on each other. */
function newGateway(): Promise<TestGateway> {
  return startGateway(
    policyFor(provider, {
      agent: '{ budget: [{ limit_usd: 1000, per: day }] }',
      // The gates of agents that leave never open.
      provider: { gemini: 'drain: 50ms' },
      generate: 'heal: { retries: 2, max_wait: 2s }',
    }),
    provider,
  )
}

function answerFor(current: Scene, attempt: number, leave: () => void): Answer {
  const { words, cacheRead, leaves } = current
  const reasoning = current.route === 'messages' ? 0 : current.reasoning
  const { fault, after } = current.tries[attempt] ?? { fault: null, after: 1 }
  const never = (): Promise<never> => {
    leave()
    return new Promise(() => undefined)
  }
  return {
    text: Array.from({ length: words }, (_, index) => `word${index} `).join(''),
    usage: { cacheRead, reasoning },
    ...(fault !== null && { fault: { name: fault, after, retryAfter: 0 } }),
    ...(leaves !== null && (current.stream ? { gates: { [leaves]: never } } : { head: never })),
  }
}

test('what is charged is what the provider bills; where nobody could count, it is between that and the reservation', async () => {
  const holds = fc.assert(
    fc.asyncProperty(fc.array(scene, { minLength: 1, maxLength: 8 }), async (scenes) => {
      const gateway = await newGateway()
      try {
        await proveRun(gateway, scenes)
      } finally {
        // The next run need not wait for connections to close.
        closing.push(gateway.close())
      }
    }),
    { numRuns: 25, endOnFailure: true },
  )
  await expect(holds).resolves.toBeUndefined()
}, 180_000)

async function proveRun(gateway: TestGateway, scenes: readonly Scene[]): Promise<void> {
  const clients = clientsOf(gateway.url, await gateway.key(AGENT))
  const heard = scenes.map((): Arrived[] => [])
  const leaving = scenes.map(() => new AbortController())
  provider.script((request) => {
    const index = sceneOf(request.raw.toString())
    heard[index]!.push(request)
    return answerFor(scenes[index]!, heard[index]!.length - 1, () => leaving[index]!.abort())
  })
  await Promise.all(scenes.map((one, index) => play(clients, one, index, leaving[index]!.signal)))

  const actions = await settled(gateway, AGENT)
  const accounts = scenes.map((): Account => ({ charged: 0, reserved: 0, outcomes: [] }))
  for (const action of actions) {
    const account = accounts[await sceneOfAction(gateway, action)]!
    account.charged += action.cost
    account.reserved += await reservedFor(gateway, action)
    account.outcomes.push(...(await recordsOf(gateway, action, 'outcome')))
  }
  const [budget] = await budgetsOf(gateway, AGENT)
  expect(budget).toMatchObject({
    reserved: 0,
    spent: accounts.reduce((sum, { charged }) => sum + charged, 0),
  })
  for (const [index, one] of scenes.entries()) {
    const { charged, reserved, outcomes } = accounts[index]!
    const billed = heard[index]!.reduce((sum, request) => sum + priceOf(request.billed), 0)
    const story = JSON.stringify({
      one,
      requests: heard[index]!.map(({ billed, deltas }) => ({ billed, deltas })),
      outcomes,
    })
    const least = billed
    const most = (await reports(one, heard[index]!)) ? billed : reserved
    if (charged < least || charged > most)
      throw new Error(`charged ${charged}, not from ${least} to ${most}: ${story}`)
  }
  expect(provider.sawBelayKey).toBe(false)
  expect(gateway.faults).toEqual([])
}

interface Account {
  charged: number
  reserved: number
  readonly outcomes: JsonObject[]
}

async function play(clients: Clients, one: Scene, index: number, signal: AbortSignal): Promise<void> {
  await ask(clients, {
    route: one.route,
    stream: one.stream,
    // Claude thinks only when it is asked to; OpenAI's and Google's newer models also when nobody asks.
    ...(one.route === 'chat' && one.reasoning > 0 && { model: 'gpt-5' }),
    prompt: `scene-${index}- of a play`,
    ...(one.maxTokens !== null && { maxTokens: one.maxTokens }),
    signal,
  })
}

function sceneOf(text: string): number {
  return Number(/scene-(\d+)-/.exec(text)?.[1])
}

async function sceneOfAction(gateway: TestGateway, action: Action): Promise<number> {
  const payloads = await gateway.harness.store.payloads(action.id)
  return sceneOf(payloads.map(({ text }) => text ?? '').join(''))
}

/** Every try of the call came to its end with the provider's report, or was turned away before it cost anything. */
async function reports({ tries }: Scene, requests: readonly Arrived[]): Promise<boolean> {
  const ends = await Promise.all(requests.map(({ ended }) => ended))
  return requests.every(({ billed }, attempt) => {
    const fault = tries[attempt]?.fault ?? null
    if (ends[attempt] !== 'answered') return false
    return billed === null ? fault === 'rate_limit' || fault === 'bad_request' : REPORTING.has(fault)
  })
}
