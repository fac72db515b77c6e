import type { Finding, Reason } from '../../action/finding.ts'
import type { NanoUsd } from '../../action/money.ts'
import type { AgentRule } from '../../policy/policy.ts'
import type { Draw } from './budgets.ts'
import type { BreakerVerdict } from './monitor.ts'

export function refuseState(
  state: string,
  reason: string | null,
  changedBy: string | null,
  rule: AgentRule | undefined,
): Finding | undefined {
  if (state === 'active') return undefined
  // Paused by its breaker with a cool-down: the breaker itself knows when probes may pass.
  if (state === 'paused' && changedBy === 'breaker' && rule?.breaker?.cooldown != null) return undefined
  return deny(`agent:${state}`, `The agent is ${state}${reason === null ? '' : `: ${reason}`}.`)
}

export function overAction(cost: NanoUsd, limit: NanoUsd): Finding {
  return deny('budget:action', `The action may cost ${usd(cost)}; one action may cost at most ${usd(limit)}.`)
}

export function overBudget({ account, amount }: Draw): Finding {
  const whose = account.agent === null ? 'all agents together' : `the agent ${account.agent}`
  return account.unit === 'actions'
    ? deny(
        `rate:${account.window}`,
        `At most ${account.limit} actions per ${account.window} for ${whose}; they are used up.`,
      )
    : deny(
        `budget:${account.window}`,
        `${usd(amount)} would exceed the budget of ${usd(account.limit)} per ${account.window} for ${whose}.`,
      )
}

/** What becomes of the agent when its own limit refuses an action and says so. */
export function pausedBy(
  rule: AgentRule | undefined,
  { account }: Draw,
  { reason }: Finding,
): BreakerVerdict | undefined {
  if (account.agent === null || account.unit !== 'nano_usd') return undefined
  const pauses = rule?.budgets.some(
    ({ per, limit, then }) => then === 'pause' && per === account.window && limit === account.limit,
  )
  return pauses === true ? pausedFor({ reason }) : undefined
}

export function pausedFor({ reason }: Pick<Finding, 'reason'>): BreakerVerdict {
  return { state: 'paused', reason: reason.message, by: 'budget' }
}

export const NO_SESSION = deny(
  'budget:session_required',
  'The policy has a budget per session; the action names no session.',
)

export function deny(code: string, message: string): Finding {
  return { decision: 'deny', reason: { code, message } }
}

function usd(nano: NanoUsd): string {
  return `$${nano / 1e9}`
}

/** What was unlike all before when it was judged first, and waits for a person's yes. */
export function stillNovel({ novelty }: AgentRule, earlier: readonly Reason[]): readonly Finding[] {
  const reason = earlier.find(({ code }) => code === 'novelty:situation')
  if (reason === undefined || novelty === null) return []
  return [{ decision: novelty.then === 'alert' ? 'allow' : 'require_approval', reason }]
}
