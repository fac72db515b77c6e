import type { FastifyInstance } from 'fastify'
import type { Action, OutcomeReport, StateName } from '../../action/action.ts'
import type { Decision } from '../../action/decision.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { nanoFromUsd } from '../../action/money.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { explain } from '../../flow/audit/explain.ts'
import type { ActionFilter } from '../../storage/store.ts'
import { actionAnswer } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import type { Principal } from './authentication.ts'
import { reportJudged } from '../judged-report.ts'
import { confirm } from './people/identify.ts'
import { ownAgent, proposal, proposalOf } from './proposal.ts'
import type { ProposeBody } from './proposal.ts'
import { routeSchema } from './route-schema.ts'
import {
  actionName,
  agentName,
  costUsd,
  decisionName,
  id,
  object,
  sessionName,
  sinceText,
  stateName,
  words,
} from './schemas.ts'
import { readSince } from './undos.ts'
import { waitForState } from './wait-for-state.ts'

interface OutcomeBody {
  readonly outcome: 'succeeded' | 'failed' | 'unknown'
  readonly result?: JsonValue
  readonly error?: string
  readonly cost_usd?: number
  readonly judge?: boolean
}

interface UndoBody {
  readonly outcome?: OutcomeBody['outcome']
  readonly error?: string
  readonly current?: JsonObject
  readonly overwrite?: boolean
}

interface ListQuery {
  readonly agent?: string
  readonly action?: string
  readonly session?: string
  readonly state?: StateName
  readonly decision?: Decision
  readonly since?: string
  readonly before?: string
  readonly limit?: number
}

type ById = { Params: { id: string } }

const action = { $ref: 'Action#' }
const byId = object({ id }, ['id'])
const nothing = object({})
const outcomeName = { type: 'string', enum: ['succeeded', 'failed', 'unknown'] }
const errorWords = words(10_000, 'what went wrong')

export function actionRoutes(app: FastifyInstance, context: ApiContext): void {
  const { flow, store, limits } = context

  async function find(actionId: string, principal: Principal): Promise<Action> {
    const found = await store.action(actionId)
    // Another agent's action looks exactly like one that does not exist.
    if (found === undefined || !maySee(principal, found.agent))
      throw new BelayError('action:not_found', { id: actionId })
    return found
  }

  /** What a gateway carries out is the gateway's to begin and to end: an agent could say that nothing was spent. */
  async function ownTo(actionId: string, principal: Principal): Promise<Action> {
    const found = await find(actionId, principal)
    if (found.venue === 'belay' && principal.kind === 'agent')
      throw new BelayError('auth:forbidden', {
        who: `The agent ${principal.agent}`,
        what: 'begin or end what Belay carries out',
      })
    return found
  }

  app.post<{ Body: ProposeBody }>(
    '/v1/actions',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Propose an action. A denial is an answer, not an error.',
        tag: 'actions',
        body: proposal,
        answers: {
          201: { description: 'Proposed and decided', schema: action },
          200: {
            description: 'The idempotency key is known: the action it stands for, as it is now',
            schema: action,
          },
        },
      }),
    },
    async (request, reply) => {
      const admitted = await flow.propose(await proposalOf(request, context.prompts), {
        venue: 'agent',
        start: request.body.start === true,
      })
      const repeated = admitted.repeated === true
      const answer = {
        ...(await actionAnswer(flow, admitted.action, admitted.input)),
        ...waitOf(context, admitted.action),
      }
      return reply
        .code(repeated ? 200 : 201)
        .header('location', `/v1/actions/${admitted.action.id}`)
        .send(repeated ? { ...answer, repeated } : answer)
    },
  )

  app.get<{ Querystring: ListQuery }>(
    '/v1/actions',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Actions, newest first',
        tag: 'actions',
        querystring: object({
          agent: agentName,
          action: actionName,
          session: sessionName,
          state: stateName,
          decision: decisionName,
          since: sinceText,
          before: { ...id, description: 'the `next` of the page before' },
          limit: { type: 'integer', minimum: 1, maximum: 200, description: '50 unless told' },
        }),
        answers: {
          200: {
            description: 'One page; `next` is null on the last one',
            schema: object({ items: { type: 'array', items: action }, next: { type: ['string', 'null'] } }, [
              'items',
              'next',
            ]),
          },
        },
      }),
    },
    async (request) => {
      const { limit = 50, since, ...asked } = request.query
      const principal = principalOf(request)
      const filter = {
        ...asked,
        ...(since === undefined ? {} : { since: readSince(since, store.now(), 'querystring.since') }),
      }
      const scoped: Omit<ActionFilter, 'limit'> =
        principal.kind === 'agent' ? { ...filter, agent: ownAgent(principal, filter.agent) } : filter
      // One more than asked for tells whether there is another page.
      const found = await store.actions({ ...scoped, limit: limit + 1 })
      const page = found.slice(0, limit)
      const items = await Promise.all(page.map((each) => actionAnswer(flow, each)))
      return { items, next: found.length > limit ? page.at(-1)!.id : null }
    },
  )

  app.get<ById & { Querystring: { wait?: number; version?: number } }>(
    '/v1/actions/:id',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'One action, at once or when it changes',
        tag: 'actions',
        params: byId,
        querystring: object({
          wait: { type: 'number', minimum: 0, maximum: limits.wait / 1_000, description: 'seconds' },
          version: {
            type: 'integer',
            minimum: 0,
            description: 'the version that the caller knows: a wait ends at once when there is a newer one',
          },
        }),
        answers: { 200: { description: 'The action', schema: action } },
      }),
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const found = await find(request.params.id, principal)
      const { wait = 0, version } = request.query
      if (wait === 0) return actionAnswer(flow, found)
      const latest = await waitForState(context, reply, found, version, wait * 1_000)
      await confirm(principal, context)
      return actionAnswer(flow, latest)
    },
  )

  app.post<ById>(
    '/v1/actions/:id/start',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Take the one permission to execute',
        tag: 'actions',
        params: byId,
        body: nothing,
        answers: {
          200: {
            description: 'Executing: `input` is what may be executed, until `deadline`',
            schema: action,
          },
        },
      }),
    },
    async (request) => {
      const found = await ownTo(request.params.id, principalOf(request))
      const admitted = await flow.start(found.id)
      return actionAnswer(flow, admitted.action, admitted.input)
    },
  )

  app.post<ById & { Body: OutcomeBody }>(
    '/v1/actions/:id/outcome',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Report how an executing action ended',
        tag: 'actions',
        params: byId,
        body: object(
          {
            outcome: outcomeName,
            result: {},
            error: errorWords,
            cost_usd: costUsd,
            judge: {
              type: 'boolean',
              description:
                "bring the result through the policy's `result:` checks; `judged` in the answer tells what they made of it",
            },
          },
          ['outcome'],
        ),
        answers: { 200: { description: 'The finished action', schema: action } },
      }),
    },
    async (request) => {
      const found = await ownTo(request.params.id, principalOf(request))
      const outcome = outcomeOf(request.body)
      if (request.body.judge !== true) return actionAnswer(flow, await flow.report(found.id, outcome))
      const { action: settled, judged } = await reportJudged(context, found, outcome)
      const answer = await actionAnswer(flow, settled)
      return judged === null ? answer : { ...answer, judged: judged as unknown as JsonObject }
    },
  )

  app.post<ById & { Body: UndoBody | undefined }>(
    '/v1/actions/:id/undo',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Undo a succeeded action or, with an outcome, report an undo that was requested',
        tag: 'actions',
        params: byId,
        body: object({
          outcome: outcomeName,
          error: errorWords,
          current: {
            type: 'object',
            additionalProperties: true,
            description:
              'what is there now, told by the agent before it undoes: it goes on only if the undo is still requested afterwards',
          },
          overwrite: {
            type: 'boolean',
            description: 'what has changed since is overwritten; for people, not for agents',
          },
        }),
        answers: {
          200: { description: 'The action; `undo` tells how far its undo has come', schema: action },
        },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const found = await find(request.params.id, principal)
      const { outcome, error, current, overwrite = false } = request.body ?? {}
      if (overwrite && principal.kind === 'agent')
        throw new BelayError('auth:forbidden', {
          who: `The agent ${principal.agent}`,
          what: 'say that what has changed since is overwritten',
        })
      if (current !== undefined) {
        if (outcome !== undefined || error !== undefined || overwrite)
          throw new BelayError('input:invalid', {
            where: 'body.current',
            expected: 'nothing beside it',
            got: 'more',
          })
        return actionAnswer(flow, await flow.checkUndo(found.id, current))
      }
      if (outcome === undefined && error !== undefined) {
        throw new BelayError('input:invalid', {
          where: 'body.outcome',
          expected: 'a value beside error',
          got: 'nothing',
        })
      }
      if (outcome === undefined)
        return actionAnswer(flow, await flow.undo(found.id, principal.by, { overwrite }))
      const report = { outcome, ...(error === undefined ? {} : { error }) }
      return actionAnswer(flow, await flow.reportUndo(found.id, report, principal.by))
    },
  )

  app.post<ById>(
    '/v1/actions/:id/cancel',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Withdraw an action that has not started',
        tag: 'actions',
        params: byId,
        body: nothing,
        answers: { 200: { description: 'The cancelled action', schema: action } },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const found = await find(request.params.id, principal)
      return actionAnswer(flow, await flow.cancel(found.id, principal.by))
    },
  )

  app.get<ById>(
    '/v1/actions/:id/explain',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Why it was decided so',
        tag: 'actions',
        params: byId,
        answers: {
          200: { description: 'The explanation', schema: { type: 'object', additionalProperties: true } },
        },
      }),
    },
    async (request) => explain(store, context.policies, await find(request.params.id, principalOf(request))),
  )
}

/** How long a door that cannot answer "held" waits for the person. */
function waitOf({ policies }: ApiContext, { name, state }: Action): JsonObject {
  if (state.name !== 'held') return {}
  return { approval_wait_seconds: (policies.current().action(name)?.approvalWait ?? 0) / 1_000 }
}

function outcomeOf(body: OutcomeBody): OutcomeReport {
  return {
    outcome: body.outcome,
    ...(body.result === undefined ? {} : { result: body.result }),
    ...(body.error === undefined ? {} : { error: body.error }),
    ...(body.cost_usd === undefined ? {} : { cost: nanoFromUsd(body.cost_usd, 'body.cost_usd') }),
  }
}
