import type { Action, Approval } from '../action/action.ts'
import type { NotifyRule } from '../policy/notify.ts'
import type { Anomaly } from '../flow/monitor/baselines/anomaly.ts'
import { BurnRates, BURN_RULES, LONGEST_BURN, type Burn, type EndedInHour } from './burn-rates.ts'
import { durationWords, visible } from './approval-view.ts'
import type { Alert } from './alert.ts'

const OVER = 50
/** Fewer finished actions say nothing about a rate. */
const AT_LEAST = 10
const MAX_AGENTS = 10_000
/** How often the same agent's budget, and how fast it burns, is looked at, ms. */
const LOOK_EVERY = 10_000
/** How often the store is asked what the hours before were, ms. */
const RECOUNT_EVERY = 60_000
const HOUR = 3_600_000
/** After the first time: what ends late still counts in the hour in which it was proposed. */
const RECOUNTED = 7 * HOUR

export interface AlertWatchOptions {
  readonly rule: () => NotifyRule
  readonly raise: (alert: Alert) => void
  readonly over: (key: string) => void
  /** Share of the agent's scarcest budget that is left, 0 … 1. */
  readonly budgetLeft: (agent: string, session: string | undefined) => Promise<number>
  /** What the agent may spend, in nano-dollars, by windows of so many ms. */
  readonly spendLimits: (agent: string) => readonly { readonly limit: number; readonly within: number }[]
  /** What each agent's actions of these hours came to, on all replicas; epoch ms. */
  readonly hours?: (
    from: number,
    to: number,
  ) => Promise<readonly (EndedInHour & { readonly agent: string })[]>
  readonly publicUrl: () => string
  /** Everybody whom the policy names around approvals. */
  readonly everyone: () => readonly string[]
  readonly onFault: (error: unknown) => void
}

/** What an agent row says, as far as people are told of it. */
export interface AgentChange {
  readonly name: string
  readonly state: 'active' | 'paused' | 'stopped'
  readonly reason: string | null
  readonly changedBy: string | null
  readonly changedAt: number
}

/** Sees in what the flow does that people should know of it. Looks on; decides nothing. */
export class AlertWatch {
  readonly #options: AlertWatchOptions
  /** Of each agent's last finished actions, whether they failed. */
  readonly #finished = new Map<string, boolean[]>()
  readonly #lookedAt = new Map<string, number>()
  readonly #burntAt = new Map<string, number>()
  readonly #burning = new BurnRates()
  #recountedAt = Number.NEGATIVE_INFINITY
  /** Refusals that were told, by agent: over when it has room again. */
  readonly #refusals = new Map<string, Set<string>>()
  /** What is told of held actions. */
  #heldKeys: ReadonlySet<string> = new Set()

  constructor(options: AlertWatchOptions) {
    this.#options = options
  }

  /** To be told every recorded step. */
  moved(action: Action): void {
    switch (action.state.name) {
      case 'held':
        if ((action.state.approval.breakGlass?.votes.length ?? 0) > 0)
          this.#brokenGlass(action, action.state.approval)
        break
      case 'denied':
        this.#refused(action)
        break
      case 'ready':
      case 'executing':
        if (action.state.name === 'ready' && action.state.approval?.grantedBy === 'break_glass')
          this.#brokenGlass(action, action.state.approval)
        if (action.reservations.length > 0) this.#lookAtBudget(action)
        break
      case 'succeeded':
      case 'failed':
      case 'unknown':
        if (action.state.name !== 'succeeded' || action.state.undo === undefined) this.#ended(action)
        break
      case 'undone':
      case 'expired':
      case 'cancelled':
        break
    }
  }

  /** To be told every change of an agent's state. */
  agent({ name, state, reason, changedBy, changedAt }: AgentChange): void {
    if (state === 'active') {
      this.#options.over(`agent:${name}:paused`)
      this.#options.over(`agent:${name}:stopped`)
      return
    }
    const breaker = changedBy === 'breaker'
    this.#options.raise({
      kind: 'agent',
      key: `agent:${name}:${state}`,
      urgent: true,
      agent: name,
      title: breaker ? `The breaker of ${name} tripped: it is ${state}` : `${name} is ${state}`,
      facts: [`By ${changedBy ?? 'nobody named'}: ${reason ?? 'no reason given'}.`],
      act: `belay agents resume ${name}, or ${this.#options.publicUrl()}/`,
      at: changedAt,
    })
  }

  /** Learns what the hours before were, after a start and of other replicas; to be called by a clock. */
  async recount(now: number): Promise<void> {
    const { hours } = this.#options
    if (hours === undefined || Math.abs(now - this.#recountedAt) < RECOUNT_EVERY) return
    const isFirst = this.#recountedAt === Number.NEGATIVE_INFINITY
    this.#recountedAt = now
    const to = Math.floor(now / HOUR) * HOUR
    const found = await hours(to - (isFirst ? LONGEST_BURN : RECOUNTED), to)
    for (const [agent, told] of Map.groupBy(found, (hour) => hour.agent)) this.#burning.fill(agent, told, now)
  }

  /** Looks at what is held; to be called by a clock with the held actions and the time. */
  held(actions: readonly Action[], now: number): void {
    const { heldFor } = this.#options.rule().alerts
    const keys = new Set<string>()
    for (const action of actions) {
      if (action.state.name !== 'held' || now - action.proposedAt < heldFor) continue
      const { approval } = action.state
      const step = approval.steps[approval.step]
      const key = `held:${approval.id}:${approval.step}`
      keys.add(key)
      this.#options.raise({
        kind: 'held',
        key,
        urgent: true,
        agent: action.agent,
        session: action.session,
        action: action.id,
        title: `${action.agent} has waited ${durationWords(now - action.proposedAt)} for ${step?.group ?? 'people'}`,
        facts: [
          `${action.name}, ${action.id}.`,
          `${step?.votes.length ?? 0} of ${step?.quorum ?? 1} have approved; it expires in ${durationWords(Math.max(0, approval.expiresAt - now))}.`,
        ],
        act: `belay approvals list, then belay approvals approve ${approval.id}; or ${this.#options.publicUrl()}/approvals/${approval.id}`,
        at: now,
      })
    }
    for (const key of this.#heldKeys) if (!keys.has(key)) this.#options.over(key)
    this.#heldKeys = keys
  }

  /** Everybody learns of it: it goes past those who would have decided. */
  #brokenGlass(action: Action, { id, breakGlass }: Approval): void {
    const people = (breakGlass?.votes ?? []).map(({ by }) => visible(by))
    const released = action.state.name === 'ready'
    this.#options.raise({
      kind: 'break_glass',
      key: `break-glass:${id}:${people.length}`,
      urgent: true,
      people: this.#options.everyone(),
      agent: action.agent,
      session: action.session,
      action: action.id,
      title: released
        ? `${action.name} of ${action.agent} was released out of turn`
        : `${people.join(', ')} wants to release ${action.name} of ${action.agent} out of turn`,
      facts: [
        released ? `By ${people.join(' and ')}, together.` : 'It runs when a second person agrees.',
        `${action.id}; the reasons are with it.`,
      ],
      act: released
        ? `belay actions cancel ${action.id}, or ${this.#options.publicUrl()}/actions/${action.id}`
        : `belay approvals reject ${id}, or ${this.#options.publicUrl()}/approvals/${id}`,
      at: action.updatedAt,
    })
  }

  #refused(action: Action): void {
    const reason = action.reasons.find(({ code }) => code.startsWith('budget:') || code.startsWith('rate:'))
    if (reason === undefined) return
    const key = `${reason.code}:${action.agent}`
    const told = this.#refusals.get(action.agent)
    if (told !== undefined) told.add(key)
    else if (this.#refusals.size < MAX_AGENTS) this.#refusals.set(action.agent, new Set([key]))
    this.#options.raise({
      kind: 'budget',
      key,
      urgent: false,
      agent: action.agent,
      session: action.session,
      action: action.id,
      title: `${action.agent} has used up its ${reason.code.startsWith('rate:') ? 'rate' : 'budget'}`,
      facts: [reason.message, `${action.name} was refused.`],
      act: `belay agents list, or ${this.#options.publicUrl()}/budgets`,
      at: action.updatedAt,
    })
  }

  #lookAtBudget({ agent, session, updatedAt }: Action): void {
    if (updatedAt - (this.#lookedAt.get(agent) ?? 0) < LOOK_EVERY) return
    if (this.#lookedAt.size >= MAX_AGENTS) this.#lookedAt.clear()
    this.#lookedAt.set(agent, updatedAt)
    this.#options
      .budgetLeft(agent, session ?? undefined)
      .then((left) => {
        const { budget } = this.#options.rule().alerts
        const key = `budget:${agent}`
        // Rounded like the sentence, so that 80 % is not told as more than 80 %.
        const gone = Math.round((1 - left) * 1_000) / 1_000
        if (gone <= budget) {
          this.#options.over(key)
          for (const refusal of this.#refusals.get(agent) ?? []) this.#options.over(refusal)
          this.#refusals.delete(agent)
          return
        }
        this.#options.raise({
          kind: 'budget',
          key,
          urgent: false,
          agent,
          session: session ?? null,
          title: `${agent} has ${Math.round(left * 100)} % of a budget left`,
          facts: [
            `${(gone * 100).toFixed(1)} % is spent or reserved; told above ${Math.round(budget * 100)} %.`,
          ],
          act: `belay agents pause ${agent}, or ${this.#options.publicUrl()}/budgets`,
          at: updatedAt,
        })
      })
      .catch(this.#options.onFault)
  }

  /** To be told what an agent did unlike itself. */
  anomaly({ agent, action, code, detector, response, message, at, actionId }: Anomaly): void {
    const consequence = RESPONSES[response]
    this.#options.raise({
      kind: 'anomaly',
      key: `anomaly:${agent}:${action ?? ''}:${detector}`,
      urgent: response !== 'alert',
      agent,
      ...(actionId !== null && { action: actionId }),
      title: `${agent} does not behave as it does (${code})`,
      facts: [message, ...(consequence === undefined ? [] : [consequence])],
      act: `belay agents normal ${agent}; belay agents pause ${agent}`,
      at,
    })
  }

  #lookAtBurn({ agent, session, updatedAt: at }: Action): void {
    if (at - (this.#burntAt.get(agent) ?? 0) < LOOK_EVERY) return
    if (this.#burntAt.size >= MAX_AGENTS) this.#burntAt.clear()
    this.#burntAt.set(agent, at)
    const allowed = 1 - this.#options.rule().alerts.success
    const errors = this.#burning.errors(agent, allowed, at)
    this.#burns('errors', agent, session, at, errors, (burn) => ({
      title: `${burn.bad} of the ${burn.total} actions of ${agent} in ${durationWords(burn.rule.long)} failed`,
      fact: `That uses up what may fail (${percent(allowed)}) ${burn.rate.toFixed(1)} times as fast as allowed`,
    }))
    for (const { limit, within } of this.#options.spendLimits(agent)) {
      const spend = this.#burning.spend(agent, limit, within, at)
      this.#burns(`spend:${within}`, agent, session, at, spend, (burn) => ({
        title: `${agent} spends ${burn.rate.toFixed(1)} times as fast as its budget of ${durationWords(within)} allows`,
        fact: `$${(burn.bad / 1e9).toFixed(2)} of $${(limit / 1e9).toFixed(2)} in ${durationWords(burn.rule.long)}`,
      }))
    }
  }

  #burns(
    what: string,
    agent: string,
    session: string | null,
    at: number,
    burn: Burn | null,
    say: (burn: Burn) => { readonly title: string; readonly fact: string },
  ): void {
    for (const { name } of BURN_RULES)
      if (name !== burn?.rule.name) this.#options.over(`burn:${what}:${agent}:${name}`)
    if (burn === null) return
    const { title, fact } = say(burn)
    const { name, factor, short, page } = burn.rule
    const still = short === null ? '' : `, and still does in the last ${durationWords(short)}`
    this.#options.raise({
      kind: 'burn',
      key: `burn:${what}:${agent}:${name}`,
      urgent: page,
      agent,
      session,
      title,
      facts: [`${fact}${still}; told above ${factor}.`],
      act: `belay agents pause ${agent}, or ${this.#options.publicUrl()}/actions?agent=${encodeURIComponent(agent)}`,
      at,
    })
  }

  #ended(action: Action): void {
    const { agent, state, updatedAt, cost } = action
    const failed = state.name !== 'succeeded'
    this.#burning.ended(agent, failed, cost, updatedAt)
    this.#lookAtBurn(action)
    let last = this.#finished.get(agent)
    if (last === undefined) {
      if (this.#finished.size >= MAX_AGENTS) this.#finished.clear()
      last = []
      this.#finished.set(agent, last)
    }
    last.push(failed)
    if (last.length > OVER) last.shift()
    const failures = last.filter(Boolean).length
    const { errorRate } = this.#options.rule().alerts
    const key = `errors:${agent}`
    if (last.length < AT_LEAST || failures / last.length <= errorRate) {
      if (failures === 0) this.#options.over(key)
      return
    }
    if (!failed) return
    this.#options.raise({
      kind: 'errors',
      key,
      urgent: false,
      agent,
      session: action.session,
      action: action.id,
      title: `${failures} of the last ${last.length} actions of ${agent} failed`,
      facts: [`Told above ${Math.round(errorRate * 100)} %.`],
      act: `belay agents pause ${agent}, or ${this.#options.publicUrl()}/actions?agent=${encodeURIComponent(agent)}`,
      at: updatedAt,
    })
  }
}

const RESPONSES: Readonly<Partial<Record<Anomaly['response'], string>>> = {
  require_approval: 'A person decides on it.',
  pause: 'The agent is paused.',
  stop: 'The agent is stopped.',
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}
