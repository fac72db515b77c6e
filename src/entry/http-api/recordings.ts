import type { FastifyInstance } from 'fastify'
import { RECORDING } from '../../flow/keep-recording.ts'
import type { Store } from '../../storage/store.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, id, object } from './schemas.ts'

interface Query {
  readonly agent?: string
  readonly before?: string
}

const ACTIONS_A_PAGE = 100
const BYTES_A_PAGE = 16 * 1024 * 1024

/** What was kept of a session for replay. */
export function recordingRoutes(app: FastifyInstance, { store }: ApiContext): void {
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
