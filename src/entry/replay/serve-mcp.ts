import type { ServerResponse } from 'node:http'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { comparable } from '../recording/recording-of-exchange.ts'
import { describe, type Asked, type Found } from './session-book.ts'

export const MCP_PATH = /^\/mcp\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\/?$/

/** Of no error that clients know. */
const DIVERGED = 4030

/**
 * Answers for the MCP servers of a recorded session (MCP, streamable HTTP): requests from the recording, under the id that
 * the client counts now; notifications are taken. Nothing is sent that the client did not ask for.
 */
export function serveMcp(asked: Asked, response: ServerResponse, take: (asked: Asked) => Found): void {
  const { method, path, body } = asked
  if (method !== 'POST') {
    response.writeHead(method === 'DELETE' ? 204 : 405, { allow: 'POST, DELETE' }).end()
    return
  }
  if (!isJsonObject(body) || typeof body['method'] !== 'string' || body['id'] === undefined) {
    response.writeHead(202).end()
    return
  }
  const answer = body['method'] === 'ping' ? { result: {} } : answerTo()
  const text = JSON.stringify({ ...answer, jsonrpc: '2.0', id: body['id'] } satisfies JsonObject)
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'mcp-session-id': 'replay',
  })
  response.end(text)

  function answerTo(): JsonObject {
    const found = take({ method, path: path.replace(/\/$/, ''), body: comparable(body as JsonObject) })
    if (found.status === 'diverged') return { error: { code: DIVERGED, message: describe(found.divergence) } }
    const recorded = JSON.parse(found.step.recording.answer?.body ?? 'null') as JsonValue
    return isJsonObject(recorded) ? recorded : {}
  }
}
