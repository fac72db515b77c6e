import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { actionName, agentName, id, object } from './schemas.ts'

interface UndosBody {
  readonly agent: string
  readonly action?: string
  readonly since: string
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const ids = { type: 'array', items: id }

export function undoRoutes(app: FastifyInstance, { flow, store }: ApiContext): void {
  app.post<{ Body: UndosBody }>(
    '/v1/undos',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Undo what an agent did since a time, newest first',
        tag: 'actions',
        body: object(
          {
            agent: agentName,
            action: actionName,
            since: {
              type: 'string',
              maxLength: 40,
              description: 'an ISO 8601 time with its zone, or a duration such as 1h',
            },
          },
          ['agent', 'since'],
        ),
        answers: {
          200: {
            description: 'What was undone, what was asked of the agent, and what could not be undone and why',
            schema: object(
              {
                undone: ids,
                requested: ids,
                refused: {
                  type: 'array',
                  items: object({ id, code: { type: 'string' }, message: { type: 'string' } }, [
                    'id',
                    'code',
                    'message',
                  ]),
                },
              },
              ['undone', 'requested', 'refused'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { agent, action, since } = request.body
      const filter = {
        agent,
        since: readSince(since, store.now()),
        ...(action === undefined ? {} : { action }),
      }
      return flow.undoAll(filter, principalOf(request).by)
    },
  )
}

/** An ISO 8601 time with its zone, or how long before `now`. Epoch ms; throws `input:invalid`. */
export function readSince(text: string, now: number): number {
  const duration = /^(\d{1,9})([smhdw])$/.exec(text)
  if (duration !== null) return Math.max(0, now - Number(duration[1]) * UNITS[duration[2]!]!)
  const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
  const time = zoned ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  const expected = 'an ISO 8601 time with its zone, or a duration such as 1h (s, m, h, d, w)'
  throw new BelayError('input:invalid', { where: 'body.since', expected, got: JSON.stringify(text) })
}
