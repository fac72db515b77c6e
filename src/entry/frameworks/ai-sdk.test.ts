import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateText, isStepCount, jsonSchema, tool } from 'ai'
import type { ModelMessage } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import { ToolCallRefused, guardTools } from './ai-sdk.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-ai-sdk-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

const tools = {
  post: tool({
    description: 'Publishes a text',
    inputSchema: z.object({ text: z.string(), draft: z.boolean().optional() }),
    execute: (input) => {
      ran.push(input)
      return { published: input.text }
    },
  }),
  lookup: tool({
    description: 'Looks something up',
    inputSchema: z.object({ about: z.string() }),
    execute: ({ about }) => {
      ran.push(about)
      return about === 'plan' ? 'this is top secret' : { mail: 'jane@example.com' }
    },
  }),
  refund: tool({
    description: 'Pays money back',
    inputSchema: z.object({ order: z.string(), amount: z.number() }),
    execute: (input) => {
      ran.push(input)
      return { refunded: input.order }
    },
  }),
  burn: tool({
    description: 'Burns',
    inputSchema: z.object({}),
    execute: () => void ran.push('burnt'),
  }),
}

const OPTIONS = { agent: 'helper', actions: { refund: 'payments.refund' } }

function guarded(session: string) {
  return guardTools(served.belay, tools, { ...OPTIONS, session })
}

type Call = readonly [name: keyof typeof tools, input: object, id?: string]

/** A model that makes these calls in its first answer and then says `done`. */
function modelThatCalls(...calls: readonly Call[]) {
  const usage = {
    inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 1, text: 1, reasoning: 0 },
  }
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }) =>
      prompt.some(({ role }) => role === 'tool')
        ? {
            content: [{ type: 'text', text: 'done' }],
            finishReason: { unified: 'stop', raw: undefined },
            usage,
            warnings: [],
          }
        : {
            content: calls.map(([toolName, input, toolCallId = 'call-1']) => ({
              type: 'tool-call' as const,
              toolCallId,
              toolName,
              input: JSON.stringify(input),
            })),
            finishReason: { unified: 'tool-calls', raw: undefined },
            usage,
            warnings: [],
          },
  })
}

/** What the model reads of its tool calls. */
function readBy(model: MockLanguageModelV4): string {
  return JSON.stringify(model.doGenerateCalls.at(-1)?.prompt.filter(({ role }) => role === 'tool'))
}

async function run(session: string, ...calls: readonly Call[]) {
  const model = modelThatCalls(...calls)
  const { tools: safe, toolApproval } = guarded(session)
  const result = await generateText({
    model,
    tools: safe,
    toolApproval,
    stopWhen: isStepCount(3),
    prompt: 'go',
  })
  return { result, read: readBy(model) }
}

test('an allowed call runs, with the input that may be executed', async () => {
  const { result, read } = await run('s1', ['post', { text: 'Open. Mail jane@example.com' }])
  expect(result.text).toBe('done')
  expect(ran).toHaveLength(1)
  expect(JSON.stringify(ran)).not.toContain('jane@example.com')
  expect(read).toContain('published')
})

test('denials reach the model in words, and nothing runs', async () => {
  expect((await run('s2', ['post', { text: 'x'.repeat(41) }])).read).toContain('at most 40 characters')
  expect((await run('s2', ['burn', {}])).read).toContain('Denied, nothing was done')
  expect(ran).toEqual([])
})

test('without the approval hook a denial is a tool error', async () => {
  const model = modelThatCalls(['burn', {}])
  const result = await generateText({ model, tools: guarded('s3').tools, prompt: 'go' })
  const [error] = result.content.filter(({ type }) => type === 'tool-error')
  expect(error).toMatchObject({ type: 'tool-error', error: { name: 'ToolCallRefused' } })
  expect(ran).toEqual([])
})

test('results go through the checks of the policy', async () => {
  const redacted = await run('s4', ['lookup', { about: 'jane' }])
  expect(redacted.read).toContain('mail')
  expect(redacted.read).not.toContain('jane@example.com')
  const withheld = await run('s5', ['lookup', { about: 'plan' }])
  expect(withheld.read).toContain('its result is withheld')
  expect(withheld.read).not.toContain('top secret')
  expect(ran).toEqual(['jane', 'plan'])
})

const REFUND: Call = ['refund', { order: 'o1', amount: 500 }]

/** The SDK's own approval flow up to the request, and the answer of somebody who clicked `approved` in the app. */
async function interrupted(session: string, approved = true): Promise<ModelMessage[]> {
  const { result } = await run(session, REFUND)
  const [request] = result.content.filter((part) => part.type === 'tool-approval-request')
  expect(request).toMatchObject({
    reason: expect.stringMatching(/^Waits for a person \(approval /) as string,
  })
  return [
    { role: 'user', content: 'go' },
    ...result.responseMessages,
    {
      role: 'tool',
      content: [{ type: 'tool-approval-response', approvalId: request?.approvalId as string, approved }],
    },
  ]
}

async function resumed(session: string, messages: ModelMessage[]): Promise<string> {
  const model = modelThatCalls()
  const { tools: safe, toolApproval } = guarded(session)
  await generateText({ model, tools: safe, toolApproval, messages: structuredClone(messages) })
  return readBy(model)
}

test('what needs a person is the approval request of the SDK, and runs when Belay has the approval', async () => {
  const messages = await interrupted('s6')
  expect(ran).toEqual([])
  await served.decide('approve')
  expect(await resumed('s6', messages)).toContain('refunded')
  expect(ran).toEqual([{ order: 'o1', amount: 500 }])
})

test('a click in the app is no approval: the call waits for the one that Belay keeps', async () => {
  const messages = await interrupted('s7')
  const waiting = resumed('s7', messages)
  await served.decide('reject')
  expect(await waiting).toMatch(/Denied, nothing was done/)
  expect(ran).toEqual([])
})

test('resumed twice at the same time and again after a restart, it runs once and answers the same', async () => {
  const messages = await interrupted('s8')
  await served.decide('approve')
  const answers = await Promise.all([resumed('s8', messages), resumed('s8', messages)])
  await served.close()
  served = await serveBelay(folder)
  answers.push(await resumed('s8', messages))
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain('refunded')
  expect(ran).toHaveLength(1)
})

test('an approved call whose input was changed in the history does not run', async () => {
  const messages = await interrupted('s9')
  await served.decide('approve')
  const forged = JSON.parse(
    JSON.stringify(messages).replaceAll('"amount":500', '"amount":9000'),
  ) as ModelMessage[]
  expect(await resumed('s9', forged)).not.toContain('refunded')
  expect(ran).toEqual([])
})

test('fifty parallel calls with one id run once', async () => {
  const calls = Array.from({ length: 50 }, () => ['post', { text: 'hello' }] as const)
  const { result } = await run('s10', ...calls)
  expect(ran).toEqual([{ text: 'hello' }])
  expect(result.steps[0]?.toolResults.map(({ output }) => output)).toEqual(
    calls.map(() => ({ published: 'hello' })),
  )
})

test('the same id in another session is another call', async () => {
  await run('s11', ['post', { text: 'hello' }])
  await run('s12', ['post', { text: 'hello' }])
  expect(ran).toHaveLength(2)
})

test('of an output in parts the last of an output is judged and given', async () => {
  const parts = tool({
    description: 'Looks something up, in parts',
    inputSchema: z.object({}),
    async *execute() {
      yield 'half of top secret'
      yield 'public'
    },
  })
  const { tools: safe } = guardTools(served.belay, { lookup: parts }, { ...OPTIONS, session: 's13' })
  const call = { toolCallId: 'c', messages: [], context: undefined }
  expect(await safe.lookup.execute?.({}, call as never)).toBe('public')
})

test('a tool that Belay cannot hold back is named or refused', async () => {
  const ask = { description: 'Asks', inputSchema: z.object({}), outputSchema: z.string() }
  const browser = { ask: tool(ask) }
  expect(() => guardTools(served.belay, browser, OPTIONS)).toThrow(/ask has no execute/)
  const { tools: safe, toolApproval } = guardTools(served.belay, browser, { ...OPTIONS, unguarded: ['ask'] })
  expect(safe.ask).toBe(browser.ask)
  const toolCall = { toolName: 'ask', toolCallId: 'c', input: {} }
  expect(await toolApproval({ toolCall, messages: [] })).toEqual({ type: 'not-applicable' })
})

test("a tool's own wish for approval still counts", async () => {
  const asking = {
    post: { ...tools.post, needsApproval: (input: { text: string }) => input.text === 'loud' },
  }
  const { toolApproval } = guardTools(served.belay, asking, { ...OPTIONS, session: 's14' })
  const ask = (text: string, toolCallId: string) =>
    toolApproval({ toolCall: { toolName: 'post', toolCallId, input: { text } }, messages: [] })
  expect(await ask('loud', 'a')).toMatchObject({ type: 'user-approval' })
  expect(await ask('quiet', 'b')).toEqual({ type: 'not-applicable' })
})

test.each([[new Date(0)], [{ at: new Date(0) }], [{ n: Number.NaN }], ['text'], [[1]], [{ f: () => 1 }]])(
  'input %j that is no JSON object is not run',
  async (input) => {
    const safe = guardTools(served.belay, { post: { ...tools.post, inputSchema: jsonSchema({}) } }, OPTIONS)
    const call = { toolCallId: 'c', messages: [], context: undefined }
    await expect(safe.tools.post.execute?.(input as never, call as never)).rejects.toBeInstanceOf(
      ToolCallRefused,
    )
    expect(ran).toEqual([])
  },
)

test("a tool's own error stays its own and is not tried again", async () => {
  const failing = {
    post: tool({
      description: 'Fails',
      inputSchema: z.object({}),
      execute: (): string => {
        ran.push('tried')
        throw new RangeError('no room')
      },
    }),
  }
  const { tools: safe } = guardTools(served.belay, failing, { ...OPTIONS, session: 's15' })
  const call = { toolCallId: 'c', messages: [], context: undefined }
  const once = async () => (await safe.post.execute?.({}, call as never)) as unknown
  await expect(once()).rejects.toBeInstanceOf(RangeError)
  await expect(once()).rejects.toThrow('was made before and failed')
  expect(ran).toEqual(['tried'])
})

test('when the harness is gone nothing runs', async () => {
  await served.close()
  const { tools: safe } = guarded('s16')
  const call = { toolCallId: 'c', messages: [], context: undefined }
  await expect(safe.post.execute?.({ text: 'a' }, call as never)).rejects.toThrow('Nothing was done')
  expect(ran).toEqual([])
  served = await serveBelay(folder)
})
