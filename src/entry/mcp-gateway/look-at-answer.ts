import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { findInjection } from '../../flow/verify/checks/injection/find-injection.ts'
import type { ClientRequest } from './client-side.ts'
import { META, withMeta, type Response } from './message.ts'
import { judgeTask } from './serve-tool-call.ts'
import type { Session } from './session.ts'
import { subscriptionOf } from './upstream-calls.ts'

/** Answers of the server that are not passed on as they are. */
export function lookAtAnswer(
  session: Session,
  active: ClientRequest,
  response: Response,
): Response | Promise<Response> {
  const { result } = response
  const { method } = active.message
  if (!isJsonObject(result)) return response
  switch (method) {
    case 'initialize':
      return { ...response, result: announcing(guidance(session, result)) }
    case 'server/discover':
      return { ...response, result: guidance(session, result) }
    case 'tools/list':
      return filtered(session, response, result)
    case 'subscriptions/listen':
      return subscriptionOf(result) === undefined
        ? response
        : { ...response, result: withMeta(result, { [META.subscription]: response.id }) }
    case 'tasks/result':
    case 'tasks/get':
    case 'tasks/cancel':
      return judgeTask(session, active, response, result)
    default:
      return response
  }
}

async function filtered(session: Session, response: Response, result: JsonObject): Promise<Response> {
  if (!Array.isArray(result['tools'])) return response
  const listed = result['tools'] as readonly JsonObject[]
  const tools = await session.catalog.absorb(listed)
  const { ttlMs } = result
  // Who may see a tool changes when a person decides, which the server knows nothing of.
  const fresh = tools.length < listed.length && typeof ttlMs === 'number'
  return {
    ...response,
    result: { ...result, tools, ...(fresh && { ttlMs: Math.min(ttlMs, 5_000), cacheScope: 'private' }) },
  }
}

/** `instructions` go into the model's prompt like the description of a tool. */
function guidance(session: Session, result: JsonObject): JsonObject {
  const { instructions } = result
  if (typeof instructions !== 'string' || findInjection(instructions).length === 0) return result
  session.context.onNote('its instructions are suspicious and were not passed on')
  const { instructions: _, ...rest } = result
  return rest
}

/** The gateway hides and shows tools by itself, so the list may change whatever the server says. */
function announcing(result: JsonObject): JsonObject {
  const { capabilities } = result
  if (!isJsonObject(capabilities) || !isJsonObject(capabilities['tools'])) return result
  return {
    ...result,
    capabilities: { ...capabilities, tools: { ...capabilities['tools'], listChanged: true } },
  }
}
