import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, RunState, Runner, tool, webSearchTool } from '@openai/agents'
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import { guardTools } from './openai-agents.ts'
import type { GuardOpenAiAgentsOptions } from './openai-agents.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-openai-agents-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

const tools = [
  tool({
    name: 'post',
    description: 'Publishes a text',
    parameters: z.object({ text: z.string() }),
    execute: ({ text }) => {
      ran.push(text)
      if (text === 'fail') throw new RangeError('no room')
      return `published ${text}`
    },
  }),
  tool({
    name: 'lookup',
    description: 'Looks something up',
    parameters: z.object({ about: z.string() }),
    execute: ({ about }) => {
      ran.push(about)
      return about === 'plan' ? 'this is top secret' : 'mail jane@example.com'
    },
  }),
  tool({
    name: 'refund',
    description: 'Pays money back',
    parameters: z.object({ order: z.string(), amount: z.number() }),
    execute: ({ order }) => {
      ran.push(order)
      return { refunded: order }
    },
  }),
]

type Call = readonly [name: string, input: object | string, id?: string]

function agentThatCalls(
  session: GuardOpenAiAgentsOptions['session'],
  ...calls: readonly Call[]
): { readonly agent: Agent; readonly model: ScriptedModel } {
  const model = new ScriptedModel()
  if (calls.length > 0)
    model.enqueue(
      calls.map(([name, input, callId = 'call-1']) =>
        functionCall(name, input as object & string, { callId }),
      ),
    )
  model.enqueue([assistantMessage('done')])
  const safe = guardTools(served.belay, tools, {
    agent: 'helper',
    actions: { refund: 'payments.refund' },
    ...(session === undefined ? {} : { session }),
  })
  return { agent: new Agent({ name: 'helper', model, tools: safe }), model }
}

const runner = new Runner({ tracingDisabled: true })

/** What the model was told of its calls. */
function readBy(model: ScriptedModel): string {
  const input = model.lastCall?.request.input
  return JSON.stringify(
    Array.isArray(input)
      ? input.filter((item) => 'type' in item && item.type === 'function_call_result')
      : [],
  )
}

async function run(session: string, ...calls: readonly Call[]) {
  const { agent, model } = agentThatCalls(session, ...calls)
  const result = await runner.run(agent, 'go')
  return { result, read: readBy(model) }
}

test('an allowed call runs, with the input that may be executed', async () => {
  const { result, read } = await run('s1', ['post', { text: 'Mail jane@example.com' }])
  expect(result.finalOutput).toBe('done')
  expect(ran).toHaveLength(1)
  expect(ran[0]).not.toContain('jane@example.com')
  expect(read).toContain('published')
})

test('denials reach the model in words, and nothing runs', async () => {
  expect((await run('s2', ['post', { text: 'x'.repeat(41) }])).read).toContain('at most 40 characters')
  const [post] = guardTools(served.belay, tools, { agent: 'helper' })
  for (const input of ['[1]', '{bad', '"text"'])
    expect(await post?.invoke({} as never, input)).toContain('its input must be a JSON object')
  expect(ran).toEqual([])
})

test('results go through the checks of the policy', async () => {
  const redacted = await run('s4', ['lookup', { about: 'jane' }])
  expect(redacted.read).toContain('mail')
  expect(redacted.read).not.toContain('jane@example.com')
  const withheld = await run('s5', ['lookup', { about: 'plan' }])
  expect(withheld.read).toContain('its result is withheld')
  expect(withheld.read).not.toContain('top secret')
})

test('what the tool failed at is recorded as failed, in the words of the SDK for the model', async () => {
  expect((await run('s6', ['post', { text: 'fail' }])).read).toContain(
    'An error occurred while running the tool',
  )
  expect((await served.actions())[0]).toMatchObject({ action: 'tool.post', state: 'failed' })
  expect(ran).toEqual(['fail'])
})

const REFUND: Call = ['refund', { order: 'o1', amount: 500 }]

/** The run up to its interruption, as a state that is kept as text, approved in the app. */
async function interrupted(session: string): Promise<string> {
  const { agent } = agentThatCalls(session, REFUND)
  const { state, interruptions } = await runner.run(agent, 'go')
  expect(interruptions).toHaveLength(1)
  return state.toString()
}

async function resumed(session: string, text: string): Promise<string> {
  const { agent, model } = agentThatCalls(session)
  const state = await RunState.fromString(agent, text)
  for (const interruption of state.getInterruptions()) state.approve(interruption)
  await runner.run(agent, state)
  return readBy(model)
}

test('what needs a person interrupts the run, and runs when Belay has the approval', async () => {
  const state = await interrupted('s7')
  expect(ran).toEqual([])
  await served.decide('approve')
  expect(await resumed('s7', state)).toContain('refunded')
  expect(ran).toEqual(['o1'])
})

test('approving the interruption is no vote: the call waits for the approval that Belay keeps', async () => {
  const waiting = resumed('s8', await interrupted('s8'))
  await served.decide('reject')
  expect(await waiting).toContain('Denied, nothing was done')
  expect(ran).toEqual([])
})

test('resumed twice at the same time and again after a restart, it runs once and answers the same', async () => {
  const state = await interrupted('s9')
  await served.decide('approve')
  const answers = await Promise.all([resumed('s9', state), resumed('s9', state)])
  await served.close()
  served = await serveBelay(folder)
  answers.push(await resumed('s9', state))
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain('refunded')
  expect(ran).toEqual(['o1'])
})

test('fifty parallel calls with one id run once', async () => {
  const [post] = guardTools(served.belay, tools, { agent: 'helper', session: 's10' })
  const call = async () =>
    (await post?.invoke({} as never, '{"text":"hello"}', {
      toolCall: functionCall('post', { text: 'hello' }, { callId: 'c' }),
    })) as unknown
  const outputs = await Promise.all(Array.from({ length: 50 }, call))
  expect(new Set(outputs)).toEqual(new Set(['published hello']))
  expect(ran).toEqual(['hello'])
})

test('the session may come from the context of the run', async () => {
  for (const chat of ['a', 'b']) {
    const { agent } = agentThatCalls(
      ({ context }) => (context as { chat: string }).chat,
      ['post', { text: 'hi' }],
    )
    await runner.run(agent, 'go', { context: { chat } })
  }
  expect(ran).toHaveLength(2)
})

test('a tool that Belay cannot hold back is named or refused', () => {
  const search = webSearchTool()
  expect(() => guardTools(served.belay, [search], { agent: 'helper' })).toThrow(/is not a function/)
  expect(guardTools(served.belay, [search], { agent: 'helper', unguarded: [search.name] })).toEqual([search])
})

test("a tool's own wish for approval still interrupts", async () => {
  const asking = tool({
    name: 'post',
    description: 'Publishes',
    parameters: z.object({ text: z.string() }),
    needsApproval: true,
    execute: () => void ran.push('x'),
  })
  const model = new ScriptedModel([[functionCall('post', { text: 'a' }, { callId: 'c' })]])
  const safe = guardTools(served.belay, [asking], { agent: 'helper', session: 's12' })
  const result = await runner.run(new Agent({ name: 'helper', model, tools: safe }), 'go')
  expect(result.interruptions).toHaveLength(1)
  expect(ran).toEqual([])
})

test('an agent as a tool is not taken for a function', async () => {
  const [post] = guardTools(served.belay, tools, { agent: 'helper' })
  const details = { resumeState: '{}', toolCall: functionCall('post', {}, { callId: 'c' }) }
  await expect(post?.invoke({} as never, '{"text":"a"}', details)).rejects.toThrow(
    'guard the tools of that agent',
  )
  expect(ran).toEqual([])
})

test("a tool that runs into the SDK's time limit is recorded as unknown and not tried again", async () => {
  const endless = tool({
    name: 'post',
    description: 'Never ends',
    parameters: z.object({ text: z.string() }),
    // Long enough for the tool to have begun, also on a busy machine.
    timeoutMs: 2_000,
    execute: ({ text }) => {
      ran.push(text)
      return new Promise<string>(() => undefined)
    },
  })
  const safe = guardTools(served.belay, [endless], { agent: 'helper', session: 's13' })
  const once = async (): Promise<string> => {
    const asks = functionCall('post', { text: 'slow' }, { callId: 'c' })
    const model = new ScriptedModel([[asks], [assistantMessage('done')]])
    await runner.run(new Agent({ name: 'helper', model, tools: safe }), 'go')
    return readBy(model)
  }
  expect(await once()).toContain('timed out')
  await expect.poll(async () => (await served.actions())[0]?.state).toBe('unknown')
  expect(await once()).toContain('it was not made again')
  expect(ran).toEqual(['slow'])
})
