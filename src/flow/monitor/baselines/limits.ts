import type { AnomalyRule } from '../../../policy/compile-anomaly.ts'
import type { AgentBehaviour } from './agent-behaviour.ts'
import { HEAD } from './behaviour.ts'
import { isKnown, meanOf } from './meters.ts'
import { lastHour } from './rate.ts'
import { figure, usd, type Told } from './tell.ts'

/**
 * What holds whatever has become normal. Who shifts an agent's behaviour slowly enough teaches every detector that learns;
 * these learn nothing.
 */
export function overLimits(
  agent: AgentBehaviour,
  { limits, expect }: AnomalyRule,
  cost: number,
  at: number,
): Told | undefined {
  const { whole, loops } = agent
  if (limits.repeat !== null && loops.exact >= limits.repeat)
    return {
      message: `The same call came ${loops.exact} times in a row; the policy allows ${limits.repeat}.`,
      normal: limits.repeat,
      observed: loops.exact,
      unit: 'calls',
      since: loops.startedAt,
    }
  if (limits.rate !== null) {
    const pace = lastHour(whole, at)
    if (pace > limits.rate)
      return told(
        `${agent.name} made ${figure(pace)} actions in the last hour; the policy allows ${figure(limits.rate)}.`,
        limits.rate,
        pace,
        'per_hour',
        at,
      )
  }
  if (limits.cost !== null) {
    const spent = agent.spentLastHour(at) + cost
    if (spent > limits.cost)
      return told(
        `${agent.name} would have spent ${usd(spent)} within an hour; the policy allows ${usd(limits.cost)}.`,
        limits.cost / 1e9,
        spent / 1e9,
        'usd',
        at,
      )
  }
  if (limits.growth === null) return undefined
  const from = expect ?? whole.learned.head[HEAD.anchor]!
  if (from > 0 && agent.meanPerHour > limits.growth * from)
    return told(
      `What is normal for ${agent.name} has grown from ${figure(from)} to ${figure(agent.meanPerHour)} actions an hour; the policy allows ${limits.growth} times.`,
      from,
      agent.meanPerHour,
      'per_hour',
      at,
    )
  for (const [name, b] of agent.actions) {
    const anchor = b.learned.head[HEAD.costAnchor]!
    if (Number.isNaN(anchor) || !isKnown(b, 'cost')) continue
    const now = meanOf(b, 'cost')
    if (now - anchor > Math.log(limits.growth))
      return told(
        `What is normal for ${name} by ${agent.name} has grown from ${usd(Math.exp(anchor))} to ${usd(Math.exp(now))}; the policy allows ${limits.growth} times.`,
        Math.exp(anchor) / 1e9,
        Math.exp(now) / 1e9,
        'usd',
        at,
      )
  }
  return undefined
}

function told(message: string, normal: number, observed: number, unit: Told['unit'], since: number): Told {
  return { message, normal, observed, unit, since }
}
