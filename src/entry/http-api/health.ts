import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { object } from './schemas.ts'
import { measureStanding } from './measure-standing.ts'
import { waitersOf } from './wait-for-state.ts'

/** How long a sign of life of the store counts, and how long one is waited for, ms. */
const FRESH = 2_000
/** Counting them reads them. */
const HELD_COUNTED = 1_000

export function healthRoutes(app: FastifyInstance, context: ApiContext): void {
  const { store, policies, metrics, version } = context
  const storeAlive = freshly(() => store.heartbeat())
  metrics.gauge('belay_waiting_requests', 'Requests that wait for a change.', () => waitersOf(context))
  metrics.gauge(
    'belay_actions_held',
    `Actions that wait for people, counted up to ${HELD_COUNTED}.`,
    async () => (await store.actions({ state: 'held', limit: HELD_COUNTED })).length,
  )
  measureStanding(context)
  metrics.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () =>
    process.memoryUsage.rss(),
  )
  metrics.gauge(
    'process_start_time_seconds',
    'Start of the process, seconds since the epoch.',
    () => performance.timeOrigin / 1_000,
  )

  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'Whether the process answers',
        tag: 'server',
        open: true,
        answers: {
          200: {
            description: 'It does',
            schema: object({ status: { type: 'string' }, version: { type: 'string' } }, [
              'status',
              'version',
            ]),
          },
        },
      }),
    },
    async () => ({ status: 'ok', version }),
  )

  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'Whether actions can be decided and recorded',
        tag: 'server',
        open: true,
        answers: {
          200: { description: 'They can', schema: object({ status: { type: 'string' } }, ['status']) },
        },
      }),
    },
    async () => {
      const { digest } = policies.current()
      if (digest === '' || !(await storeAlive()))
        throw new BelayError('store:unavailable', { cause: 'it gives no sign of life' })
      return { status: 'ready' }
    },
  )

  app.get(
    '/metrics',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Metrics for Prometheus',
        tag: 'server',
        answers: {
          200: { description: 'Text format 0.0.4', schema: { type: 'string' }, media: 'text/plain' },
        },
      }),
    },
    async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text()),
  )
}

/** Asks at most once in `FRESH` ms, however many want to know; no answer in time is a no. */
function freshly(ask: () => Promise<void>): () => Promise<boolean> {
  let asked = Number.NEGATIVE_INFINITY
  let answer = Promise.resolve(false)
  return () => {
    const now = performance.now()
    if (now - asked < FRESH) return answer
    asked = now
    answer = new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), FRESH)
      ask()
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(() => clearTimeout(timer))
    })
    return answer
  }
}
