import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import {
  ask,
  budgetsOf,
  clientsOf,
  MODELS,
  policyFor,
  recordsOf,
  ROUTES,
  settled,
  type Got,
  type PolicyOptions,
  type Route,
} from './drive.ts'
import { startProvider, type Answer, type Provider } from './provider/provider.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

interface Bed {
  readonly provider: Provider
  readonly gateway: TestGateway
  readonly key: string
}

async function bed(
  options: PolicyOptions = {},
  limits: Parameters<typeof startGateway>[2] = {},
): Promise<Bed> {
  const provider = await startProvider()
  open.push(() => provider.close())
  const gateway = await startGateway(policyFor(provider, options), provider, limits)
  open.push(() => gateway.close())
  return { provider, gateway, key: await gateway.key('agent') }
}

/** A call in flight: the first words have been sent, and the rest waits. */
async function inFlight(
  { provider, gateway, key }: Bed,
  route: Route,
  stream: boolean,
): Promise<{ readonly got: Promise<Got>; readonly ended: Promise<string> }> {
  const from = provider.requests.length
  const reached = Promise.withResolvers<void>()
  const never = (): Promise<never> => {
    reached.resolve()
    return new Promise<never>(() => undefined)
  }
  const answer: Answer = stream ? { text: 'one two three four', gates: { 2: never } } : { head: never }
  provider.script([answer])
  const got = ask(clientsOf(gateway.url, key), { route, stream, prompt: 'go', maxTokens: 100 })
  await reached.promise
  const { ended } = await provider.arrived(from)
  return { got, ended }
}

async function outcomeOf(gateway: TestGateway, action: Action): Promise<Record<string, unknown>> {
  return (await recordsOf(gateway, action, 'outcome'))[0] as Record<string, unknown>
}

const CASES = ROUTES.flatMap((route) => [false, true].map((stream) => ({ route, stream })))

describe.each(CASES)('an agent that is stopped: $route, stream: $stream', ({ route, stream }) => {
  test('its call in flight is aborted, told to it, charged and recorded', async () => {
    const at = await bed({ agent: '{ budget: [{ limit_usd: 1, per: day }] }' })
    const { got, ended } = await inFlight(at, route, stream)
    await at.gateway.harness.flow.setAgentState('agent', 'stopped', 'it misbehaves', 'ann')
    expect(await ended).toBe('abandoned')
    const { error, text } = await got
    expect(error).toBeInstanceOf(Error)
    expect('one two '.startsWith(text)).toBe(true)
    if (!stream) expect(error?.status).toBe(403)
    expect(error?.message).toContain('it misbehaves')
    const [action] = await settled(at.gateway, 'agent')
    // Of an answer that was never seen nobody knows whether it came to be.
    expect(action?.state.name).toBe(stream ? 'failed' : 'unknown')
    expect(await outcomeOf(at.gateway, action!)).toMatchObject({ facts: { ended: 'agent_stopped' } })
    expect(action!.cost).toBeGreaterThan(0)
    expect(await budgetsOf(at.gateway, 'agent')).toMatchObject([{ reserved: 0, spent: action!.cost }])

    const refused = await ask(clientsOf(at.gateway.url, at.key, 2), { route, stream, prompt: 'go' })
    expect(refused.error?.status).toBe(403)
    expect(at.provider.requests).toHaveLength(1)
    expect(at.gateway.faults).toEqual([])
  })
})

test('a pause refuses new calls and lets those in flight end', async () => {
  const { provider, gateway, key } = await bed()
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const wait = (): Promise<void> => {
    reached.resolve()
    return gate.promise
  }
  provider.script([{ text: 'one two', gates: { 1: wait } }])
  const clients = clientsOf(gateway.url, key)
  const got = ask(clients, { route: 'chat', stream: true, prompt: 'go' })
  await reached.promise
  await gateway.harness.flow.setAgentState('agent', 'paused', 'lunch', 'ann')
  const refused = await ask(clients, { route: 'messages', stream: true, prompt: 'go' })
  expect(refused.error?.status).toBe(403)
  gate.resolve()
  expect(await got).toEqual({ text: 'one two', error: null })
})

test('what waits for its turn or for a person ends with the agent', async () => {
  const at = await bed({
    agent: '{ concurrency: { limit: 1, queue: 4, wait: 20s } }',
    generate: `approve: [{ when: 'input.max_tokens == 77', by: [ops] }], approval_wait: 20s`,
    actions: 'approvers: { ops: { members: [ann@example.com], quorum: 1 } }\n',
  })
  const { gateway, key } = at
  const clients = clientsOf(gateway.url, key)
  const held = ask(clients, { route: 'chat', stream: false, prompt: 'go', maxTokens: 77 })
  await expect
    .poll(() => gateway.harness.store.actions({ agent: 'agent', state: 'held', limit: 2 }))
    .toHaveLength(1)
  const queued = ask(clients, { route: 'chat', stream: false, prompt: 'go', maxTokens: 10 })
  await gateway.harness.flow.setAgentState('agent', 'stopped', 'enough', 'ann')
  expect((await held).error?.status).toBe(403)
  expect((await queued).error?.status).toBe(403)
  expect(at.provider.requests).toHaveLength(0)
})

describe('approval of a model call', () => {
  const options = {
    generate: 'approve: [{ by: [ops] }], approval_wait: 20s',
    actions: 'approvers: { ops: { members: [ann@example.com], quorum: 1 } }\n',
  }
  const vote = async (gateway: TestGateway, outcome: 'approve' | 'reject'): Promise<void> => {
    const held = () => gateway.harness.store.actions({ agent: 'agent', state: 'held', limit: 2 })
    await expect.poll(held).toHaveLength(1)
    const [action] = await held()
    if (action?.state.name !== 'held') throw new Error('not held')
    await gateway.harness.flow.vote(action.state.approval.id, { by: 'ann@example.com', outcome })
  }

  test('given: it runs', async () => {
    const { gateway, key, provider } = await bed(options)
    provider.script([{ text: 'hi' }])
    const got = ask(clientsOf(gateway.url, key), { route: 'messages', stream: true, prompt: 'go' })
    await vote(gateway, 'approve')
    expect(await got).toEqual({ text: 'hi', error: null })
  })

  test('refused: 403, and the provider hears nothing', async () => {
    const { gateway, key, provider } = await bed(options)
    const got = ask(clientsOf(gateway.url, key), { route: 'gemini', stream: true, prompt: 'go' })
    await vote(gateway, 'reject')
    expect((await got).error?.status).toBe(403)
    expect(provider.requests).toHaveLength(0)
  })

  test('the agent has left: withdrawn', async () => {
    const { gateway, key, provider } = await bed(options)
    const leaving = new AbortController()
    const got = ask(clientsOf(gateway.url, key), {
      route: 'chat',
      stream: false,
      prompt: 'go',
      signal: leaving.signal,
    })
    const states = async () =>
      (await gateway.harness.store.actions({ agent: 'agent', limit: 2 })).map(({ state }) => state.name)
    await expect.poll(states).toEqual(['held'])
    leaving.abort()
    await got
    await expect.poll(states).toEqual(['cancelled'])
    expect(provider.requests).toHaveLength(0)
  })
})

describe.each([false, true])('stream: %s', (stream) => {
  test('an agent that leaves stops the provider', async () => {
    const at = await bed()
    const from = at.provider.requests.length
    const reached = Promise.withResolvers<void>()
    const never = (): Promise<never> => {
      reached.resolve()
      return new Promise<never>(() => undefined)
    }
    at.provider.script([stream ? { text: 'one two three', gates: { 1: never } } : { head: never }])
    const leaving = new AbortController()
    const got = ask(clientsOf(at.gateway.url, at.key), {
      route: 'chat',
      stream,
      prompt: 'go',
      signal: leaving.signal,
    })
    await reached.promise
    leaving.abort()
    await got
    expect(await (await at.provider.arrived(from)).ended).toBe('abandoned')
    const [action] = await settled(at.gateway, 'agent')
    expect(await outcomeOf(at.gateway, action!)).toMatchObject({ facts: { ended: 'client_gone' } })
  })

  test('the time that the policy allows ends it', async () => {
    const at = await bed({ generate: 'timeout: 400ms' })
    const { got, ended } = await inFlight(at, 'chat', stream)
    expect(await ended).toBe('abandoned')
    const { error } = await got
    expect(error?.message).toContain('longer than the policy allows')
    if (!stream) expect(error?.status).toBe(504)
    const [action] = await settled(at.gateway, 'agent')
    expect(action?.state.name).not.toBe('succeeded')
    expect(action!.cost).toBeGreaterThan(0)
  })

  test('the gateway closes: the agent is told, and the record says why', async () => {
    const at = await bed({}, { limits: { closing: 50 } })
    const { got } = await inFlight(at, 'messages', stream)
    const records = Promise.withResolvers<unknown>()
    const { flow } = at.gateway.harness
    const report = flow.report.bind(flow)
    flow.report = async (id, outcome) => {
      records.resolve(outcome)
      return report(id, outcome)
    }
    const closed = at.gateway.close()
    open.pop()
    const { error } = await got
    expect(error).toBeInstanceOf(Error)
    expect(await records.promise).toMatchObject({
      outcome: stream ? 'failed' : 'unknown',
      facts: { ended: 'closing' },
    })
    await closed
    expect(at.gateway.faults).toEqual([])
  })
})

describe('the queue of an agent', () => {
  test('full, and too slow: a status that clients try again, in the provider’s shape', async () => {
    const at = await bed({ agent: '{ concurrency: { limit: 1, queue: 1, wait: 200ms } }' })
    const { got } = await inFlight(at, 'messages', true)
    const clients = clientsOf(at.gateway.url, at.key)
    const waiting = ask(clients, { route: 'messages', stream: false, prompt: 'go' })
    const overtaken = await ask(clients, { route: 'messages', stream: false, prompt: 'go' })
    for (const { error } of [overtaken, await waiting]) {
      expect(error?.status).toBe(503)
      expect((error as { error?: unknown } | null)?.error).toMatchObject({
        type: 'error',
        error: { code: 'server:busy' },
      })
    }
    await at.gateway.harness.flow.setAgentState('agent', 'stopped', 'enough', 'ann')
    await got
  })
})

async function raw({ url }: TestGateway, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  open.push(() => Promise.resolve(socket.destroy()))
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

test('a client that does not read pauses the provider, and memory stays flat', async () => {
  const at = await bed({}, { limits: { answer: 1024 ** 3 } })
  const piece = 'x'.repeat(64 * 1024)
  const chunks = Array.from({ length: 3200 }, () => piece)
  at.provider.script([{ chunks, text: chunks.join('') }])
  const body = JSON.stringify({
    model: MODELS.chat,
    stream: true,
    max_tokens: 90_000_000,
    messages: [{ role: 'user', content: 'go' }],
  })
  const before = process.memoryUsage().rss
  const socket = await raw(
    at.gateway,
    `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${at.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  socket.pause()
  const request = await at.provider.arrived(0)
  // It has stopped when nothing more is sent between two looks.
  let sent = -1
  await expect
    .poll(
      () => {
        const still = request.deltas === sent && request.deltas > 0
        sent = request.deltas
        return still
      },
      { interval: 500, timeout: 60_000 },
    )
    .toBe(true)
  expect(request.deltas).toBeLessThan(640)
  expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 ** 2)
  socket.destroy()
  expect(await request.ended).toBe('abandoned')
  await settled(at.gateway, 'agent')
})
