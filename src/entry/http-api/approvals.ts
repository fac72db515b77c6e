import type { FastifyInstance } from 'fastify'
import type { Action } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { actionAnswer } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { approvalDetails, partsOf } from './approval-answer.ts'
import { decisionsOf } from './approval-decisions.ts'
import { decisionOutcome, decisionsSchema, digest, personName, reasonWords } from './approval-schemas.ts'
import { maySee, principalOf } from './authentication.ts'
import type { Principal } from './authentication.ts'
import { problemOf } from './problem.ts'
import { routeSchema } from './route-schema.ts'
import { actionName, agentName, id, object, words } from './schemas.ts'

interface VoteBody {
  readonly outcome: 'approve' | 'reject'
  readonly reason?: string
  readonly digest?: string
}

interface BatchBody {
  readonly items: readonly { readonly id: string; readonly digest: string }[]
  readonly outcome: 'approve' | 'reject'
  readonly reason?: string
}

type ById = { Params: { id: string } }

const approval = { $ref: 'Approval#' }
const byId = object({ id }, ['id'])
const MAX_BATCH = 100

export const asPerson = {
  type: 'object',
  properties: {
    'belay-acting-as': { type: 'string', description: 'with the admin token: the person who decides' },
  },
} as const

/** Who acts: a person, or the owner of the installation, who counts as one member of any group; and by which way. */
export function actor(principal: Principal): {
  readonly by: string
  readonly owner: boolean
  readonly via: 'console' | 'api'
} {
  return {
    by: principal.by,
    owner: principal.kind === 'admin' && principal.actingAs === null,
    via: principal.kind === 'person' ? 'console' : 'api',
  }
}

export function approvalRoutes(app: FastifyInstance, context: ApiContext): void {
  const { flow, store } = context

  async function find(approvalId: string, principal: Principal): Promise<Action> {
    const found = await store.actionByApproval(approvalId)
    if (found === undefined || !maySee(principal, found.agent))
      throw new BelayError('approval:not_found', { id: approvalId })
    return found
  }

  app.get<{ Querystring: { before?: string; limit?: number; agent?: string; action?: string } }>(
    '/v1/approvals',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'What waits for a person, newest first',
        tag: 'approvals',
        querystring: object({
          state: { type: 'string', enum: ['pending'] },
          agent: agentName,
          action: actionName,
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
      const { before, limit = 50, agent, action } = request.query
      const principal = principalOf(request)
      const own = principal.kind === 'agent' ? principal.agent : agent
      const found = await store.actions({
        state: 'held',
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
        ...(own === undefined ? {} : { agent: own }),
        ...(action === undefined ? {} : { action }),
      })
      const page = found.slice(0, limit)
      const parts = await partsOf(context, page)
      const items = await Promise.all(
        page.flatMap((each) =>
          each.state.name === 'held'
            ? [approvalDetails(context, each, each.state.approval, parts, principal)]
            : [],
        ),
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
      const principal = principalOf(request)
      const found = await find(request.params.id, principal)
      const { state } = found
      const { id: approvalId } = request.params
      const decisions =
        principal.kind !== 'agent' && (state.name !== 'held' || state.approval.id !== approvalId)
          ? { decisions: await decisionsOf(store, found.id, approvalId) }
          : {}
      if ((state.name === 'held' || state.name === 'ready') && state.approval?.id === approvalId) {
        const parts = await partsOf(context, [found])
        return {
          ...(await approvalDetails(context, found, state.approval, parts, principal)),
          ...decisions,
        }
      }
      return { id: approvalId, state: 'closed', action: await actionAnswer(flow, found), ...decisions }
    },
  )

  // The schema beside it has checked the body: whoever names B says what that schema lets through.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  const act = <B extends object>(
    path: string,
    summary: string,
    body: Readonly<Record<string, unknown>>,
    work: (approvalId: string, who: ReturnType<typeof actor>, body: B) => Promise<Action>,
  ): void => {
    app.post<ById & { Body: B }>(
      path,
      {
        config: { access: 'admin' },
        schema: routeSchema({
          summary,
          tag: 'approvals',
          params: byId,
          headers: asPerson,
          body,
          answers: { 200: { description: 'The action after that', schema: { $ref: 'Action#' } } },
        }),
      },
      async (request) =>
        actionAnswer(flow, await work(request.params.id, actor(principalOf(request)), request.body as B)),
    )
  }

  act<VoteBody>(
    '/v1/approvals/:id',
    'Approve or reject, as the person who is logged in',
    object({ outcome: decisionOutcome, reason: reasonWords, digest }, ['outcome']),
    (approvalId, who, body) => flow.vote(approvalId, { ...who, ...body }),
  )
  act<{ input: JsonObject; reason?: string; digest?: string }>(
    '/v1/approvals/:id/edit',
    'Put another input in the place of the one that waits: judged anew, with a new digest and a new approval',
    object(
      {
        input: { type: 'object', additionalProperties: true, description: 'the whole input' },
        reason: words(4_000, 'why'),
        digest,
      },
      ['input'],
    ),
    (approvalId, who, body) => flow.edit(approvalId, { ...who, ...body }),
  )
  act<{ to: string; reason?: string }>(
    '/v1/approvals/:id/delegate',
    'Pass on the own vote in the step that waits; to oneself: take it back',
    object({ to: personName, reason: words(4_000, 'why') }, ['to']),
    (approvalId, { by }, body) => flow.delegate(approvalId, { by, ...body }),
  )
  act<{ reason: string; digest?: string }>(
    '/v1/approvals/:id/break-glass',
    'Be one of the two people who together release it out of turn, where the policy says break_glass',
    object({ reason: { ...words(4_000, 'why'), minLength: 1 }, digest }, ['reason']),
    (approvalId, who, body) => flow.breakGlass(approvalId, { ...who, ...body }),
  )

  app.post<{ Body: BatchBody }>(
    '/v1/approvals/batch',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Decide on several, each by itself: what of them is recorded is said for each',
        tag: 'approvals',
        headers: asPerson,
        body: object(
          {
            items: {
              type: 'array',
              minItems: 1,
              maxItems: MAX_BATCH,
              items: object({ id, digest }, ['id', 'digest']),
            },
            outcome: decisionOutcome,
            reason: reasonWords,
          },
          ['items', 'outcome'],
        ),
        answers: {
          200: {
            description: 'An answer for each, in the order that was asked',
            schema: object(
              {
                items: {
                  type: 'array',
                  items: object(
                    {
                      id,
                      recorded: { type: 'boolean' },
                      action: { $ref: 'Action#' },
                      problem: { $ref: 'Problem#' },
                    },
                    ['id', 'recorded'],
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
      const { items, outcome, reason } = request.body
      const vote = { ...actor(principalOf(request)), outcome, ...(reason === undefined ? {} : { reason }) }
      const one = async (item: BatchBody['items'][number]): Promise<JsonObject> => {
        // A fault in one of them says nothing of the others: each answers for itself.
        const told = (error: unknown): JsonObject => {
          if (!(error instanceof BelayError))
            request.log.error({ err: error }, 'a decision of a batch failed')
          const problem =
            error instanceof BelayError ? error : new BelayError('server:fault', { id: request.id })
          return problemOf(problem, request.id) as unknown as JsonObject
        }
        let voted: Action
        try {
          voted = await flow.vote(item.id, { ...vote, digest: item.digest })
        } catch (error) {
          return { id: item.id, recorded: false, problem: told(error) }
        }
        try {
          return { id: item.id, recorded: true, action: await actionAnswer(flow, voted) }
        } catch (error) {
          return { id: item.id, recorded: true, problem: told(error) }
        }
      }
      return { items: await Promise.all(items.map(one)) }
    },
  )
}

function closedOr(schema: object): Record<string, unknown> {
  const closed = object(
    {
      id,
      state: { type: 'string', enum: ['closed'] },
      action: { $ref: 'Action#' },
      decisions: decisionsSchema,
    },
    ['id', 'state', 'action'],
  )
  return { anyOf: [schema, closed] }
}
