import type { Action } from '../../action/action.ts'
import type { CallEnd } from './call-record.ts'
import type { ModelAnswer } from './model-call.ts'
import type { Plan } from './plan-call.ts'

export type Charged = Pick<CallEnd, 'cost' | 'usage' | 'usageSource'>

export const FREE: Charged = { cost: 0, usage: null, usageSource: 'none' }

/**
 * What a call is charged. A finished answer costs what the provider reports. One that broke off is charged for what
 * was produced: a token is at least one byte, so bytes bound what nobody counted. Where tokens are billed that
 * nobody sees (reasoning), the whole reservation is charged.
 */
export function chargeOf(plan: Plan, action: Action, answer: ModelAnswer | null, complete: boolean): Charged {
  const { price } = plan
  if (price === null) return { cost: action.cost, usage: answer?.usage ?? null, usageSource: 'reserved' }
  const usage = answer?.usage ?? null
  if (complete && usage !== null) return { cost: price.cost(usage), usage, usageSource: 'reported' }
  if (answer === null || plan.format.operation !== 'model.generate' || reasonsUnseen(plan, answer))
    return { cost: action.cost, usage, usageSource: 'reserved' }
  const produced = bytesOf(answer)
  const output = Math.max(usage?.output ?? 0, produced)
  const cost = usage === null ? price.worst(plan.inputTokens, output) : price.cost({ ...usage, output })
  return { cost: Math.min(action.cost, cost), usage, usageSource: 'bound' }
}

function bytesOf({ texts, toolCalls }: ModelAnswer): number {
  let bytes = 0
  for (const text of texts) bytes += Buffer.byteLength(text)
  for (const call of toolCalls) bytes += Buffer.byteLength(call.arguments) + Buffer.byteLength(call.name)
  return bytes
}

function reasonsUnseen({ request: { params } }: Plan, { usage }: ModelAnswer): boolean {
  return (
    (usage?.reasoning ?? 0) > 0 ||
    ['reasoning', 'reasoning_effort', 'thinking', 'thinkingConfig'].some((name) => params[name] !== undefined)
  )
}
