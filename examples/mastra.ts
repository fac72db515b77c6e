// Tools of Mastra: what needs a person suspends the agent's run, which is resumed from its storage.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Agent } from '@mastra/core/agent'
import { Mastra } from '@mastra/core/mastra'
import { InMemoryStore } from '@mastra/core/storage'
import { createTool } from '@mastra/core/tools'
import { MockLanguageModelV4 } from 'ai/test'
import { z } from 'zod'
import { guardTools } from '../src/entry/frameworks/mastra.ts'
import { Belay } from '../src/index.ts'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))
const belay = await Belay.open({ url: harness.url, key: await harness.keyOf('cashier') })
const refunded: string[] = []

const refund = createTool({
  id: 'refund',
  description: 'Pays an order back',
  inputSchema: z.object({ order: z.string(), amount: z.number() }),
  execute: async ({ order }) => {
    refunded.push(order)
    return { refund: `r-${order}` }
  },
})

// In place of a provider's model: asks for one refund, then says what it was told of it.
const model = new MockLanguageModelV4({
  doGenerate: async ({ prompt }) => {
    const told = prompt.findLast(({ role }) => role === 'tool')
    const asks = {
      type: 'tool-call',
      toolCallId: 'call-17',
      toolName: 'refund',
      input: JSON.stringify({ order: 'o-17', amount: 500 }),
    } as const
    return {
      content: [told === undefined ? asks : { type: 'text', text: JSON.stringify(told.content) }],
      finishReason: { unified: told === undefined ? 'tool-calls' : 'stop', raw: undefined },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 1, text: 1, reasoning: 0 },
      },
      warnings: [],
    }
  },
})

try {
  const tools = guardTools(belay, { refund }, { agent: 'cashier', actions: { refund: 'payments.refund' } })
  const agent = new Agent({
    id: 'cashier',
    name: 'cashier',
    instructions: 'Look after orders.',
    model: model as never,
    tools,
  })
  const mastra = new Mastra({ agents: { cashier: agent }, storage: new InMemoryStore(), logger: false })
  const cashier = mastra.getAgent('cashier')

  const first = await cashier.generate('Order o-17 came broken, I want my money back.')
  assert.equal(first.finishReason, 'suspended')
  assert.match(JSON.stringify(first.suspendPayload), /Waits for a person/)
  const runId = first.runId as string

  const early = await cashier.resumeGenerate({ go: 'on' }, { runId })
  assert.equal(early.finishReason, 'suspended', 'resuming is no approval')
  assert.deepEqual(refunded, [], 'nothing runs before a person has approved')

  await harness.decideNext('approve')
  const done = await cashier.resumeGenerate({ go: 'on' }, { runId })
  assert.match(done.text, /r-o-17/)
  assert.deepEqual(refunded, ['o-17'])
  console.log('ok: suspended, approved, resumed, paid once')
} finally {
  await belay.close()
  await harness.stop()
}
