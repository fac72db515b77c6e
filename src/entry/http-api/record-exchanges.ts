import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isJsonObject, type JsonValue } from '../../action/json.ts'
import { AnswerTape } from '../recording/answer-tape.ts'
import { recordingOf } from '../recording/recording-of.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'

const ACTIONS = '/v1/actions'

/** Keeps what agents asked of `/v1/actions` and what they were answered, where the policy says so. */
export function recordExchanges(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const { record } = policies.current()
    if (!record.api || typeof payload !== 'string' || !isOfAgent(request)) return
    const id = actionOf(payload)
    if (id === undefined || (record.mcp && isOfMcp(payload))) return
    const tape = new AnswerTape(record.maxBytes, store.now() - Math.round(reply.elapsedTime))
    tape.whole(reply.statusCode, headersOf(reply), payload)
    const body = request.body === undefined ? null : Buffer.from(JSON.stringify(request.body))
    setImmediate(() => {
      try {
        const recording = recordingOf({ door: 'http', method: request.method, path: request.url, body }, tape)
        if (recording !== null)
          flow.keepRecording(id, recording).catch((error: unknown) => fault(request, error))
      } catch (error) {
        fault(request, error)
      }
    })
  })
}

/** What people do is in the ledger, and no part of an agent's session. */
function isOfAgent(request: FastifyRequest): boolean {
  const { url = '', config } = request.routeOptions
  if (!url.startsWith(ACTIONS) || url.endsWith('/explain') || config.access === 'public') return false
  return request.principal !== null && principalOf(request).kind === 'agent'
}

function actionOf(payload: string): string | undefined {
  let answer: JsonValue
  try {
    answer = JSON.parse(payload) as JsonValue
  } catch {
    return undefined
  }
  return isJsonObject(answer) && typeof answer['id'] === 'string' && typeof answer['agent'] === 'string'
    ? answer['id']
    : undefined
}

/** What the gateway asks for an agent: what the agent asked the gateway is kept instead. */
function isOfMcp(payload: string): boolean {
  const { action } = JSON.parse(payload) as { readonly action?: unknown }
  return typeof action === 'string' && action.startsWith('mcp.')
}

function headersOf(reply: FastifyReply): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (typeof value === 'string' && name !== 'content-length' && name !== 'set-cookie') headers[name] = value
  return headers
}

function fault(request: FastifyRequest, error: unknown): void {
  request.log.error({ err: error }, 'the exchange could not be kept')
}
