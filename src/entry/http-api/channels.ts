import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import type { ChannelStatus } from '../../channels/channel-desk.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { object } from './schemas.ts'

const moment = { type: ['string', 'null'], format: 'date-time' }
const text = { type: ['string', 'null'] }

const channel = object(
  {
    name: { type: 'string' },
    configured: { type: 'boolean', description: 'the policy names it' },
    open: { type: 'boolean', description: 'it sends' },
    missing: { ...text, description: 'why it does not send, though the policy names it' },
    delivered_at: { ...moment, description: 'the last message that was taken, since this process began' },
    failed_at: moment,
    failure: { ...text, description: 'what went wrong last' },
  },
  ['name', 'configured', 'open', 'missing', 'delivered_at', 'failed_at', 'failure'],
)

/** The ways to reach people: how they do, and a test of each. */
export function channelRoutes(app: FastifyInstance, { channels, store }: ApiContext): void {
  app.get(
    '/v1/channels',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'The ways to reach people, and how they do in this process',
        tag: 'people',
        answers: {
          200: {
            description: 'Each that there is, configured or not',
            schema: object({ items: { type: 'array', items: channel } }, ['items']),
          },
        },
      }),
    },
    async () => ({ items: (channels?.channels() ?? []).map(channelAnswer) }),
  )

  app.post<{ Params: { name: string } }>(
    '/v1/channels/:name/test',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Send a test message; what became of it shows in the list',
        tag: 'people',
        params: object({ name: { type: 'string', pattern: '^[a-z]{1,40}$' } }, ['name']),
        answers: { 202: { description: 'It is on its way', schema: channel } },
      }),
    },
    async (request, reply) => {
      const { name } = request.params
      const { by } = principalOf(request)
      const found = channels?.channels().find((each) => each.name === name)
      if (channels === null || found === undefined || !found.open)
        throw new BelayError('channel:not_open', {
          name,
          cause: found?.missing ?? 'the policy does not name it under notify',
        })
      const body = { event: 'tested', channel: name, by }
      await store.commit({
        records: [{ kind: 'channel', at: store.now(), action: null, agent: null, body }],
      })
      channels.test(name, by)
      return reply.code(202).send(channelAnswer(found))
    },
  )
}

function channelAnswer(status: ChannelStatus): JsonObject {
  const { name, configured, open, missing, deliveredAt, failedAt, failure } = status
  return {
    name,
    configured,
    open,
    missing,
    delivered_at: deliveredAt === null ? null : isoTime(deliveredAt),
    failed_at: failedAt === null ? null : isoTime(failedAt),
    failure,
  }
}
