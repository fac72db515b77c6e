import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { isoTime } from '../http-api/action-answer.ts'
import { maySee, principalOf } from '../http-api/authentication.ts'
import { routeSchema } from '../http-api/route-schema.ts'
import { agentName, object, time } from '../http-api/schemas.ts'
import type { LogPage } from './agent-log.ts'

export interface LogDoorOptions {
  read(agent: string, after?: number): LogPage
  /** Resolves when there is more after that place, when `ms` have passed, or the signal aborts. */
  news(agent: string, after: number, ms: number, signal: AbortSignal): Promise<void>
}

const MAX_WAIT_SECONDS = 30

/** `GET /v1/agents/{name}/logs`: what the agent's supervised processes wrote, page by page. */
export function logDoor(logs: LogDoorOptions): (app: FastifyInstance) => void {
  return (app) => {
    app.get<{ Params: { name: string }; Querystring: { after?: number; wait?: number } }>(
      '/v1/agents/:name/logs',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: 'What the processes wrote that Belay runs for an agent, secrets masked',
          tag: 'agents',
          params: object({ name: agentName }, ['name']),
          querystring: object({
            after: {
              type: 'integer',
              minimum: 0,
              description: '`next` of the page before; without it, the last lines',
            },
            wait: {
              type: 'number',
              minimum: 0,
              maximum: MAX_WAIT_SECONDS,
              description: 'seconds to wait for more',
            },
          }),
          answers: {
            200: {
              description: 'A page of lines, oldest first',
              schema: object(
                {
                  items: {
                    type: 'array',
                    items: object(
                      {
                        at: time,
                        stream: { type: 'string', enum: ['stdout', 'stderr', 'belay'] },
                        text: { type: 'string' },
                      },
                      ['at', 'stream', 'text'],
                    ),
                  },
                  next: { type: 'integer' },
                },
                ['items', 'next'],
              ),
            },
          },
        }),
      },
      async (request, reply) => {
        const { name } = request.params
        // Another agent's log looks exactly like one that does not exist.
        if (!maySee(principalOf(request), name)) throw new BelayError('agent:not_found', { name })
        const { after, wait = 0 } = request.query
        if (after !== undefined && wait > 0) {
          const hungUp = new AbortController()
          reply.raw.once('close', () => hungUp.abort())
          await logs.news(name, after, wait * 1_000, hungUp.signal)
        }
        const { items, next } = logs.read(name, after)
        return { items: items.map((line) => ({ ...line, at: isoTime(line.at) })), next }
      },
    )
  }
}
