import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { backtest, type Backtest } from '../../flow/backtest/backtest.ts'
import { lintPolicy } from '../../policy/lint-policy.ts'
import { loadPolicy, type PolicyText } from '../../policy/load-policy.ts'
import type { PolicyFault } from '../../policy/policy.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object, sessionName } from './schemas.ts'
import { readSince } from './undos.ts'

interface TrialBody {
  readonly text: string
}

interface BacktestBody extends TrialBody {
  readonly since?: string
  readonly limit?: number
  readonly session?: string
  readonly agent?: string
}

/** Read while agents wait. `belay policy lint` takes larger ones: in a process of its own. */
const text = { type: 'string', maxLength: 200_000, description: 'a policy, as belay.yaml would hold it' }
/** Whoever waits for longer than these before him is sent away. */
const MOST_WAITING = 20
/** A policy is read at once, while agents wait: what follows waits for so many times as long as that took. */
const GIVE_WAY = 3
const count = { type: 'integer', minimum: 0 }
const decision = { type: 'string', enum: ['allow', 'transform', 'require_approval', 'deny'] }
export const faultsSchema = {
  type: 'array',
  items: object(
    {
      severity: { type: 'string', enum: ['error', 'warning'] },
      code: { type: 'string' },
      file: { type: 'string' },
      line: { type: 'integer' },
      column: { type: 'integer' },
      expected: { type: 'string' },
      found: { type: 'string' },
    },
    ['severity', 'code', 'file', 'line', 'column', 'expected', 'found'],
  ),
}
const time = { type: ['string', 'null'], format: 'date-time' }
const reason = {
  type: 'object',
  additionalProperties: true,
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, check: { type: 'string' } },
}
const result = object(
  {
    policy: object({ digest: { type: 'string' }, mode: { type: 'string' } }, ['digest', 'mode']),
    from: time,
    until: time,
    judged: count,
    changed: count,
    stricter: count,
    looser: count,
    not_judgeable: object({ erased: { ...count, description: 'their input was erased' } }, ['erased']),
    complete: { type: 'boolean', description: '`false`: there are older decisions beyond `limit`' },
    groups: {
      type: 'array',
      items: object(
        {
          action: { type: 'string' },
          before: decision,
          after: decision,
          code: { type: 'string' },
          message: { type: 'string' },
          count,
          examples: { type: 'array', items: { type: 'string' } },
        },
        ['action', 'before', 'after', 'code', 'message', 'count', 'examples'],
      ),
    },
    changes: {
      type: 'array',
      description: 'the newest 500, newest first',
      items: object(
        {
          id: { type: 'string' },
          at: { type: 'string', format: 'date-time' },
          agent: { type: 'string' },
          action: { type: 'string' },
          direction: { type: 'string', enum: ['stricter', 'looser'] },
          before: object(
            { decision, effective: decision, codes: { type: 'array', items: { type: 'string' } } },
            ['decision', 'effective', 'codes'],
          ),
          after: object({ decision, effective: decision, reasons: { type: 'array', items: reason } }, [
            'decision',
            'effective',
            'reasons',
          ]),
        },
        ['id', 'at', 'agent', 'action', 'direction', 'before', 'after'],
      ),
    },
  },
  [
    'policy',
    'from',
    'until',
    'judged',
    'changed',
    'stricter',
    'looser',
    'not_judgeable',
    'complete',
    'groups',
    'changes',
  ],
)

/** Policies that are not in force: what is wrong with one, and what it would have decided. */
export function policyTrialRoutes(app: FastifyInstance, context: ApiContext): void {
  const { store, policies, checks, closing } = context
  // Files are found where the policy in force finds them, and nowhere else.
  const sent = (body: TrialBody): PolicyText => ({
    text: body.text,
    path: policies.current().path,
    confined: true,
  })
  let running = false
  const inTurn = turns()

  app.post<{ Body: TrialBody }>(
    '/v1/policy/lint',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'What is wrong with a policy, with line and column',
        tag: 'policy',
        body: object({ text }, ['text']),
        answers: {
          200: { description: 'Every fault', schema: object({ faults: faultsSchema }, ['faults']) },
        },
      }),
    },
    async ({ body }) => ({ faults: await inTurn(() => lintPolicy(sent(body), { checks })) }),
  )

  app.post<{ Body: BacktestBody }>(
    '/v1/policy/backtest',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'What another policy would have decided of what was recorded',
        tag: 'policy',
        body: object(
          {
            text,
            since: {
              type: 'string',
              maxLength: 40,
              description:
                'of what was proposed since: an ISO 8601 time with its zone, or a duration such as 7d',
            },
            session: sessionName,
            agent: agentName,
            limit: {
              type: 'integer',
              minimum: 1,
              maximum: 1_000_000,
              description: 'how many decisions, the newest; 10,000 unless said otherwise',
            },
          },
          ['text'],
        ),
        answers: { 200: { description: 'What would change', schema: result } },
      }),
    },
    async ({ body }, reply) => {
      const { policy, faults: found } = await inTurn(() => loadPolicy(sent(body), { checks }))
      if (policy === null) throw invalid(found)
      if (running) throw new BelayError('server:busy', { max: 'one backtest' })
      running = true
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      try {
        const { session, agent, limit = 10_000 } = body
        const since = body.since === undefined ? 0 : readSince(body.since, store.now())
        const of = { ...(session !== undefined && { session }), ...(agent !== undefined && { agent }) }
        const signal = AbortSignal.any([closing, gone.signal])
        return told(await backtest({ store, policy, since, of, limit, signal }))
      } catch (error) {
        // Nobody is there to be told, and the next one may ask.
        if (gone.signal.aborted) return reply.hijack()
        throw error
      } finally {
        running = false
      }
    },
  )
}

/** One after the other, and for at most a quarter of the time. Throws `server:busy` when too many wait. */
function turns(): <T>(work: () => T) => Promise<T> {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  return async (work) => {
    if (waiting >= MOST_WAITING) throw new BelayError('server:busy', { max: `${MOST_WAITING} policies` })
    waiting++
    const before = last
    const { promise, resolve } = Promise.withResolvers<void>()
    last = promise
    await before
    const begun = performance.now()
    try {
      return work()
    } finally {
      waiting--
      setTimeout(resolve, GIVE_WAY * (performance.now() - begun)).unref()
    }
  }
}

function invalid(faults: readonly PolicyFault[]): BelayError {
  const errors = faults.filter(({ severity }) => severity === 'error')
  const first = errors[0]
  const where =
    first === undefined
      ? ''
      : `${first.line}:${first.column}: expected ${first.expected}, found ${first.found}`
  return new BelayError('policy:invalid', { count: String(errors.length), file: 'text', first: where })
}

function told({ notJudgeable, changes, from, until, ...rest }: Backtest): Record<string, unknown> {
  return {
    ...rest,
    from: from === null ? null : iso(from),
    until: until === null ? null : iso(until),
    not_judgeable: notJudgeable,
    changes: changes.map((change) => ({ ...change, at: iso(change.at) })),
  }
}

const iso = (at: number): string => new Date(at).toISOString()
