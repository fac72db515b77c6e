import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { PICTURE } from '../../flow/keep-recording.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { actionAnswer } from '../http-api/action-answer.ts'
import { maySee, principalOf, type Principal } from '../http-api/authentication.ts'
import { routeSchema } from '../http-api/route-schema.ts'
import { agentName, id, object, sessionName } from '../http-api/schemas.ts'
import type { BrowserDesk } from './browser-desk.ts'
import { callSchema } from './call-schema.ts'
import type { RunningCall } from './running-call.ts'

export interface BrowserDoorOptions {
  readonly flow: Flow
  readonly store: Store
  readonly policies: { current(): Policy }
  /** The folder of this installation; profiles lie in `browsers` there. */
  readonly data: string
  readonly onFault: (error: unknown) => void
}

const MAX_WAIT = 60
const CALL_BYTES = 12 * 1024 * 1024
const accountName = {
  type: 'string',
  minLength: 1,
  maxLength: 100,
  pattern: '^[A-Za-z0-9_][A-Za-z0-9_.@-]*$',
  description: 'as the policy names it under browsers',
}
const wait = { type: 'number', minimum: 0, maximum: MAX_WAIT, description: 'seconds' }
const session = object(
  {
    id,
    account: accountName,
    agent: agentName,
    session: { ...sessionName, description: 'under which its calls are recorded' },
  },
  ['id', 'account', 'agent', 'session'],
)
const callAnswer = object(
  {
    action: {
      type: 'object',
      additionalProperties: true,
      description: 'the action as `/v1/actions` answers it',
    },
    done: { type: 'boolean', description: 'false: it waits for a person, or runs; ask again' },
    result: { description: 'as the checks of results let it through' },
    content: { type: 'string', description: 'base64: a picture, a file' },
    error: { type: 'string', description: 'why it failed, or why nobody knows' },
  },
  ['action', 'done'],
)

/** Opened with its first use: a harness whose agents use no browser loads nothing of it. */
export function lazyDesk(options: BrowserDoorOptions): {
  readonly opened: () => Promise<BrowserDesk>
  close(): Promise<void>
} {
  let opening: Promise<BrowserDesk> | undefined
  const open = async (): Promise<BrowserDesk> => {
    const [{ BrowserDesk: Desk }, { chooseHome }] = await Promise.all([
      import('./browser-desk.ts'),
      import('./choose-home.ts'),
    ])
    const { flow, store, policies, data, onFault } = options
    return new Desk({
      flow,
      store,
      policies,
      folder: join(data, 'browsers'),
      home: await chooseHome(options),
      onFault,
    })
  }
  return {
    opened: () =>
      (opening ??= open().catch((error: unknown) => {
        opening = undefined
        throw error
      })),
    async close() {
      await (await opening?.catch(() => undefined))?.closeAll()
    },
  }
}

/** `/v1/browsers`: the browsers of accounts, and the pictures that were kept of their pages. */
export function browserDoor(options: BrowserDoorOptions): (app: FastifyInstance) => void {
  const { flow, store, policies } = options
  const desk = lazyDesk(options)

  return (app) => {
    app.addHook('preClose', () => desk.close())

    app.post<{ Body: { account: string; agent?: string; session?: string; wait?: number } }>(
      '/v1/browsers',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: "Open an account's browser; one agent uses it at a time",
          tag: 'actions',
          body: object(
            {
              account: accountName,
              agent: { ...agentName, description: "for whom; with an agent's key it may be left out" },
              session: sessionName,
              wait: { ...wait, description: 'seconds to wait while another uses it' },
            },
            ['account'],
          ),
          answers: { 201: { description: 'Open', schema: session } },
        }),
      },
      async (request, reply) => {
        const { account, session: named, wait: seconds = 0 } = request.body
        const agent = agentOf(principalOf(request), request.body.agent)
        // Without an entry nothing is loaded for whoever asks.
        if (!Object.hasOwn(policies.current().browsers, account))
          throw new BelayError('browser:unknown_account', { account, agent })
        const opened = await (
          await desk.opened()
        ).open({
          account,
          agent,
          ...(named !== undefined && { session: named }),
          wait: seconds * 1_000,
        })
        return reply.status(201).send(opened)
      },
    )

    app.get(
      '/v1/browsers',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: 'Browsers that are open',
          tag: 'actions',
          answers: {
            200: { description: 'All of them', schema: object({ items: { type: 'array', items: session } }) },
          },
        }),
      },
      async (request) => {
        if (Object.keys(policies.current().browsers).length === 0) return { items: [] }
        return { items: (await desk.opened()).sessions(scopeOf(principalOf(request))) }
      },
    )

    app.post<{ Params: { id: string }; Body: JsonObject }>(
      '/v1/browsers/:id/calls',
      {
        config: { access: 'agent' },
        bodyLimit: CALL_BYTES,
        schema: routeSchema({
          summary: 'One call of a page: decided, carried out if it may be, and recorded with pictures',
          tag: 'actions',
          params: object({ id }, ['id']),
          body: object({ ...callSchema.properties, wait }, ['call']),
          answers: { 200: { description: 'How it ended, or how it stands', schema: callAnswer } },
        }),
      },
      async (request) => {
        const { wait: seconds = 30, ...asked } = request.body
        const opened = await desk.opened()
        const call = await opened.begin(request.params.id, scopeOf(principalOf(request)), asked)
        return answerOf(call, Number(seconds))
      },
    )

    app.get<{ Params: { id: string; action: string }; Querystring: { wait?: number } }>(
      '/v1/browsers/:id/calls/:action',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: 'How a call of a page ended, or how it stands',
          tag: 'actions',
          params: object({ id, action: id }, ['id', 'action']),
          querystring: object({ wait }),
          answers: { 200: { description: 'How it ended, or how it stands', schema: callAnswer } },
        }),
      },
      async (request) => {
        const call = (await desk.opened()).call(request.params.action, scopeOf(principalOf(request)))
        return answerOf(call, request.query.wait ?? 0)
      },
    )

    app.delete<{ Params: { id: string } }>(
      '/v1/browsers/:id',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: 'Close a browser: what waits is withdrawn, log-ins are kept',
          tag: 'actions',
          params: object({ id }, ['id']),
          answers: { 204: { description: 'Closed', schema: { type: 'null' } } },
        }),
      },
      async (request, reply) => {
        await (await desk.opened()).close(request.params.id, scopeOf(principalOf(request)))
        return reply.status(204).send()
      },
    )

    app.get<{ Params: { id: string; when: 'before' | 'after' } }>(
      '/v1/actions/:id/pictures/:when',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: 'How the page looked before or after a call',
          tag: 'actions',
          params: object({ id, when: { type: 'string', enum: ['before', 'after'] } }, ['id', 'when']),
          answers: {
            200: {
              description: 'The picture',
              schema: { type: 'string', format: 'binary' },
              media: 'image/jpeg',
            },
          },
        }),
      },
      async (request, reply) => {
        const { id: actionId, when } = request.params
        const action = await store.action(actionId)
        if (action === undefined || !maySee(principalOf(request), action.agent))
          throw new BelayError('action:not_found', { id: actionId })
        const kept = (await store.payloads(actionId)).find(({ kind }) => kind === `${PICTURE}${when}`)
        if (kept?.text == null)
          throw new BelayError('server:not_found', { method: 'GET', path: `pictures/${when}` })
        const { base64 } = JSON.parse(kept.text) as { base64: string }
        return reply
          .type('image/jpeg')
          .header('cache-control', 'private, max-age=3600')
          .send(Buffer.from(base64, 'base64'))
      },
    )
  }

  async function answerOf(call: RunningCall, seconds: number): Promise<JsonObject> {
    const end = await call.wait(seconds * 1_000)
    if (end === undefined) return { action: await actionAnswer(flow, await call.action()), done: call.ended }
    const { action, result, content, error } = end
    return {
      action: await actionAnswer(flow, action),
      done: true,
      ...(result !== null && { result }),
      ...(content !== undefined && { content: content.toString('base64') }),
      ...(error !== undefined && { error }),
    }
  }
}

/** Whose sessions the caller may use: an agent its own, the admin token all. */
function scopeOf(principal: Principal): string | null {
  return principal.kind === 'agent' ? principal.agent : null
}

function agentOf(principal: Principal, asked: string | undefined): string {
  if (principal.kind === 'agent') {
    if (asked !== undefined && asked !== principal.agent)
      throw new BelayError('auth:forbidden', { who: `The agent ${principal.agent}`, what: `act as ${asked}` })
    return principal.agent
  }
  if (asked !== undefined) return asked
  throw new BelayError('input:invalid', {
    where: 'body.agent',
    expected: 'for whom it is opened',
    got: 'nothing',
  })
}
