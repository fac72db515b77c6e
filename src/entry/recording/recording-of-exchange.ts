import { isJsonObject, type JsonObject } from '../../action/json.ts'
import type { Recording } from '../../action/recording.ts'
import { AnswerTape } from './answer-tape.ts'
import { recordingOf } from './recording-of.ts'

/** What a client of an MCP server asked, and what it was answered. */
export interface McpExchange {
  readonly server: string
  /** As JSON-RPC has them, each with the id of the client's own counting. */
  readonly request: JsonObject
  readonly answer: JsonObject
  /** Epoch ms. */
  readonly startedAt: number
}

/** The same as a recording. Transports frame a message each in their own way: what is kept is the message. */
export function recordingOfExchange(
  { server, request, answer, startedAt }: McpExchange,
  most: number,
): Recording | null {
  const tape = new AnswerTape(most, startedAt)
  tape.whole(200, { 'content-type': 'application/json' }, JSON.stringify(comparable(answer)))
  const body = Buffer.from(JSON.stringify(comparable(request)))
  return recordingOf({ door: 'mcp', method: 'POST', path: `/mcp/${server}`, body }, tape)
}

/** A message without what each run counts for itself: its id and the token of its progress. */
export function comparable({ id: _id, ...message }: JsonObject): JsonObject {
  const { params } = message
  if (!isJsonObject(params) || !isJsonObject(params['_meta'])) return message
  const { progressToken: _token, ...meta } = params['_meta']
  const { _meta, ...rest } = params
  return { ...message, params: Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta } }
}
