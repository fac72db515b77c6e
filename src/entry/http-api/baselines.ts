import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { isoTime } from './action-answer.ts'
import { agentAnswer } from './agents.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object, words } from './schemas.ts'

type ByName = { Params: { name: string } }

const byName = object({ name: agentName }, ['name'])

const line = object(
  {
    action: { type: ['string', 'null'], description: 'null: all its actions together' },
    measure: {
      type: 'string',
      enum: ['rate', 'asked', 'cost', 'latency', 'failed', 'unknown', 'held', 'denied', 'fields'],
    },
    unit: { type: 'string', enum: ['per_hour', 'usd', 'ms', 'share', 'values'] },
    normal: { type: 'number' },
    most: { type: 'number', description: 'what 99.9% stay below' },
    now: { type: ['number', 'null'] },
    seen: { type: 'number', description: 'how many observations speak for it; older ones count less' },
    unusual: { type: 'boolean' },
  },
  ['action', 'measure', 'unit', 'normal', 'most', 'now', 'seen', 'unusual'],
)

export function baselineRoutes(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  app.get<ByName>(
    '/v1/agents/:name/baseline',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'What is normal for an agent, as far as it was learned',
        tag: 'agents',
        params: byName,
        answers: {
          200: {
            description: 'Empty while nothing was seen, or where the policy does not watch the agent',
            schema: object(
              {
                watched: { type: 'boolean' },
                since: { type: ['string', 'null'] },
                lines: { type: 'array', items: line },
                week: {
                  type: 'array',
                  items: { type: 'number' },
                  description: 'actions expected in each hour of the week, from Monday midnight (UTC)',
                },
              },
              ['watched', 'since', 'lines', 'week'],
            ),
          },
        },
      }),
    },
    async (request): Promise<JsonObject> => {
      const { name } = request.params
      const known = policies.current().agent(name) !== undefined || (await store.agent(name)) !== undefined
      if (!maySee(principalOf(request), name) || !known) throw new BelayError('agent:not_found', { name })
      const normal = await flow.behaviours.normal(name)
      if (normal === null) return { watched: false, since: null, lines: [], week: [] }
      return {
        watched: true,
        since: normal.since === null ? null : isoTime(normal.since),
        lines: normal.lines.map((one) => ({ ...one })),
        week: normal.week,
      }
    },
  )

  app.post<ByName & { Body: { reason: string } }>(
    '/v1/agents/:name/baseline/accept',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Say that what an agent does unlike itself now is normal, and let it go on',
        tag: 'agents',
        params: byName,
        body: object({ reason: { ...words(1_000, 'why'), minLength: 1 } }, ['reason']),
        answers: { 200: { description: 'The agent as it is now', schema: { $ref: 'Agent#' } } },
      }),
    },
    async (request) =>
      agentAnswer(
        await flow.behaviours.accept(request.params.name, request.body.reason, principalOf(request).by),
      ),
  )
}
