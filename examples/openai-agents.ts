// Tools of the OpenAI Agents SDK: what needs a person interrupts the run, whose state is kept as text and resumed later.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Agent, RunState, Runner, tool } from '@openai/agents'
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing'
import { z } from 'zod'
import { guardTools } from '../src/entry/frameworks/openai-agents.ts'
import { Belay } from '../src/index.ts'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))
const belay = await Belay.open({ url: harness.url, key: await harness.keyOf('cashier') })
const refunded: string[] = []

const refund = tool({
  name: 'refund',
  description: 'Pays an order back',
  parameters: z.object({ order: z.string(), amount: z.number() }),
  execute: ({ order }) => {
    refunded.push(order)
    return `refunded ${order}`
  },
})

/** The agent as each process that serves the conversation builds it; `answers` stand in for a provider's model. */
function cashier(answers: ConstructorParameters<typeof ScriptedModel>[0]): Agent {
  const tools = guardTools(belay, [refund], {
    agent: 'cashier',
    session: 'chat-1',
    actions: { refund: 'payments.refund' },
  })
  return new Agent({ name: 'cashier', model: new ScriptedModel(answers), tools })
}

const runner = new Runner({ tracingDisabled: true })

async function resume(saved: string): Promise<unknown> {
  const agent = cashier([[assistantMessage('Done.')]])
  const state = await RunState.fromString(agent, saved)
  for (const interruption of state.getInterruptions()) state.approve(interruption)
  return (await runner.run(agent, state)).finalOutput
}

try {
  const asks = functionCall('refund', { order: 'o-17', amount: 500 }, { callId: 'call-17' })
  const { state, interruptions } = await runner.run(cashier([[asks]]), 'Order o-17 came broken.')
  assert.equal(interruptions.length, 1)
  assert.deepEqual(refunded, [], 'nothing runs before a person has approved')

  const saved = state.toString()
  await harness.decideNext('approve')
  assert.deepEqual(await Promise.all([resume(saved), resume(saved)]), ['Done.', 'Done.'])
  assert.deepEqual(refunded, ['o-17'], 'a state that is resumed twice pays once')
  console.log('ok: interrupted, approved, resumed twice, paid once')
} finally {
  await belay.close()
  await harness.stop()
}
