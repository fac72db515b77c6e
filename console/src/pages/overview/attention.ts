import { fullest, drawnOn } from '../../api/budget-drawn.ts'
import type { Agent, AgentBudget, Approval, StatsRow } from '../../api/answers.ts'
import { duration, percent } from '../../parts/format.ts'

/** What somebody should look at, and where. */
export interface Concern {
  readonly key: string
  readonly tone: 'bad' | 'warn'
  readonly title: string
  readonly detail: string
  /** The agent whose state is the matter; it can be resumed right there. */
  readonly agent?: Agent
  readonly to?: '/approvals/$id' | '/budgets' | '/actions'
  readonly id?: string
  readonly search?: Readonly<Record<string, string>>
}

const LONG_HELD_MS = 15 * 60_000
const EXPIRES_SOON_MS = 10 * 60_000
const BUDGET_NEAR = 0.8
const ERROR_RATE = 0.05
/** Fewer finished actions say nothing about a rate. */
const AT_LEAST = 10
const MOST_HELD = 5

export interface Seen {
  readonly agents: readonly Agent[]
  readonly approvals: readonly Approval[]
  readonly budgets: readonly AgentBudget[]
  /** One row an agent. */
  readonly stats: readonly StatsRow[]
}

/** Everything that is not as it should be, the worst first. */
export function concernsOf({ agents, approvals, budgets, stats }: Seen, now: number): readonly Concern[] {
  const all = [
    ...agents.flatMap(ofAgent),
    ...ofApprovals(approvals, now),
    ...budgets.flatMap(ofBudget),
    ...stats.flatMap(ofStats),
  ]
  return [...all.filter(({ tone }) => tone === 'bad'), ...all.filter(({ tone }) => tone === 'warn')]
}

function ofAgent(agent: Agent): Concern[] {
  if (agent.state === 'active') return []
  const byBreaker = agent.changed_by === 'breaker'
  return [
    {
      key: `agent ${agent.name}`,
      tone: agent.state === 'stopped' || byBreaker ? 'bad' : 'warn',
      title: byBreaker
        ? `The breaker of ${agent.name} is open: it is ${agent.state}`
        : `${agent.name} is ${agent.state}`,
      detail: `${agent.reason ?? 'No reason was given'} (${agent.changed_by ?? 'nobody named'})`,
      agent,
    },
  ]
}

function ofApprovals(approvals: readonly Approval[], now: number): Concern[] {
  const late = approvals.flatMap(({ id, expires_at, steps, step, action }) => {
    const held = now - Date.parse(action.proposed_at)
    const left = Date.parse(expires_at) - now
    if (held < LONG_HELD_MS && left > EXPIRES_SOON_MS) return []
    const soon = left <= EXPIRES_SOON_MS
    return [
      {
        left,
        concern: {
          key: `approval ${id}`,
          tone: soon ? ('bad' as const) : ('warn' as const),
          title: `${action.action} of ${action.agent} waits for ${steps[step]?.group ?? 'people'}`,
          detail: `Held for ${duration(Math.max(0, held))}; ${left <= 0 ? 'expired' : `expires in ${duration(left)}`}`,
          to: '/approvals/$id' as const,
          id,
        },
      },
    ]
  })
  const first = late.toSorted((a, b) => a.left - b.left)
  // A hundred that wait are one matter, not a hundred.
  return first
    .slice(0, MOST_HELD)
    .map(({ concern }, index) =>
      index === MOST_HELD - 1 && first.length > MOST_HELD
        ? { ...concern, detail: `${concern.detail}; and ${first.length - MOST_HELD} more wait` }
        : concern,
    )
}

function ofBudget({ agent, lines }: AgentBudget): Concern[] {
  const line = fullest(lines)
  if (line === undefined || drawnOn(line).share < BUDGET_NEAR) return []
  const { share } = drawnOn(line)
  const what = line.unit === 'usd' ? 'budget' : 'actions'
  return [
    {
      key: `budget ${agent ?? ''}`,
      tone: share >= 1 ? 'bad' : 'warn',
      title: `${agent ?? 'All agents together'}: ${percent(share)} of the ${what} per ${line.window} ${share >= 1 ? 'are used up' : 'used'}`,
      detail: share >= 1 ? 'What would go past it is refused' : 'What goes past it will be refused',
      to: '/budgets',
    },
  ]
}

function ofStats({ key, outcomes: { succeeded, failed, unknown } }: StatsRow): Concern[] {
  const agent = String(key)
  const finished = succeeded + failed + unknown
  const concerns: Concern[] = []
  if (finished >= AT_LEAST && failed / finished > ERROR_RATE)
    concerns.push({
      key: `errors ${agent}`,
      tone: 'warn',
      title: `${percent(failed / finished)} of the actions of ${agent} failed`,
      detail: `${failed} of ${finished} that finished`,
      to: '/actions',
      search: { agent, state: 'failed' },
    })
  if (unknown > 0)
    concerns.push({
      key: `unknown ${agent}`,
      tone: 'warn',
      title: `What became of ${unknown} ${unknown === 1 ? 'action' : 'actions'} of ${agent} is not known`,
      detail: 'Begun, and never reported: look whether it was done',
      to: '/actions',
      search: { agent, state: 'unknown' },
    })
  return concerns
}
