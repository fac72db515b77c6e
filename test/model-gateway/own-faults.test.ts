import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BelayError } from '../../src/errors/catalogue.ts'
import type { Flow } from '../../src/flow/flow.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ask, budgetsOf, clientsOf, policyFor, ROUTES, settled, type Clients, type Got } from './drive.ts'
import { startProvider, type Provider } from './provider/provider.ts'

const CASES = ROUTES.flatMap((route) => [false, true].map((stream) => ({ route, stream })))

let provider: Provider
let gateway: TestGateway
let clients: Clients
let agent: string
let number = 0
const rejections: unknown[] = []
const note = (reason: unknown): void => void rejections.push(reason)
let restore: (() => void)[] = []

beforeAll(async () => {
  process.on('unhandledRejection', note)
  provider = await startProvider()
  gateway = await startGateway(
    policyFor(provider, {
      // One at a time: a slot that leaks would be the end of the agent.
      agent: '{ budget: [{ limit_usd: 1, per: day }], concurrency: { limit: 1, queue: 1, wait: 2s } }',
      generate:
        'timeout: 1500ms, result: { hold: 20, verify: [{ banned_phrases: { phrases: [forbidden] } }] }',
      actions: '  tool.*: { effect: read }\n',
    }),
    provider,
  )
})
afterAll(async () => {
  await gateway.close()
  await provider.close()
  process.off('unhandledRejection', note)
})
beforeEach(async () => {
  agent = `agent-${number++}`
  clients = clientsOf(gateway.url, await gateway.key(agent))
})
afterEach(() => {
  for (const undo of restore) undo()
  restore = []
  expect(rejections.splice(0)).toEqual([])
})

/** Something of the flow goes wrong, `times` times after `after` good ones. */
function broken(
  name: 'propose' | 'start' | 'report' | 'judgeResult' | 'waitForChange',
  error: Error,
  { after = 0, times = Infinity } = {},
): void {
  const flow = gateway.harness.flow as Flow
  const real = flow[name]
  let calls = 0
  const stub = (...given: never[]): unknown => {
    const call = calls++
    if (call >= after && call < after + times) return Promise.reject(error)
    return (real as (...given: never[]) => unknown)(...given)
  }
  ;(flow as unknown as Record<string, unknown>)[name] = stub
  restore.push(() => void ((flow as unknown as Record<string, unknown>)[name] = real))
}

const LOST = new BelayError('store:unavailable', { cause: 'the disk is full' })

async function servesTheNext(how: (typeof CASES)[number]): Promise<void> {
  for (const undo of restore) undo()
  restore = []
  provider.script([{ text: 'at last' }])
  expect(await ask(clients, { ...how, prompt: 'go', maxTokens: 50 })).toEqual({
    text: 'at last',
    error: null,
  })
}

async function booksAreClosed(): Promise<void> {
  const actions = await settled(gateway, agent)
  const spent = actions.reduce((sum, { cost, name }) => sum + (name === 'model.generate' ? cost : 0), 0)
  await expect.poll(() => budgetsOf(gateway, agent)).toMatchObject([{ reserved: 0, spent }])
}

const words = (count: number): string => 'word '.repeat(count)
const go = (how: (typeof CASES)[number]): Promise<Got> =>
  ask(clients, { ...how, prompt: 'go', maxTokens: 500 })

describe.each(CASES)('$route, stream: $stream', (how) => {
  test('the store is lost before the call: nothing runs', async () => {
    const from = provider.requests.length
    broken('propose', LOST)
    const { error } = await go(how)
    expect(error?.status).toBe(503)
    expect(error?.message).toContain('the disk is full')
    expect(provider.requests).toHaveLength(from)
    await servesTheNext(how)
    await booksAreClosed()
  })

  test('something unforeseen before the call: said without its inside', async () => {
    broken('propose', new Error('hunter2'))
    const { error } = await go(how)
    expect(error?.status).toBe(500)
    expect(error?.message).not.toContain('hunter2')
    expect(gateway.faults.map(String)).toContain('Error: hunter2')
    await servesTheNext(how)
  })

  test('the check of the answer is lost: the agent has none, and never a clean end', async () => {
    provider.script([{ text: words(100) }])
    broken('judgeResult', LOST, { after: how.stream ? 2 : 0 })
    const { error, text } = await go(how)
    expect(error).toBeInstanceOf(Error)
    expect(text.length).toBeLessThan(200)
    await servesTheNext(how)
    await booksAreClosed()
    const actions = await settled(gateway, agent)
    expect(actions[0]?.state.name).toBe('unknown')
  })

  test('the outcome cannot be recorded: it is unknown when its time is over, and costs the worst', async () => {
    provider.script([{ text: 'fine' }])
    broken('report', LOST, { times: 1 })
    expect(await go(how)).toEqual({ text: 'fine', error: null })
    await servesTheNext(how)
    await booksAreClosed()
    const [first] = await settled(gateway, agent)
    expect(first?.state.name).toBe('unknown')
  })

  test('a tool call cannot be judged: the agent has none of them', async () => {
    provider.script([
      {
        toolCalls: [
          { name: 'one', arguments: {} },
          { name: 'two', arguments: {} },
        ],
      },
    ])
    broken('start', LOST, { after: 1, times: 1 })
    const { error } = await go(how)
    expect(error).toBeInstanceOf(Error)
    const tools = async () =>
      (await gateway.harness.store.actions({ agent, limit: 10 }))
        .filter(({ name }) => name.startsWith('tool.'))
        .map(({ state }) => state.name)
    // The one that had started is not left as if it ran.
    await expect.poll(tools).toContain('failed')
    expect(await tools()).not.toContain('executing')
    await servesTheNext(how)
  })
})
