import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { usdFromNano } from '../../action/money.ts'
import type { BudgetWindow } from '../../action/budget-window.ts'
import { BUDGET_WINDOWS } from '../../action/budget-window.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { windowAt } from '../../flow/monitor/window.ts'
import type { AgentRule } from '../../policy/policy.ts'
import type { AgentRow, AgentState, BudgetReport } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object, sessionName, words } from './schemas.ts'

type ByName = { Params: { name: string } }

const agent = { $ref: 'Agent#' }
const byName = object({ name: agentName }, ['name'])
const STATES = ['active', 'paused', 'stopped']

const budgetLine = object(
  {
    window: { type: 'string', enum: BUDGET_WINDOWS },
    unit: { type: 'string', enum: ['usd', 'actions'] },
    limit_usd: { type: 'number' },
    reserved_usd: { type: 'number' },
    spent_usd: { type: 'number' },
    limit: { type: 'integer' },
    reserved: { type: 'integer' },
    spent: { type: 'integer' },
    session: { type: 'string' },
    starts_at: { type: ['string', 'null'] },
    ends_at: { type: ['string', 'null'] },
  },
  ['window', 'unit', 'starts_at', 'ends_at'],
)

export function agentRoutes(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  app.get(
    '/v1/agents',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'The agents that Belay has met and those that the policy names',
        tag: 'agents',
        answers: {
          200: {
            description: 'All of them',
            schema: object({ items: { type: 'array', items: agent } }, ['items']),
          },
        },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      if (principal.kind === 'agent')
        return { items: [agentAnswer((await store.agent(principal.agent)) ?? unmet(principal.agent))] }
      const rows = new Map((await store.agents()).map((row) => [row.name, row]))
      for (const { pattern } of policies.current().agentRules) {
        if (!/[*?[{]/.test(pattern) && !rows.has(pattern)) rows.set(pattern, unmet(pattern))
      }
      const sorted = [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
      return { items: sorted.map(agentAnswer) }
    },
  )

  app.patch<ByName & { Body: { state: AgentState; reason: string } }>(
    '/v1/agents/:name',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Pause, resume or stop an agent; it reaches actions in flight',
        tag: 'agents',
        params: byName,
        body: object(
          { state: { type: 'string', enum: STATES }, reason: { ...words(2_000, 'why'), minLength: 1 } },
          ['state', 'reason'],
        ),
        answers: { 200: { description: 'The agent as it is now', schema: agent } },
      }),
    },
    async (request) => {
      const { state, reason } = request.body
      return agentAnswer(
        await flow.setAgentState(request.params.name, state, reason, principalOf(request).by),
      )
    },
  )

  app.get<ByName & { Querystring: { session?: string } }>(
    '/v1/agents/:name/budget',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Limits of an agent, what is reserved and what is spent, by window',
        tag: 'agents',
        params: byName,
        querystring: object({
          session: { ...sessionName, description: 'whose limits per session to show as they are drawn on' },
        }),
        answers: {
          200: { description: 'One line for each limit', schema: { type: 'array', items: budgetLine } },
        },
      }),
    },
    async (request) => {
      const { name } = request.params
      const rule = policies.current().agent(name)
      if (
        !maySee(principalOf(request), name) ||
        (rule === undefined && (await store.agent(name)) === undefined)
      ) {
        throw new BelayError('agent:not_found', { name })
      }
      const now = store.now()
      const { session } = request.query
      // Accounts of sessions never end, so only those of the session that was asked for are told.
      const drawnOn = (await store.budgets({ agent: name, at: now })).filter(
        (report) => report.agent === name && (report.window !== 'session' || sessionOf(report) === session),
      )
      return [...drawnOn.map(budgetAnswer), ...untouched(rule, drawnOn, now)]
    },
  )
}

/** Limits that no action has drawn on yet in the window that now is. */
function untouched(rule: AgentRule | undefined, drawnOn: readonly BudgetReport[], now: number): JsonObject[] {
  const limits: { unit: BudgetReport['unit']; window: BudgetWindow; limit: number }[] = []
  for (const { per, limit } of rule?.budgets ?? [])
    if (per !== 'action') limits.push({ unit: 'nano_usd', window: per, limit })
  for (const { per, limit } of rule?.rates ?? []) limits.push({ unit: 'actions', window: per, limit })
  return limits
    .filter(({ unit, window }) => !drawnOn.some((report) => report.unit === unit && report.window === window))
    .map((limit) =>
      budgetAnswer({
        ...limit,
        key: '',
        agent: null,
        ...windowAt(limit.window, now, ''),
        reserved: 0,
        spent: 0,
      }),
    )
}

function budgetAnswer(report: BudgetReport): JsonObject {
  const { unit, window, limit, reserved, spent } = report
  const amounts: JsonObject =
    unit === 'nano_usd'
      ? { limit_usd: usdFromNano(limit), reserved_usd: usdFromNano(reserved), spent_usd: usdFromNano(spent) }
      : { limit, reserved, spent }
  const inSession = window === 'session'
  const session = sessionOf(report)
  return {
    window,
    unit: unit === 'nano_usd' ? 'usd' : 'actions',
    ...amounts,
    ...(session === '' ? {} : { session }),
    // A session has no calendar bounds.
    starts_at: inSession ? null : isoTime(report.startsAt),
    ends_at: inSession ? null : isoTime(report.endsAt),
  }
}

/** The last part of an account's key names its window. */
function sessionOf(report: BudgetReport): string {
  return report.window === 'session' ? report.key.split('/').slice(3).join('/') : ''
}

function unmet(name: string): AgentRow {
  return { name, version: 0, state: 'active', reason: null, changedBy: null, changedAt: 0 }
}

function agentAnswer(row: AgentRow): JsonObject {
  return {
    name: row.name,
    state: row.state,
    reason: row.reason,
    changed_by: row.changedBy,
    changed_at: row.changedAt === 0 ? null : isoTime(row.changedAt),
    version: row.version,
  }
}
