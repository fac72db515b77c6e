// Tools of LangChain in a graph of LangGraph: what needs a person interrupts the graph, which goes on from its checkpoint.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AIMessage, HumanMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { Command, MemorySaver, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { z } from 'zod'
import { guardTools } from '../src/entry/frameworks/langchain.ts'
import type { HeldToolCall } from '../src/entry/frameworks/langchain.ts'
import { Belay } from '../src/index.ts'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))
const belay = await Belay.open({ url: harness.url, key: await harness.keyOf('cashier') })
const refunded: string[] = []

const refund = tool(
  ({ order }) => {
    refunded.push(order)
    return `refunded ${order}`
  },
  {
    name: 'refund',
    description: 'Pays an order back',
    schema: z.object({ order: z.string(), amount: z.number() }),
  },
)

// In place of a provider's model.
const model = () => ({
  messages: [
    new AIMessage({
      content: '',
      tool_calls: [
        { name: 'refund', args: { order: 'o-17', amount: 500 }, id: 'call-17', type: 'tool_call' },
      ],
    }),
  ],
})

try {
  const tools = guardTools(belay, [refund], { agent: 'cashier', actions: { refund: 'payments.refund' } })
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('model', model)
    .addNode('tools', new ToolNode(tools))
    .addEdge(START, 'model')
    .addEdge('model', 'tools')
    .compile({ checkpointer: new MemorySaver() })
  const thread = { configurable: { thread_id: 'chat-1' } }

  const held = await graph.invoke({ messages: [new HumanMessage('Order o-17 came broken.')] }, thread)
  const { __interrupt__: interrupts } = held as { __interrupt__?: readonly { value: HeldToolCall }[] }
  assert.match(interrupts?.[0]?.value.message ?? '', /Waits for a person/)

  const early = await graph.invoke(new Command({ resume: true }), thread)
  assert.ok('__interrupt__' in early, 'resuming is no approval')
  assert.deepEqual(refunded, [], 'nothing runs before a person has approved')

  await harness.decideNext('approve')
  const done = await graph.invoke(new Command({ resume: true }), thread)
  assert.equal(done.messages.at(-1)?.text, 'refunded o-17')
  assert.deepEqual(refunded, ['o-17'])
  console.log('ok: interrupted, approved, resumed, paid once')
} finally {
  await belay.close()
  await harness.stop()
}
