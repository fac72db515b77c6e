import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { parseDuration } from '../../policy/duration.ts'
import type { StandingView } from '../../flow/standing-approvals.ts'
import type { Bound } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { newStanding } from './approval-schemas.ts'
import { actor, asPerson } from './approvals.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { id, object } from './schemas.ts'

interface NewStandingBody {
  readonly agent: string
  readonly action: string
  readonly targets?: readonly string[]
  readonly input: Readonly<Record<string, Bound>>
  readonly max_count: number
  readonly max_sum?: { readonly path: string; readonly limit: number }
  readonly expires_in: string
  readonly reason: string
}

type ById = { Params: { id: string } }

const standing = { $ref: 'StandingApproval#' }
const byId = object({ id }, ['id'])
const MILLION = 1_000_000

export function standingApprovalRoutes(app: FastifyInstance, { flow, store }: ApiContext): void {
  app.get<{ Querystring: { open?: boolean; before?: string; limit?: number } }>(
    '/v1/standing-approvals',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'What was approved in advance, newest first',
        tag: 'approvals',
        querystring: object({
          open: { type: 'boolean', description: 'only those that may still cover something' },
          before: { ...id, description: 'the `next` of the page before' },
          limit: { type: 'integer', minimum: 1, maximum: 200, description: '50 unless told' },
        }),
        answers: {
          200: {
            description: 'One page; `next` is null on the last one',
            schema: object(
              { items: { type: 'array', items: standing }, next: { type: ['string', 'null'] } },
              ['items', 'next'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { limit = 50, ...filter } = request.query
      const found = await flow.standing.list({ ...filter, limit: limit + 1 })
      const page = found.slice(0, limit)
      return { items: page.map(answer), next: found.length > limit ? page.at(-1)!.row.id : null }
    },
  )

  app.get<ById>(
    '/v1/standing-approvals/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'One standing approval',
        tag: 'approvals',
        params: byId,
        answers: { 200: { description: 'The standing approval', schema: standing } },
      }),
    },
    async (request) => answer(await flow.standing.get(request.params.id)),
  )

  app.post<{ Body: NewStandingBody }>(
    '/v1/standing-approvals',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Approve one exact kind of action in advance, for a while and a number of times',
        tag: 'approvals',
        headers: asPerson,
        body: newStanding,
        answers: {
          201: { description: 'In force as soon as its state is open', schema: standing },
        },
      }),
    },
    async (request, reply) => {
      const { input, max_count, max_sum, expires_in, ...rest } = request.body
      const made = await flow.standing.propose({
        ...actor(principalOf(request)),
        ...rest,
        bounds: input,
        maxCount: max_count,
        ...(max_sum === undefined ? {} : { maxSum: max_sum }),
        expiresAt: store.now() + (parseDuration(expires_in) ?? 0),
      })
      return reply.code(201).send(answer(made))
    },
  )

  app.post<ById>(
    '/v1/standing-approvals/:id/grant',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Grant a standing approval that waits for further people',
        tag: 'approvals',
        params: byId,
        headers: asPerson,
        body: object({}),
        answers: { 200: { description: 'The standing approval', schema: standing } },
      }),
    },
    async (request) => answer(await flow.standing.grant(request.params.id, actor(principalOf(request)))),
  )

  app.delete<ById>(
    '/v1/standing-approvals/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Revoke a standing approval: it starts nothing any more',
        tag: 'approvals',
        params: byId,
        headers: asPerson,
        answers: { 200: { description: 'The revoked standing approval', schema: standing } },
      }),
    },
    async (request) => answer(await flow.standing.revoke(request.params.id, principalOf(request).by)),
  )
}

function answer({ row, state, groups }: StandingView): JsonObject {
  const { maxSum } = row
  return {
    id: row.id,
    agent: row.agent,
    action: row.action,
    targets: [...row.targets],
    input: row.bounds,
    max_count: row.maxCount,
    used: row.used,
    max_sum:
      maxSum === null
        ? null
        : { path: maxSum.path, limit: maxSum.limit / MILLION, used: row.usedSum / MILLION },
    reason: row.reason,
    state,
    groups: groups.map((group) => ({ ...group })),
    granted_by: row.grants.map(({ by, at }) => ({ by, at: isoTime(at) })),
    created_by: row.createdBy,
    created_at: isoTime(row.createdAt),
    expires_at: isoTime(row.expiresAt),
    revoked_at: row.revokedAt === null ? null : isoTime(row.revokedAt),
    revoked_by: row.revokedBy,
  }
}
