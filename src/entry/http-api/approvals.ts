import type { FastifyInstance } from 'fastify'
import type { Action, Approval } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Flow } from '../../flow/flow.ts'
import { actionAnswer, approvalAnswer } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import type { Principal } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { id, object, words } from './schemas.ts'

interface VoteBody {
  readonly outcome: 'approve' | 'reject'
  readonly reason?: string
}

type ById = { Params: { id: string } }

const approval = { $ref: 'Approval#' }
const byId = object({ id }, ['id'])

export function approvalRoutes(app: FastifyInstance, { flow, store }: ApiContext): void {
  async function find(approvalId: string, principal: Principal): Promise<Action> {
    const found = await store.actionByApproval(approvalId)
    if (found === undefined || !maySee(principal, found.agent))
      throw new BelayError('approval:not_found', { id: approvalId })
    return found
  }

  app.get<{ Querystring: { before?: string; limit?: number } }>(
    '/v1/approvals',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'What waits for a person, newest first',
        tag: 'approvals',
        querystring: object({
          state: { type: 'string', enum: ['pending'] },
          before: { ...id, description: 'the `next` of the page before' },
          limit: { type: 'integer', minimum: 1, maximum: 200, description: '50 unless told' },
        }),
        answers: {
          200: {
            description: 'One page; `next` is null on the last one',
            schema: object(
              { items: { type: 'array', items: approval }, next: { type: ['string', 'null'] } },
              ['items', 'next'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { before, limit = 50 } = request.query
      const principal = principalOf(request)
      const found = await store.actions({
        state: 'held',
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
        ...(principal.kind === 'agent' ? { agent: principal.agent } : {}),
      })
      const page = found.slice(0, limit)
      const items = await Promise.all(
        page.flatMap((each) => (each.state.name === 'held' ? [answer(flow, each, each.state.approval)] : [])),
      )
      return { items, next: found.length > limit ? page.at(-1)!.id : null }
    },
  )

  app.get<ById>(
    '/v1/approvals/:id',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'One approval and the action that it is about',
        tag: 'approvals',
        params: byId,
        answers: {
          200: {
            description: 'The approval; its steps are left out once the action has moved on',
            schema: closedOr(approval),
          },
        },
      }),
    },
    async (request) => {
      const found = await find(request.params.id, principalOf(request))
      const { state } = found
      if (state.name === 'held' || state.name === 'ready') {
        if (state.approval?.id === request.params.id) return answer(flow, found, state.approval)
      }
      return { id: request.params.id, state: 'closed', action: await actionAnswer(flow, found) }
    },
  )

  app.post<ById & { Body: VoteBody }>(
    '/v1/approvals/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Approve or reject, as the person who is logged in',
        tag: 'approvals',
        params: byId,
        headers: {
          type: 'object',
          properties: {
            'belay-acting-as': {
              type: 'string',
              description: 'with the admin token: the person who decides',
            },
          },
        },
        body: object(
          { outcome: { type: 'string', enum: ['approve', 'reject'] }, reason: words(4_000, 'why') },
          ['outcome'],
        ),
        answers: { 200: { description: 'The action after the vote', schema: { $ref: 'Action#' } } },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const { outcome, reason } = request.body
      const voted = await flow.vote(request.params.id, {
        by: principal.by,
        owner: principal.kind === 'admin' && principal.actingAs === null,
        outcome,
        ...(reason === undefined ? {} : { reason }),
      })
      return actionAnswer(flow, voted)
    },
  )
}

async function answer(flow: Flow, action: Action, approval: Approval): Promise<JsonObject> {
  return {
    ...approvalAnswer(approval),
    state: action.state.name === 'held' ? 'pending' : 'closed',
    action: await actionAnswer(flow, action),
  }
}

function closedOr(schema: object): Record<string, unknown> {
  const closed = object({ id, state: { type: 'string', enum: ['closed'] }, action: { $ref: 'Action#' } }, [
    'id',
    'state',
    'action',
  ])
  return { anyOf: [schema, closed] }
}
