// Tools of the Vercel AI SDK: each execution is an action, and what needs a person is the SDK's own approval request.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { generateText, isStepCount, tool } from 'ai'
import type { ModelMessage } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { z } from 'zod'
import { guardTools } from '../src/entry/frameworks/ai-sdk.ts'
import { Belay } from '../src/index.ts'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))
const belay = await Belay.open({ url: harness.url, key: await harness.keyOf('cashier') })
const refunded: string[] = []

const refund = tool({
  description: 'Pays an order back',
  inputSchema: z.object({ order: z.string(), amount: z.number() }),
  execute: ({ order }) => {
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
  const { tools, toolApproval } = guardTools(
    belay,
    { refund },
    { agent: 'cashier', session: 'chat-1', actions: { refund: 'payments.refund' } },
  )
  const messages: ModelMessage[] = [
    { role: 'user', content: 'Order o-17 came broken, I want my money back.' },
  ]
  const first = await generateText({ model, tools, toolApproval, messages, stopWhen: isStepCount(5) })
  const request = first.content.find((part) => part.type === 'tool-approval-request')
  assert.match(request?.reason ?? '', /Waits for a person/)
  assert.deepEqual(refunded, [], 'nothing runs before a person has approved')

  await harness.decideNext('approve')

  messages.push(...first.responseMessages, {
    role: 'tool',
    content: [{ type: 'tool-approval-response', approvalId: request?.approvalId as string, approved: true }],
  })
  const resume = () => generateText({ model, tools, toolApproval, messages, stopWhen: isStepCount(5) })
  const [once, twice] = await Promise.all([resume(), resume()])
  assert.match(once.text, /r-o-17/)
  assert.equal(twice.text, once.text, 'a run that is resumed twice gets the recorded result')
  assert.deepEqual(refunded, ['o-17'], 'and pays once')
  console.log('ok: held, approved, resumed twice, paid once')
} finally {
  await belay.close()
  await harness.stop()
}
