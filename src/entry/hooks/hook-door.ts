import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { principalOf } from '../http-api/authentication.ts'
import { routeSchema } from '../http-api/route-schema.ts'
import { agentName, object } from '../http-api/schemas.ts'
import { HOOKED_AGENTS } from './agents/index.ts'
import { HookDesk } from './hook-desk.ts'
import type { HookDeskOptions } from './hook-desk.ts'

interface HookQuery {
  readonly agent?: string
  readonly wait?: number
  readonly approver?: string
}

/** The first line of an answer: without it a hook has asked some other server, and refuses. */
const OURS = 'belay\n'
/** The longest that a hook waits for a person, seconds. */
const MAX_HOOK_WAIT = 3_600

/**
 * `POST /v1/hooks/{kind}`: the event of a coding agent's hook as it came, answered with what the hook's process is to
 * print. Who asks at the terminal is for the admin token to say: an agent's key votes for nobody.
 */
export function hookDoor(options: HookDeskOptions): (app: FastifyInstance) => void {
  const desk = new HookDesk(options)
  return (app) => {
    app.addHook('onClose', () => desk.close())
    app.post<{ Params: { kind: string }; Querystring: HookQuery; Body: JsonObject }>(
      '/v1/hooks/:kind',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary: "A coding agent's tool hook: what its process prints",
          tag: 'actions',
          params: object({ kind: { type: 'string', maxLength: 50 } }, ['kind']),
          querystring: object({
            agent: agentName,
            wait: {
              type: 'number',
              minimum: 0,
              maximum: MAX_HOOK_WAIT,
              description: 'seconds to wait for a person',
            },
            approver: {
              type: 'string',
              minLength: 1,
              maxLength: 200,
              description: 'who sits at the terminal',
            },
          }),
          body: {
            type: 'object',
            additionalProperties: true,
            description: 'the event as the agent wrote it',
          },
          answers: {
            200: {
              description:
                'The line `belay`, then what the process of the hook prints before it exits with 0',
              schema: { type: 'string' },
              media: 'text/plain',
            },
          },
        }),
      },
      async (request, reply) => {
        const hooked = HOOKED_AGENTS.find(({ kind }) => kind === request.params.kind)
        if (hooked === undefined)
          throw new BelayError('input:invalid', {
            where: 'kind',
            expected: HOOKED_AGENTS.map(({ kind }) => kind).join(', '),
            got: 'something else',
          })
        const principal = principalOf(request)
        const { agent, wait = 0, approver } = request.query
        if (principal.kind === 'agent' && agent !== undefined && agent !== principal.agent)
          throw new BelayError('auth:forbidden', {
            who: `The agent ${principal.agent}`,
            what: `act as ${agent}`,
          })
        const hungUp = new AbortController()
        reply.raw.once('close', () => hungUp.abort())
        const printed = await desk.serve(hooked, {
          agent: principal.kind === 'agent' ? principal.agent : (agent ?? hooked.kind),
          event: request.body,
          held: { wait: wait * 1_000, approver: principal.kind === 'admin' ? (approver ?? null) : null },
          signal: hungUp.signal,
        })
        return reply.type('text/plain; charset=utf-8').send(`${OURS}${printed}`)
      },
    )
  }
}
