import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AIMessage, HumanMessage } from '@langchain/core/messages'
import type { BaseMessage } from '@langchain/core/messages'
import { DynamicTool, tool } from '@langchain/core/tools'
import {
  Annotation,
  Command,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
  interrupt,
} from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import { guardTools } from './langchain.ts'
import type { HeldToolCall } from './langchain.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-langchain-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

const post = tool(
  ({ text }) => {
    ran.push(text)
    if (text === 'fail') throw new RangeError('no room')
    return `published ${text}`
  },
  { name: 'post', description: 'Publishes a text', schema: z.object({ text: z.string() }) },
)
const lookup = tool(
  ({ about }) => {
    ran.push(about)
    return about === 'plan' ? 'this is top secret' : 'mail jane@example.com'
  },
  { name: 'lookup', description: 'Looks something up', schema: z.object({ about: z.string() }) },
)
const refund = tool(
  ({ order }) => {
    ran.push(order)
    return `refunded ${order}`
  },
  {
    name: 'refund',
    description: 'Pays money back',
    schema: z.object({ order: z.string(), amount: z.number() }),
  },
)

const OPTIONS = { agent: 'helper', actions: { refund: 'payments.refund' } }
const guarded = () => guardTools(served.belay, [post, lookup, refund], OPTIONS)

type Call = readonly [name: string, args: Record<string, unknown>, id?: string]

function asks(...calls: readonly Call[]): AIMessage {
  return new AIMessage({
    content: '',
    tool_calls: calls.map(([name, args, id = 'call-1']) => ({ name, args, id, type: 'tool_call' })),
  })
}

/** A graph with one node of tools, kept by `saver`; the messages it is started with stand in for a model. */
function graphOf(saver = new MemorySaver()) {
  return new StateGraph(MessagesAnnotation)
    .addNode('tools', new ToolNode(guarded()))
    .addEdge(START, 'tools')
    .compile({ checkpointer: saver })
}

const thread = (id: string) => ({ configurable: { thread_id: id } })

function read(state: { readonly messages: readonly BaseMessage[] }): string {
  return state.messages
    .filter((message) => message.getType() === 'tool')
    .map((message) => message.text)
    .join('\n')
}

async function run(id: string, ...calls: readonly Call[]): Promise<string> {
  return read(await graphOf().invoke({ messages: [new HumanMessage('go'), asks(...calls)] }, thread(id)))
}

function heldIn(state: object): HeldToolCall[] {
  const { __interrupt__: interrupts = [] } = state as { __interrupt__?: { value: HeldToolCall }[] }
  return interrupts.map(({ value }) => value)
}

test('an allowed call runs, with the input that may be executed', async () => {
  expect(await run('t1', ['post', { text: 'Mail jane@example.com' }])).toContain('published')
  expect(ran).toHaveLength(1)
  expect(ran[0]).not.toContain('jane@example.com')
})

test('denials reach the model in words, and nothing runs', async () => {
  expect(await run('t2', ['post', { text: 'x'.repeat(41) }])).toContain('at most 40 characters')
  expect(ran).toEqual([])
})

test('results go through the checks of the policy', async () => {
  const redacted = await run('t3', ['lookup', { about: 'jane' }])
  expect(redacted).toContain('mail')
  expect(redacted).not.toContain('jane@example.com')
  const withheld = await run('t4', ['lookup', { about: 'plan' }])
  expect(withheld).toContain('its result is withheld')
  expect(withheld).not.toContain('top secret')
})

test("a tool's own error stays its own", async () => {
  expect(await run('t5', ['post', { text: 'fail' }])).toContain('no room')
  expect((await served.actions())[0]).toMatchObject({ action: 'tool.post', state: 'failed' })
})

const REFUND: Call = ['refund', { order: 'o1', amount: 500 }, 'r1']
const RESUME = new Command({ resume: true }) as never

async function interrupted(id: string, saver: MemorySaver, ...more: readonly Call[]): Promise<HeldToolCall> {
  const state = await graphOf(saver).invoke({ messages: [asks(REFUND, ...more)] }, thread(id))
  const [held] = heldIn(state)
  expect(held).toMatchObject({ type: 'belay.held', tool: 'refund', approval: expect.any(String) as string })
  return held as HeldToolCall
}

test('what needs a person interrupts the graph, and runs when Belay has the approval', async () => {
  const saver = new MemorySaver()
  await interrupted('t6', saver)
  expect(ran).toEqual([])
  await served.decide('approve')
  expect(read(await graphOf(saver).invoke(RESUME, thread('t6')))).toBe('refunded o1')
  expect(ran).toEqual(['o1'])
})

test('resuming is no vote: the graph is interrupted again until Belay has the approval', async () => {
  const saver = new MemorySaver()
  await interrupted('t7', saver)
  for (let n = 0; n < 3; n++)
    expect(heldIn(await graphOf(saver).invoke(RESUME, thread('t7')))).toHaveLength(1)
  expect(ran).toEqual([])
  await served.decide('reject')
  expect(read(await graphOf(saver).invoke(RESUME, thread('t7')))).toContain('Denied, nothing was done')
  expect(ran).toEqual([])
})

test('what waits can be withdrawn', async () => {
  const saver = new MemorySaver()
  const { action } = await interrupted('t8', saver)
  await served.belay.cancel(action)
  expect(read(await graphOf(saver).invoke(RESUME, thread('t8')))).toContain('withdrawn')
})

test('a node that runs again executes its other calls once', async () => {
  const saver = new MemorySaver()
  await interrupted('t9', saver, ['post', { text: 'hello' }, 'p1'])
  await served.decide('approve')
  expect(read(await graphOf(saver).invoke(RESUME, thread('t9')))).toBe('refunded o1\npublished hello')
  expect(new Set(ran)).toEqual(new Set(['hello', 'o1']))
  expect(ran).toHaveLength(2)
})

test('resumed twice at the same time and again after a restart, it runs once and answers the same', async () => {
  const saver = new MemorySaver()
  await interrupted('t10', saver)
  const { config } = await graphOf(saver).getState(thread('t10'))
  await served.decide('approve')
  // Each resumes from the same checkpoint, as two servers that got the same request would.
  const answers = await Promise.all([1, 2].map(async () => read(await graphOf(saver).invoke(RESUME, config))))
  await served.close()
  served = await serveBelay(folder)
  answers.push(read(await graphOf(saver).invoke(RESUME, config)))
  expect(answers).toEqual(['refunded o1', 'refunded o1', 'refunded o1'])
  expect(ran).toEqual(['o1'])
})

test('fifty parallel calls with one id run once', async () => {
  const [safe] = guardTools(served.belay, [post], { ...OPTIONS, session: 't11' })
  const call = { name: 'post', args: { text: 'hello' }, id: 'c', type: 'tool_call' } as const
  const outputs = await Promise.all(
    Array.from({ length: 50 }, async () => (await safe?.invoke(call))?.content),
  )
  expect(new Set(outputs)).toEqual(new Set(['published hello']))
  expect(ran).toEqual(['hello'])
})

test('a node that calls tools itself executes them once, however often it runs', async () => {
  const State = Annotation.Root({ said: Annotation<string> })
  const [safePost] = guardTools(served.belay, [post], OPTIONS)
  const [safeRefund] = guardTools(served.belay, [refund], OPTIONS)
  const saver = new MemorySaver()
  const graph = new StateGraph(State)
    .addNode('work', async () => {
      const first = (await safePost?.invoke({ text: 'first' })) as string
      const second = (await safeRefund?.invoke({ order: 'o2', amount: 900 })) as string
      return { said: `${first}, ${second}` }
    })
    .addEdge(START, 'work')
    .compile({ checkpointer: saver })
  expect(heldIn(await graph.invoke({ said: '' }, thread('t12')))).toHaveLength(1)
  await served.decide('approve')
  expect(await graph.invoke(RESUME, thread('t12'))).toEqual({ said: 'published first, refunded o2' })
  expect(ran).toEqual(['first', 'o2'])
})

test('without a graph, a call waits for the person', async () => {
  const [safe] = guardTools(served.belay, [refund], { ...OPTIONS, wait: 60 })
  const waiting = safe?.invoke({ order: 'o3', amount: 900 }) as Promise<string>
  await served.decide('approve')
  expect(await waiting).toBe('refunded o3')
})

test('a tool of one text is judged under input', async () => {
  const plain = new DynamicTool({
    name: 'post',
    description: 'Publishes',
    func: async (text) => `got ${text}`,
  })
  const [safe] = guardTools(served.belay, [plain], OPTIONS)
  expect(await safe?.invoke('hello')).toBe('got hello')
  expect((await served.actions())[0]).toMatchObject({ action: 'tool.post', input: { input: 'hello' } })
})

test('of a tool that yields its output, the returned value is judged and given', async () => {
  const parts = tool(
    async function* parts() {
      yield 'half of top secret'
      return 'public'
    },
    { name: 'lookup', description: 'In parts', schema: z.object({}) },
  )
  const [safe] = guardTools(served.belay, [parts], OPTIONS)
  expect(await safe?.invoke({})).toBe('public')
})

test('a tool that interrupts the graph itself is not half executed', async () => {
  const asking = tool(() => interrupt('name?'), {
    name: 'post',
    description: 'Asks',
    schema: z.object({}),
  })
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('tools', new ToolNode(guardTools(served.belay, [asking], OPTIONS)))
    .addEdge(START, 'tools')
    .compile({ checkpointer: new MemorySaver() })
  const state = await graph.invoke({ messages: [asks(['post', {}])] }, thread('t13'))
  expect(read(state)).toContain('interrupts the graph itself')
})

test('a command that the record has as JSON is not taken for a command', async () => {
  const handOff = tool(() => new Command({ goto: 'other' }), {
    name: 'post',
    description: 'Hands off',
    schema: z.object({}),
  })
  const [safe] = guardTools(served.belay, [handOff], { ...OPTIONS, session: 't14' })
  const call = { name: 'post', args: {}, id: 'c', type: 'tool_call' } as const
  expect(await safe?.invoke(call)).toBeInstanceOf(Command)
  await expect(safe?.invoke(call)).rejects.toThrow('cannot be given out again')
})

test('what has no function to hold back is refused', () => {
  expect(() => guardTools(served.belay, [{ name: 'web' } as never], OPTIONS)).toThrow(/web has no _call/)
})
