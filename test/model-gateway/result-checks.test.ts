import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, clientsOf, policyFor, recordsOf, ROUTES, settled, type Got, type Route } from './drive.ts'
import { startProvider, type Answer, type Provider } from './provider/provider.ts'

const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
const CASES = ROUTES.flatMap((route) => [false, true].map((stream) => ({ route, stream })))
const FILLER = 'the weather is fine and nothing else is to be said of it '.repeat(20)

const CHECKS =
  '{ hold: 60, verify: [{ banned_phrases: { phrases: [guaranteed returns] } }, { pii: { then: redact } }, { secrets: {} }] }'

let provider: Provider
let enforcing: TestGateway
let observing: TestGateway
let ruled: TestGateway
let number = 0

beforeAll(async () => {
  provider = await startProvider()
  const policy = (result: string): string => policyFor(provider, { generate: `result: ${result}` })
  enforcing = await startGateway(policy(CHECKS), provider)
  observing = await startGateway(policy(CHECKS).replace('mode: enforce', 'mode: observe'), provider)
  ruled = await startGateway(
    policy(
      `{ hold: 60, verify: [{ rule: { when: 'result.tool_calls.size() > 1', then: deny, code: 'x:calls', message: too many calls } }, { rule: { when: 'mentions(result.text, ["Hootsuite"])', then: deny, code: 'x:name', message: a competitor } }] }`,
    ),
    provider,
  )
})
afterAll(async () => {
  await Promise.all([enforcing, observing, ruled].map((gateway) => gateway.close()))
  await provider.close()
})

interface Asked {
  readonly got: Got
  readonly calls: number
  readonly outcome: JsonObject
  readonly state: string
  /** Everything that the store keeps of the action. */
  readonly kept: string
}

async function asking(
  gateway: TestGateway,
  { route, stream }: { readonly route: Route; readonly stream: boolean },
  answer: Answer,
): Promise<Asked> {
  const agent = `agent-${number++}`
  const from = provider.requests.length
  provider.script(() => answer)
  // The clients may try again as often as they do by themselves.
  const clients = clientsOf(gateway.url, await gateway.key(agent), 2)
  const got = await ask(clients, { route, stream, prompt: 'say something', maxTokens: 2000 })
  const [action] = await settled(gateway, agent)
  const [outcome] = await recordsOf(gateway, action!, 'outcome')
  const records = await gateway.harness.store.recordsOf(action!.id)
  const result = await gateway.harness.flow.result(action!)
  return {
    got,
    calls: provider.requests.length - from,
    outcome: outcome!,
    state: action!.state.name,
    kept: JSON.stringify([records, result]),
  }
}

describe.each(CASES)('$route, stream: $stream', (how) => {
  test('a denied answer is refused, and no client tries again', async () => {
    const { got, calls, outcome, state, kept } = await asking(enforcing, how, {
      text: `We promise guaranteed returns. ${FILLER}`,
    })
    expect(got.text).toBe('')
    expect(got.error?.status).toBe(403)
    expect(got.error?.message).toContain('banned phrase')
    expect(calls).toBe(1)
    expect(state).toBe('failed')
    expect(outcome).toMatchObject({
      result_decision: 'deny',
      result_effective: 'deny',
      result_reasons: [{ code: 'banned_phrases:found' }],
      facts: { ended: 'refused' },
    })
    expect(kept).not.toContain('promise')
  })

  test('a secret late in the answer: the client raises, and has nothing of it', async () => {
    const { got, calls, outcome, kept } = await asking(enforcing, how, {
      text: `${FILLER}${FILLER} token: ${SECRET} and more`,
    })
    expect(got.error).toBeInstanceOf(Error)
    expect(got.text).not.toContain('ghp_')
    if (how.stream) expect(got.text.length).toBeGreaterThan(FILLER.length)
    expect(calls).toBe(1)
    expect(outcome).toMatchObject({ result_decision: 'deny', facts: { ended: 'refused' } })
    expect(kept).not.toContain(SECRET)
  })

  test('personal data is redacted, in the record too', async () => {
    const { got, outcome, state, kept } = await asking(enforcing, how, {
      text: `Write to jo.smith@shop.example or amy@shop.example. ${FILLER}and to zoe@shop.example`,
    })
    expect(got).toEqual({
      text: `Write to [email] or [email]. ${FILLER}and to [email]`,
      error: null,
    })
    expect(state).toBe('succeeded')
    expect(outcome).toMatchObject({ result_decision: 'transform', result_effective: 'transform' })
    expect(kept).not.toContain('@shop')
  })

  test('an answer without findings arrives whole', async () => {
    const text = `${FILLER}Naïve café – “quoted” 😀 日本語。${FILLER}`
    expect((await asking(enforcing, how, { text })).got).toEqual({ text, error: null })
  })

  test('observing changes nothing and says what would have been', async () => {
    const text = `jo@shop.example promises guaranteed returns and ${SECRET}. ${FILLER}`
    const { got, outcome, state } = await asking(observing, how, { text })
    expect(got).toEqual({ text, error: null })
    expect(state).toBe('succeeded')
    expect(outcome).toMatchObject({ result_decision: 'deny', result_effective: 'allow' })
  })

  test('rules look at texts and tool calls', async () => {
    const { got } = await asking(ruled, how, { text: `Try Hootsuite. ${FILLER}` })
    expect(got.error?.status).toBe(403)
    const call = { name: 'look', arguments: {} }
    const two = await asking(ruled, how, { toolCalls: [call, call] })
    expect(two.got.error?.message).toContain('too many calls')
    const long = await asking(ruled, how, { text: FILLER })
    expect(long.got).toEqual({ text: FILLER, error: null })
  })
})

describe.each(ROUTES)('%s', (route) => {
  test('a summary of reasoning is checked as well, and does not hold up the answer', async () => {
    const denied = await asking(
      enforcing,
      { route, stream: true },
      { thinking: `They want guaranteed returns. ${FILLER}`, text: FILLER },
    )
    if (denied.got.error === null) {
      // Chat has no place for it in this provider's speech.
      expect(route).toBe('chat')
      return
    }
    expect(denied.got.text).toBe('')
  })
})
