import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tool as langchainTool } from '@langchain/core/tools'
import { createTool } from '@mastra/core/tools'
import { tool as agentsTool } from '@openai/agents'
import { tool as aiTool } from 'ai'
import { z } from 'zod'
import * as aiSdk from '../src/entry/frameworks/ai-sdk.ts'
import { guardQuery } from '../src/entry/frameworks/claude-agent-sdk.ts'
import * as langchain from '../src/entry/frameworks/langchain.ts'
import * as mastra from '../src/entry/frameworks/mastra.ts'
import * as openaiAgents from '../src/entry/frameworks/openai-agents.ts'
import type { ToolBelay } from '../src/entry/frameworks/tool-action.ts'
import { guardWith } from '../src/entry/sdk/guard.ts'
import type { HarnessDoor, Standing } from '../src/entry/sdk/harness-door.ts'
import { Belay } from '../src/index.ts'

// What guarding adds to the execution of a tool, by framework: once before a harness in memory that allows everything
// at once (what is measured is our wrapper and the SDK's guard), and once before a real one with SQLite.
const OPTIONS = { agent: 'commenter', session: 'bench', actions: { comment: 'social.comment' } }
const INPUT = { postId: 'p1', text: 'Open until 6 pm, and on Saturdays until noon.' }
const shape = z.object({ postId: z.string(), text: z.string() })
const fields = { name: 'comment', description: 'Comments', schema: shape }

type Run = (id: string) => unknown
interface Framework {
  readonly bare: Run
  readonly guarded: (belay: ToolBelay) => Run
}

function inMemory(): ToolBelay {
  const standing = (input: Standing['input']): Standing => ({
    id: 'act_1',
    decision: 'allow',
    effective: 'allow',
    reasons: [],
    state: 'ready',
    input,
    approval: null,
    limitMs: 60_000,
  })
  let last: Standing
  const door: HarnessDoor = {
    propose: async (_name, input) => (last = standing(input)),
    get: async () => last,
    wait: async (known) => known,
    start: async () => ({ ...last, state: 'executing' }),
    report: async () => null,
    cancel: async () => undefined,
    result: async () => null,
    undo: async () => last,
    register: () => undefined,
    close: async () => undefined,
  }
  const running = new Set<Promise<unknown>>()
  return {
    guard: (name, options) => guardWith(door, running, name, options),
    propose: (name, input, options) => door.propose(name, input, options, false),
    cancel: (id) => door.cancel(id),
  }
}

const execute = async (input: typeof INPUT): Promise<{ id: string }> => ({ id: `c-${input.postId}` })
const ai = { comment: aiTool({ description: 'Comments', inputSchema: shape, execute }) }
const agents = agentsTool({ name: 'comment', description: 'Comments', parameters: shape, execute })
const chain = langchainTool(async (input) => JSON.stringify(await execute(input)), fields)
const step = { comment: createTool({ id: 'comment', description: 'Comments', inputSchema: shape, execute }) }
const { signal } = new AbortController()

const aiCall = (tool: typeof ai.comment): Run => {
  return (toolCallId) => tool.execute?.(INPUT, { toolCallId, messages: [], abortSignal: signal, context: {} })
}
const agentsCall = (tool: typeof agents): Run => {
  return (callId) =>
    tool.invoke({} as never, JSON.stringify(INPUT), {
      signal,
      toolCall: { type: 'function_call', callId, name: 'comment', arguments: '' },
    })
}
const chainCall = (tool: typeof chain): Run => {
  return (id) => tool.invoke({ id, name: 'comment', args: INPUT, type: 'tool_call' })
}
const stepCall = (tool: typeof step.comment): Run => {
  return (toolCallId) => tool.execute?.(INPUT, { agent: { agentId: 'a', toolCallId, messages: [] } } as never)
}

const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  'ai-sdk': {
    bare: aiCall(ai.comment),
    guarded: (belay) => aiCall(aiSdk.guardTools(belay, ai, OPTIONS).tools.comment),
  },
  'openai-agents': {
    bare: agentsCall(agents),
    guarded: (belay) => agentsCall(openaiAgents.guardTools(belay, [agents], OPTIONS)[0] as typeof agents),
  },
  langchain: {
    bare: chainCall(chain),
    guarded: (belay) => chainCall(langchain.guardTools(belay, [chain], OPTIONS)[0] as typeof chain),
  },
  mastra: {
    bare: stepCall(step.comment),
    guarded: (belay) => stepCall(mastra.guardTools(belay, step, OPTIONS).comment),
  },
  'claude-agent-sdk': {
    bare: () => execute(INPUT),
    guarded: (belay) => {
      const { hooks } = guardQuery(belay, OPTIONS)
      return async (tool_use_id) => {
        const call = { session_id: 's', tool_name: 'comment', tool_input: INPUT, tool_use_id }
        await hooks.PreToolUse[0]?.hooks[0]?.({ hook_event_name: 'PreToolUse', ...call }, undefined, {
          signal,
        })
        const tool_response = await execute(INPUT)
        await hooks.PostToolUse[0]?.hooks[0]?.(
          { hook_event_name: 'PostToolUse', ...call, tool_response },
          undefined,
          { signal },
        )
      }
    },
  },
}

let calls = 0

/** Microseconds of one call, one call after the other. */
async function microseconds(run: Run, times: number): Promise<number> {
  const started = performance.now()
  for (let n = 0; n < times; n++) await run(`call-${(calls += 1)}`)
  return ((performance.now() - started) * 1000) / times
}

/** What the second costs beyond the first: by turns, so that other load on the machine meets both. */
async function added(bare: Run, guarded: Run, times: number): Promise<{ alone: number; more: number }> {
  const rounds: { alone: number; more: number }[] = []
  for (let round = 0; round < 12; round++) {
    const alone = await microseconds(bare, times)
    rounds.push({ alone, more: (await microseconds(guarded, times)) - alone })
  }
  // The first three warm up.
  return rounds.slice(3).toSorted((a, b) => a.more - b.more)[4] as { alone: number; more: number }
}

const data = mkdtempSync(join(tmpdir(), 'belay-bench-frameworks-'))
const config = join(import.meta.dirname, '..', 'examples', 'belay.yaml')
const belay = await Belay.open({ config, data })
const cell = (value: string | number): string => String(value).padStart(18)
console.log(
  'framework'.padEnd(18) + ['bare µs', 'added µs', 'with SQLite µs'].map((head) => cell(head)).join(''),
)
let worst = 0
for (const [name, { bare, guarded }] of Object.entries(FRAMEWORKS)) {
  const { alone, more } = await added(bare, guarded(inMemory()), 2000)
  // The example's policy allows 1,000 actions an hour: enough for a look.
  const stored = await added(bare, guarded(belay), 15)
  worst = Math.max(worst, more)
  console.log(
    name.padEnd(18) +
      [alone.toFixed(1), more.toFixed(1), stored.more.toFixed(0)].map((value) => cell(value)).join(''),
  )
}
await belay.close()
rmSync(data, { recursive: true, force: true })
console.log(`worst ${worst.toFixed(1)} µs, goal 100 µs: ${worst <= 100 ? 'met' : 'missed'}`)
