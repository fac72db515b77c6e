import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'

/** JSON-RPC 2.0, section 4: a string or a number; MCP allows no null. */
export type RequestId = string | number

export interface Request extends JsonObject {
  readonly id: RequestId
  readonly method: string
}

export interface Notification extends JsonObject {
  readonly method: string
}

export interface Response extends JsonObject {
  readonly id: RequestId
}

export type Message =
  | { readonly kind: 'request'; readonly message: Request }
  | { readonly kind: 'notification'; readonly message: Notification }
  | { readonly kind: 'response'; readonly message: Response }

/** Levels of nesting that a message may have; what is deeper is refused unread. */
const MAX_DEPTH = 128

/** The first protocol version without sessions (MCP 2026-07-28): each request carries its version in `_meta`. */
export const STATELESS_SINCE = '2026-07-28'
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  subscription: 'io.modelcontextprotocol/subscriptionId',
  relatedTask: 'io.modelcontextprotocol/related-task',
} as const

/** Error codes: JSON-RPC 2.0, section 5.1; MCP 2026-07-28, Error Codes. `REFUSED` is ours, outside the reserved range. */
export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  refused: 4030,
} as const

export class BadMessage extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'BadMessage'
    this.code = code
  }
}

/** Reads one message. Throws `BadMessage` for what is no JSON, too deep, or no message of JSON-RPC 2.0. */
export function readMessage(text: string): Message {
  if (isTooDeep(text)) throw new BadMessage(CODE.invalidRequest, `nested more than ${MAX_DEPTH} levels`)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new BadMessage(CODE.parse, 'not JSON')
  }
  return classify(value)
}

function classify(value: JsonValue): Message {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0')
    throw new BadMessage(CODE.invalidRequest, 'not a message of JSON-RPC 2.0')
  const { id, method, params } = value
  if (params !== undefined && !isJsonObject(params) && !Array.isArray(params))
    throw new BadMessage(CODE.invalidRequest, 'params is neither an object nor an array')
  if (typeof method === 'string') {
    if (id === undefined) return { kind: 'notification', message: value as Notification }
    if (isId(id)) return { kind: 'request', message: value as Request }
  } else if (method === undefined && isId(id) && 'result' in value !== 'error' in value) {
    if ('result' in value || isJsonObject(value['error']))
      return { kind: 'response', message: value as Response }
  }
  throw new BadMessage(CODE.invalidRequest, 'neither a request, a notification nor a response')
}

function isId(id: JsonValue | undefined): id is RequestId {
  return (typeof id === 'string' && id.length <= 1_000) || (typeof id === 'number' && Number.isFinite(id))
}

/** 1 and "1" are different ids. */
export function idKey(id: RequestId): string {
  return typeof id === 'number' ? `n${id}` : `s${id}`
}

export function paramsOf(message: JsonObject): JsonObject {
  const { params } = message
  return isJsonObject(params) ? params : {}
}

export function metaOf(params: JsonObject): JsonObject {
  const { _meta: meta } = params
  return isJsonObject(meta) ? meta : {}
}

export function withParams<T extends JsonObject>(message: T, params: JsonObject): T {
  return { ...message, params }
}

export function withMeta(params: JsonObject, meta: JsonObject): JsonObject {
  return { ...params, _meta: { ...metaOf(params), ...meta } }
}

/** The version that a request of MCP 2026-07-28 or later declares; `undefined` in the protocols with a handshake. */
export function declaredVersion(message: JsonObject): string | undefined {
  const version = metaOf(paramsOf(message))[META.version]
  return typeof version === 'string' ? version : undefined
}

/** Whether a request speaks for itself (MCP 2026-07-28) or belongs to a handshake. */
export function isStateless(message: JsonObject): boolean {
  return declaredVersion(message) !== undefined
}

export function resultResponse(id: RequestId, result: JsonObject): Response {
  return { jsonrpc: '2.0', id, result }
}

export function errorResponse(id: RequestId, code: number, message: string, data?: JsonValue): Response {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
}

export function notification(method: string, params?: JsonObject): Notification {
  return { jsonrpc: '2.0', method, ...(params && { params }) }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function isTooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (quoted) {
      if (unit === BACKSLASH) at++
      else if (unit === QUOTE) quoted = false
    } else if (unit === QUOTE) quoted = true
    else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > MAX_DEPTH) return true
    } else if (unit === 0x7d || unit === 0x5d) depth--
  }
  return false
}
