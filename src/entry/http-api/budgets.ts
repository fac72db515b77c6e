import type { FastifyInstance } from 'fastify'
import type { BudgetWindow } from '../../action/budget-window.ts'
import { BUDGET_WINDOWS } from '../../action/budget-window.ts'
import type { JsonObject } from '../../action/json.ts'
import { usdFromNano } from '../../action/money.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { windowAt } from '../../flow/monitor/window.ts'
import type { Limits } from '../../policy/policy.ts'
import { forecastSpend, type HourCost } from '../../flow/audit/spend-forecast.ts'
import type { BudgetReport } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import { knownAgents } from './agents.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object, sessionName } from './schemas.ts'
import { SpendHistory } from './spend-history.ts'

type ByName = { Params: { name: string } }

const byName = object({ name: agentName }, ['name'])
/** No window of the calendar is longer than a month. */
const LONGEST_WINDOW = 31 * 86_400_000

const forecastLine = object(
  {
    usd: { type: 'number', description: 'expected' },
    low: { type: 'number', description: 'one of twenty ends lies below' },
    high: { type: 'number', description: 'one of twenty ends lies above' },
    exhausted_at: { type: ['string', 'null'], description: 'when the limit is reached as expected' },
    method: { type: 'string', enum: ['hour_of_week', 'recent_rate'] },
  },
  ['usd', 'low', 'high', 'exhausted_at', 'method'],
)

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
    then: {
      type: 'string',
      enum: ['pause'],
      description: 'the agent is paused when this limit refuses an action',
    },
    starts_at: { type: ['string', 'null'] },
    ends_at: { type: ['string', 'null'] },
    forecast: {
      ...forecastLine,
      type: ['object', 'null'],
      description:
        'spend at the end of the window; null while less than an hour of history says how much it is',
    },
  },
  ['window', 'unit', 'starts_at', 'ends_at'],
)

const downgrade = {
  ...object(
    {
      at: { type: 'number', description: 'share of a budget that is gone, 0 to 1' },
      model: { type: 'string' },
      provider: { type: ['string', 'null'], description: 'null: as the call says' },
      active: { type: 'boolean', description: 'calls go to this model now' },
    },
    ['at', 'model', 'provider', 'active'],
  ),
  description:
    'to what model the calls go when a budget is nearly used up; left out where the policy says nothing',
}

export function budgetRoutes(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  const history = new SpendHistory(store.rollups)

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
      const [ofCalendar, ofSession] = await Promise.all([
        store.budgets({ agent: name, at: now, endsBy: now + LONGEST_WINDOW }),
        session === undefined
          ? []
          : store.budgets({ agent: name, at: now, keys: sessionKeys(name, session) }),
      ])
      const drawnOn = [...ofCalendar, ...ofSession]
      const hours = (await history.before(now))(name)
      return [
        ...drawnOn.map((report) => budgetAnswer(report, hours, now, rule)),
        ...untouched(rule, drawnOn, now, hours),
      ]
    },
  )

  app.get(
    '/v1/budgets',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary:
          'The limits of every agent and of all together, as they are drawn on in the windows that now are',
        tag: 'agents',
        answers: {
          200: {
            description:
              'Agents that have limits; `agent` is null for all together. Limits per session are left out',
            schema: object(
              {
                items: {
                  type: 'array',
                  items: object(
                    {
                      agent: { type: ['string', 'null'] },
                      lines: { type: 'array', items: budgetLine },
                      downgrade,
                    },
                    ['agent', 'lines'],
                  ),
                },
              },
              ['items'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const policy = policies.current()
      const now = store.now()
      const [costBefore, reports, agents] = await Promise.all([
        history.before(now),
        store.budgets({
          ...(principal.kind === 'agent' && { agent: principal.agent }),
          at: now,
          endsBy: now + LONGEST_WINDOW,
        }),
        knownAgents(store, policy),
      ])
      const linesOf = (agent: string | null, rule: Limits | undefined): JsonObject[] => {
        const drawnOn = reports.filter((report) => report.agent === agent)
        const own = costBefore(agent)
        const rest = untouched(rule, drawnOn, now, own).filter(({ window }) => window !== 'session')
        return [...drawnOn.map((report) => budgetAnswer(report, own, now, rule)), ...rest].toSorted(
          (a, b) => rankOf(a) - rankOf(b),
        )
      }
      const items = [
        ...(principal.kind === 'agent' ? [] : [{ agent: null, lines: linesOf(null, policy.overall) }]),
        ...agents
          .filter(({ name }) => maySee(principal, name))
          .map(({ name }) => ({ agent: name, lines: linesOf(name, policy.agent(name)) })),
      ].filter(({ lines }) => lines.length > 0)
      return {
        items: await Promise.all(
          items.map(async (item) => {
            const rule = item.agent === null ? undefined : policy.agent(item.agent)?.downgrade
            if (item.agent === null || rule === undefined) return item
            // As the model gateway asks it; in a session with a budget of its own it may begin earlier.
            const left = await flow.budgetLeft(item.agent, undefined)
            const { model, provider } = rule.use
            return {
              ...item,
              downgrade: { at: rule.at, model, provider: provider ?? null, active: 1 - left >= rule.at },
            }
          }),
        ),
      }
    },
  )
}

/** Limits that no action has drawn on yet in the window that now is. */
function untouched(
  rule: Limits | undefined,
  drawnOn: readonly BudgetReport[],
  now: number,
  hours: readonly HourCost[],
): JsonObject[] {
  const limits: { unit: BudgetReport['unit']; window: BudgetWindow; limit: number }[] = []
  for (const { per, limit } of rule?.budgets ?? [])
    if (per !== 'action') limits.push({ unit: 'nano_usd', window: per, limit })
  for (const { per, limit } of rule?.rates ?? []) limits.push({ unit: 'actions', window: per, limit })
  return limits
    .filter(({ unit, window }) => !drawnOn.some((report) => report.unit === unit && report.window === window))
    .map((limit) =>
      budgetAnswer(
        { ...limit, key: '', agent: null, ...windowAt(limit.window, now, ''), reserved: 0, spent: 0 },
        hours,
        now,
        rule,
      ),
    )
}

/** Money first, then counts; short windows first. */
function rankOf({ unit, window }: JsonObject): number {
  return (unit === 'usd' ? 0 : 100) + BUDGET_WINDOWS.indexOf(window as BudgetWindow)
}

function forecastAnswer(report: BudgetReport, hours: readonly HourCost[], now: number): JsonObject | null {
  const found = forecastSpend({ ...report, hours, now })
  if (found === null) return null
  return {
    usd: usdFromNano(found.expected),
    low: usdFromNano(found.low),
    high: usdFromNano(found.high),
    exhausted_at: found.exhaustedAt === null ? null : isoTime(found.exhaustedAt),
    method: found.method,
  }
}

function budgetAnswer(
  report: BudgetReport,
  hours: readonly HourCost[],
  now: number,
  rule: Limits | undefined,
): JsonObject {
  const { unit, window, limit, reserved, spent } = report
  const amounts: JsonObject =
    unit === 'nano_usd'
      ? { limit_usd: usdFromNano(limit), reserved_usd: usdFromNano(reserved), spent_usd: usdFromNano(spent) }
      : { limit, reserved, spent }
  const inSession = window === 'session'
  const session = sessionOf(report)
  const pauses = rule?.budgets.some(
    (each) => each.then === 'pause' && each.per === window && each.limit === limit && unit === 'nano_usd',
  )
  return {
    window,
    unit: unit === 'nano_usd' ? 'usd' : 'actions',
    ...amounts,
    ...(session === '' ? {} : { session }),
    ...(pauses === true && { then: 'pause' }),
    // A session has no calendar bounds.
    starts_at: inSession ? null : isoTime(report.startsAt),
    ends_at: inSession ? null : isoTime(report.endsAt),
    ...(unit === 'nano_usd' && !inSession && { forecast: forecastAnswer(report, hours, now) }),
  }
}

/** The accounts of a session of an agent. */
function sessionKeys(agent: string, session: string): readonly string[] {
  return ['nano_usd', 'actions'].map((unit) => `agent:${agent}/${unit}/session/${session}`)
}

/** The last part of an account's key names its window. */
function sessionOf(report: BudgetReport): string {
  return report.window === 'session' ? report.key.split('/').slice(3).join('/') : ''
}
