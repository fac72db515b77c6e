import type { Action } from '../../action/action.ts'
import type { NanoUsd } from '../../action/money.ts'
import type { CallEnd } from './call-record.ts'
import type { ModelAnswer, TokenUsage } from './model-call.ts'
import type { Plan } from './plan-call.ts'
import type { ModelPrice } from './prices/price-book.ts'
import { mayThinkUnseen } from './prices/unseen-thinking.ts'

export type Charged = Pick<CallEnd, 'cost' | 'usage' | 'usageSource'>

export const FREE: Charged = { cost: 0, usage: null, usageSource: 'none' }

/**
 * What a call is charged. A finished answer costs what the provider reports. One that broke off is charged for what
 * was produced: a token is at least one byte, so bytes bound what nobody counted. Where tokens are billed that
 * nobody sees (reasoning), the whole reservation is charged.
 */
export function chargeOf(plan: Plan, action: Action, answer: ModelAnswer | null, complete: boolean): Charged {
  const { price } = plan
  const usage = answer?.usage ?? null
  if (price === null) return { cost: action.cost, usage, usageSource: 'reserved' }
  const reported = usage === null ? null : costOf(price, usage)
  if (complete && reported !== null) return { cost: reported + plan.unlisted, usage, usageSource: 'reported' }
  // The vendor bills what it would have gone on to say (that is what a drain is declared for).
  const billedOn = !complete && (plan.provider.drain ?? 0) > 0
  // An answer without a word and without a count may still be in the making (Responses in the background).
  if (
    answer === null ||
    billedOn ||
    (complete && bytesOf(answer) === 0) ||
    plan.format.operation !== 'model.generate' ||
    isUncounted(plan, answer)
  )
    return { cost: action.cost, usage, usageSource: 'reserved' }
  const output = Math.max(usage?.output ?? 0, bytesOf(answer))
  const bound =
    usage === null
      ? price.worst(plan.inputTokens, output)
      : (costOf(price, { ...usage, output }) ?? action.cost)
  return { cost: Math.min(action.cost, bound + plan.unlisted), usage, usageSource: 'bound' }
}

/** `null` for counts that are none: a provider may report nonsense. */
function costOf(price: ModelPrice, usage: TokenUsage): NanoUsd | null {
  try {
    return price.cost(usage)
  } catch {
    return null
  }
}

function bytesOf({ texts, toolCalls }: ModelAnswer): number {
  let bytes = 0
  for (const text of texts) bytes += Buffer.byteLength(text)
  for (const call of toolCalls) bytes += Buffer.byteLength(call.arguments) + Buffer.byteLength(call.name)
  return bytes
}

/** Nobody can tell what was billed: the model may have thought. */
function isUncounted({ request: { params, model }, provider }: Plan, { usage }: ModelAnswer): boolean {
  if ((usage?.reasoning ?? 0) > 0) return true
  return usage === null && provider.local !== true && mayThinkUnseen(model, params)
}
