import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from '@mastra/core/agent'
import { Mastra } from '@mastra/core/mastra'
import { InMemoryStore } from '@mastra/core/storage'
import { createTool } from '@mastra/core/tools'
import { createStep, createWorkflow } from '@mastra/core/workflows'
import { MockLanguageModelV4 } from 'ai/test'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import { guardTools } from './mastra.ts'
import type { HeldToolCall } from './mastra.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-mastra-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

const tools = {
  post: createTool({
    id: 'post',
    description: 'Publishes a text',
    inputSchema: z.object({ text: z.string() }),
    execute: async ({ text }) => {
      ran.push(text)
      if (text === 'fail') throw new RangeError('no room')
      return { published: text }
    },
  }),
  lookup: createTool({
    id: 'lookup',
    description: 'Looks something up',
    inputSchema: z.object({ about: z.string() }),
    execute: async ({ about }) => {
      ran.push(about)
      return { text: about === 'plan' ? 'this is top secret' : 'mail jane@example.com' }
    },
  }),
  refund: createTool({
    id: 'refund',
    description: 'Pays money back',
    inputSchema: z.object({ order: z.string(), amount: z.number() }),
    outputSchema: z.object({ refunded: z.string() }),
    execute: async ({ order }) => {
      ran.push(order)
      return { refunded: order }
    },
  }),
}

type Call = readonly [name: keyof typeof tools, input: object]

/** A model that makes these calls in its first answer and then says `done`. */
function modelThatCalls(session: string, calls: readonly Call[]): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }) => {
      const answered = prompt.some(({ role }) => role === 'tool')
      return {
        content: answered
          ? [{ type: 'text', text: 'done' }]
          : calls.map(([toolName, input], at) => ({
              type: 'tool-call' as const,
              toolCallId: `${session}-${at}`,
              toolName,
              input: JSON.stringify(input),
            })),
        finishReason: { unified: answered ? 'stop' : 'tool-calls', raw: undefined },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 1, text: 1, reasoning: 0 },
        },
        warnings: [],
      }
    },
  })
}

/** The agent as each process that serves the conversation builds it. */
function agentThatCalls(session: string, storage: InMemoryStore, calls: readonly Call[] = []) {
  const model = modelThatCalls(session, calls)
  const safe = guardTools(served.belay, tools, { agent: 'helper', actions: { refund: 'payments.refund' } })
  const helper = new Agent({
    id: 'helper',
    name: 'helper',
    instructions: 'help',
    model: model as never,
    tools: safe,
  })
  const mastra = new Mastra({ agents: { helper }, storage, logger: false })
  const read = (): string =>
    JSON.stringify(model.doGenerateCalls.at(-1)?.prompt.filter(({ role }) => role === 'tool'))
  return { agent: mastra.getAgent('helper'), read }
}

async function run(session: string, ...calls: readonly Call[]) {
  const { agent, read } = agentThatCalls(session, new InMemoryStore(), calls)
  const result = await agent.generate('go')
  return { result, read: read() }
}

test('an allowed call runs, with the input that may be executed', async () => {
  const { result, read } = await run('s1', ['post', { text: 'Mail jane@example.com' }])
  expect(result.text).toBe('done')
  expect(ran).toHaveLength(1)
  expect(ran[0]).not.toContain('jane@example.com')
  expect(read).toContain('published')
})

test('denials reach the model in words, and nothing runs', async () => {
  expect((await run('s2', ['post', { text: 'x'.repeat(41) }])).read).toContain('at most 40 characters')
  expect(ran).toEqual([])
})

test('results go through the checks of the policy', async () => {
  const redacted = (await run('s3', ['lookup', { about: 'jane' }])).read
  expect(redacted).toContain('mail')
  expect(redacted).not.toContain('jane@example.com')
  const withheld = (await run('s4', ['lookup', { about: 'plan' }])).read
  expect(withheld).toContain('its result is withheld')
  expect(withheld).not.toContain('top secret')
})

test("a tool's own error stays its own", async () => {
  expect((await run('s5', ['post', { text: 'fail' }])).read).toContain('no room')
  expect((await served.actions())[0]).toMatchObject({ action: 'tool.post', state: 'failed' })
})

const REFUND: Call = ['refund', { order: 'o1', amount: 500 }]

async function suspended(session: string, storage: InMemoryStore) {
  const { agent } = agentThatCalls(session, storage, [REFUND])
  const result = await agent.generate('go')
  expect(result.finishReason).toBe('suspended')
  return { runId: result.runId as string, payload: result.suspendPayload as { suspendPayload: HeldToolCall } }
}

async function resumed(session: string, storage: InMemoryStore, runId: string) {
  const { agent, read } = agentThatCalls(session, storage)
  const result = await agent.resumeGenerate({ go: 'on' }, { runId })
  return { finishReason: result.finishReason, read: read() }
}

test('what needs a person suspends the run, and runs when Belay has the approval', async () => {
  const storage = new InMemoryStore()
  const { runId, payload } = await suspended('s6', storage)
  expect(JSON.stringify(payload)).toMatch(/"type":"belay.held","action":"[^"]+","approval":"[^"]+"/)
  expect(ran).toEqual([])
  await served.decide('approve')
  expect((await resumed('s6', storage, runId)).read).toContain('refunded')
  expect(ran).toEqual(['o1'])
})

test('resuming is no vote: the run is suspended again until Belay has the approval', async () => {
  const storage = new InMemoryStore()
  const { runId } = await suspended('s7', storage)
  for (let n = 0; n < 2; n++) expect((await resumed('s7', storage, runId)).finishReason).toBe('suspended')
  await served.decide('reject')
  expect((await resumed('s7', storage, runId)).read).toContain('Denied, nothing was done')
  expect(ran).toEqual([])
})

test('resumed twice at the same time it runs once', async () => {
  const storage = new InMemoryStore()
  const { runId } = await suspended('s8', storage)
  await served.decide('approve')
  await Promise.allSettled([resumed('s8', storage, runId), resumed('s8', storage, runId)])
  expect(ran).toEqual(['o1'])
})

/** An execution as Mastra makes it, for what must hold whatever Mastra does. */
function executed(toolCallId: string, input: object, name: 'post' | 'lookup' = 'post'): Promise<unknown> {
  const safe = guardTools(served.belay, tools, { agent: 'helper' })
  const agent = { agentId: 'a', toolCallId, messages: [], suspend: async () => undefined }
  return safe[name].execute?.(input as never, { agent } as never) as Promise<unknown>
}

test('fifty parallel calls with one id run once, and again after a restart answer the same', async () => {
  const outputs = await Promise.all(Array.from({ length: 50 }, async () => executed('c', { text: 'hello' })))
  expect(outputs).toEqual(outputs.map(() => ({ published: 'hello' })))
  await served.close()
  served = await serveBelay(folder)
  expect(await executed('c', { text: 'hello' })).toEqual({ published: 'hello' })
  expect(ran).toEqual(['hello'])
})

test('input that does not fit the schema is recorded as failed, in the words of Mastra', async () => {
  expect(await executed('d', { about: 7 }, 'lookup')).toMatchObject({ error: true })
  expect((await served.actions())[0]?.state).toBe('failed')
  expect(ran).toEqual([])
})

test('a tool as a step of a workflow waits in the run', async () => {
  const { refund } = guardTools(served.belay, tools, {
    agent: 'helper',
    actions: { refund: 'payments.refund' },
  })
  const workflow = createWorkflow({
    id: 'pay',
    inputSchema: z.object({ order: z.string(), amount: z.number() }),
    outputSchema: z.object({ refunded: z.string() }),
  })
    .then(createStep(refund) as never)
    .commit()
  const mastra = new Mastra({ workflows: { pay: workflow }, storage: new InMemoryStore(), logger: false })
  const pay = await mastra.getWorkflow('pay').createRun()
  const first = await pay.start({ inputData: { order: 'o9', amount: 900 } })
  expect(first.status).toBe('suspended')
  await served.decide('approve')
  const last = await pay.resume({ resumeData: {}, step: 'refund' })
  expect(last).toMatchObject({ status: 'success', result: { refunded: 'o9' } })
  expect(ran).toEqual(['o9'])
})

test('a tool that suspends itself is refused, before or while it runs', async () => {
  const schema = createTool({
    id: 'a',
    description: 'Asks',
    suspendSchema: z.object({}),
    execute: async () => 1,
  })
  expect(() => guardTools(served.belay, { schema }, { agent: 'helper' })).toThrow(/suspends itself/)
  const post = createTool({
    id: 'post',
    description: 'Asks',
    execute: async (_input, context) => context.agent?.suspend({}),
  })
  const safe = guardTools(served.belay, { post }, { agent: 'helper' })
  const agent = { agentId: 'a', toolCallId: 'self', messages: [], suspend: async () => undefined }
  await expect(safe.post.execute?.({}, { agent } as never)).rejects.toThrow(/suspends itself/)
})

test('a tool that Belay cannot hold back is named or refused', () => {
  const browser = { ask: createTool({ id: 'ask', description: 'Asks the user' }) }
  expect(() => guardTools(served.belay, browser, { agent: 'helper' })).toThrow(/has no execute/)
  const named = guardTools(served.belay, browser, { agent: 'helper', unguarded: ['ask'] })
  expect(named.ask).toBe(browser.ask)
})
