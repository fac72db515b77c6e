import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { AlarmBook } from '../../flow/alarm-book.ts'
import type { AlarmRow } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object } from './schemas.ts'

interface Query {
  readonly state?: 'open' | 'over'
  readonly agent?: string
  readonly kind?: string
  readonly before?: string
  readonly limit?: number
}

const alarmId = { type: 'string', pattern: '^alm_[0-9a-f-]{36}$' }
const text = { type: ['string', 'null'] }
const moment = { type: ['string', 'null'], format: 'date-time' }
const DEFAULT_LIMIT = 50

const alarm = object(
  {
    id: alarmId,
    kind: { type: 'string' },
    agent: text,
    session: text,
    action: { ...text, description: 'the action on which it was last noticed' },
    urgent: { type: 'boolean' },
    title: { type: 'string' },
    facts: { type: 'array', items: { type: 'string' }, description: 'what happened last, in numbers' },
    act: { type: 'string', description: 'what to do about it' },
    count: { type: 'integer', description: 'how often it was raised' },
    raised_at: { type: 'string', format: 'date-time' },
    last_at: { type: 'string', format: 'date-time' },
    acknowledged_by: text,
    acknowledged_at: moment,
    resolved_by: { ...text, description: 'null: it is open, or was over by itself' },
    resolved_at: moment,
  },
  [
    'id',
    'kind',
    'agent',
    'session',
    'action',
    'urgent',
    'title',
    'facts',
    'act',
    'count',
    'raised_at',
    'last_at',
    'acknowledged_by',
    'acknowledged_at',
    'resolved_by',
    'resolved_at',
  ],
)

/** What people were told of: what is open, and what was. */
export function alarmRoutes(app: FastifyInstance, { store }: ApiContext): void {
  const book = new AlarmBook(store)

  app.get<{ Querystring: Query }>(
    '/v1/alarms',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Alarms, newest first',
        tag: 'agents',
        querystring: object(
          {
            state: { type: 'string', enum: ['open', 'over'], description: 'default: both' },
            agent: agentName,
            kind: { type: 'string', pattern: '^[a-z_]{1,32}$', description: 'such as anomaly or budget' },
            before: alarmId,
            limit: { type: 'integer', minimum: 1, maximum: 200, default: DEFAULT_LIMIT },
          },
          [],
        ),
        answers: {
          200: {
            description: 'A page of them',
            schema: object(
              {
                items: { type: 'array', items: alarm },
                next: { type: ['string', 'null'], description: 'the next page’s `before`' },
              },
              ['items', 'next'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { state, agent, kind, before, limit = DEFAULT_LIMIT } = request.query
      const rows = await store.alarms.list({
        limit,
        ...(state !== undefined && { open: state === 'open' }),
        ...(agent !== undefined && { agent }),
        ...(kind !== undefined && { kind }),
        ...(before !== undefined && { before }),
      })
      return { items: rows.map(alarmAnswer), next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null }
    },
  )

  app.get<{ Params: { id: string } }>(
    '/v1/alarms/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'One alarm',
        tag: 'agents',
        params: object({ id: alarmId }, ['id']),
        answers: { 200: { description: 'The alarm', schema: alarm } },
      }),
    },
    async (request) => {
      const { id } = request.params
      const found = await store.alarms.get(id)
      if (found === undefined) throw new BelayError('alarm:not_found', { id })
      return alarmAnswer(found)
    },
  )

  app.post<{ Params: { id: string }; Body: { outcome: 'acknowledge' | 'resolve' } }>(
    '/v1/alarms/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Acknowledge an alarm, so that nobody is told of it again, or say that it is over',
        tag: 'agents',
        params: object({ id: alarmId }, ['id']),
        body: object({ outcome: { type: 'string', enum: ['acknowledge', 'resolve'] } }, ['outcome']),
        answers: { 200: { description: 'The alarm', schema: alarm } },
      }),
    },
    async (request) => {
      const { by } = principalOf(request)
      const { id } = request.params
      return alarmAnswer(await book[request.body.outcome](id, by))
    },
  )
}

function alarmAnswer(row: AlarmRow): JsonObject {
  const { id, kind, agent, session, action, urgent, title, facts, act, count } = row
  return {
    id,
    kind,
    agent,
    session,
    action,
    urgent,
    title,
    facts,
    act,
    count,
    raised_at: isoTime(row.raisedAt),
    last_at: isoTime(row.lastAt),
    acknowledged_by: row.acknowledgedBy,
    acknowledged_at: row.acknowledgedAt === null ? null : isoTime(row.acknowledgedAt),
    resolved_by: row.resolvedBy,
    resolved_at: row.resolvedAt === null ? null : isoTime(row.resolvedAt),
  }
}
