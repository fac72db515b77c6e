import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { RECORDING } from '../../flow/keep-recording.ts'
import type { Store } from '../../storage/store.ts'
import { recordingOfExchange } from '../recording/recording-of-exchange.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, id, object } from './schemas.ts'

interface Query {
  readonly agent?: string
  readonly before?: string
}

interface ExchangeBody {
  readonly server: string
  readonly request: JsonObject
  readonly answer: JsonObject
  readonly started_at: number
}

const ACTIONS_A_PAGE = 100
const BYTES_A_PAGE = 16 * 1024 * 1024

/** What was kept of a session for replay. */
export function recordingRoutes(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  app.get<{ Params: { id: string }; Querystring: Query }>(
    '/v1/sessions/:id/recordings',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'What was kept of the requests and answers of a session, newest first',
        tag: 'ledger',
        params: object({ id: { type: 'string', minLength: 1, maxLength: 200 } }, ['id']),
        querystring: object({ agent: agentName, before: id }, []),
        answers: {
          200: {
            description: 'Recordings, by action',
            schema: object(
              {
                items: {
                  type: 'array',
                  items: object(
                    {
                      action: id,
                      agent: { type: 'string' },
                      recording: {
                        type: ['object', 'null'],
                        additionalProperties: true,
                        description: '`null`: it was erased',
                      },
                    },
                    ['action', 'agent', 'recording'],
                  ),
                },
                next: { type: ['string', 'null'], description: 'the next page’s `before`' },
              },
              ['items', 'next'],
            ),
          },
        },
      }),
    },
    async (request, reply) => {
      const { agent, before } = request.query
      void reply.type('application/json; charset=utf-8')
      return page(store, request.params.id, agent, before)
    },
  )

  app.post<{ Params: { id: string }; Body: ExchangeBody }>(
    '/v1/actions/:id/exchanges',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary:
          'Keep beside an action what an MCP server was asked and has answered, where the policy says so',
        tag: 'actions',
        params: object({ id }, ['id']),
        body: object(
          {
            server: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' },
            request: { type: 'object', additionalProperties: true },
            answer: { type: 'object', additionalProperties: true },
            started_at: { type: 'integer', minimum: 0, description: 'when it was asked, epoch ms' },
          },
          ['server', 'request', 'answer', 'started_at'],
        ),
        answers: {
          200: {
            description: '`false`: the policy does not say `record: { mcp: full }`',
            schema: object({ kept: { type: 'boolean' } }, ['kept']),
          },
        },
      }),
    },
    async (request) => {
      const { params, body } = request
      const action = await store.action(params.id)
      if (action === undefined || !maySee(principalOf(request), action.agent))
        throw new BelayError('action:not_found', { id: params.id })
      const { record } = policies.current()
      if (!record.mcp) return { kept: false }
      const { server, request: asked, answer, started_at: startedAt } = body
      const recording = recordingOfExchange({ server, request: asked, answer, startedAt }, record.maxBytes)
      if (recording !== null) await flow.keepRecording(action.id, recording)
      return { kept: true }
    },
  )
}

/** The stored texts are JSON already: they are joined, not read. */
async function page(store: Store, session: string, agent?: string, before?: string): Promise<string> {
  const actions = await store.actions({
    session,
    limit: ACTIONS_A_PAGE,
    ...(agent !== undefined && { agent }),
    ...(before !== undefined && { before }),
  })
  const items: string[] = []
  let bytes = 0
  let last: string | null = null
  let told = 0
  for (const action of actions) {
    // Action by action: what a hundred of them kept may be more than there is memory.
    const payloads = await store.payloadsOf([action.id])
    const texts = payloads.filter(({ kind }) => kind.startsWith(RECORDING)).map(({ text }) => text)
    const size = texts.reduce((sum, text) => sum + (text?.length ?? 0), 0)
    if (told > 0 && bytes + size > BYTES_A_PAGE) break
    bytes += size
    told++
    last = action.id
    const head = `{"action":${JSON.stringify(action.id)},"agent":${JSON.stringify(action.agent)},"recording":`
    for (const text of texts) items.push(`${head}${text ?? 'null'}}`)
  }
  const more = told < actions.length || actions.length === ACTIONS_A_PAGE
  return `{"items":[${items.join(',')}],"next":${more ? JSON.stringify(last) : 'null'}}`
}
