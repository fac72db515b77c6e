import type { Reason } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Protocol } from './wire-formats/wire-format.ts'

/** An error as a provider would say it, so that its official client raises the class that fits. */
export interface ModelError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** Seconds after which another try may succeed; absent: trying again changes nothing. */
  readonly retryAfter?: number
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}
const OPENAI_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'invalid_request_error',
  429: 'rate_limit_error',
}
const GEMINI_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  504: 'DEADLINE_EXCEEDED',
}

export function errorBody(protocol: Protocol, { status, code, message }: ModelError): JsonObject {
  switch (protocol) {
    case 'openai':
      return { error: { message, type: OPENAI_TYPES[status] ?? 'server_error', param: null, code } }
    case 'anthropic':
      return { type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message, code } }
    case 'gemini':
      return {
        error: {
          code: status,
          message,
          status: GEMINI_STATUSES[status] ?? 'UNAVAILABLE',
          details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code, domain: 'belay' }],
        },
      }
  }
}

/** Official clients try again after 408, 409, 429 and 5xx unless this header says otherwise. */
export function errorHeaders({ retryAfter }: ModelError): Record<string, string> {
  return {
    'content-type': 'application/json',
    ...(retryAfter === undefined
      ? { 'x-should-retry': 'false' }
      : { 'retry-after': String(Math.ceil(retryAfter)), 'x-should-retry': 'true' }),
  }
}

/** A refusal is 403: no official client tries it again, and none takes it for its own mistake in the request. */
export function refusal(reasons: readonly Reason[]): ModelError {
  const [first] = reasons
  const message = reasons.map((reason) => reason.message).join(' ')
  return {
    status: 403,
    code: first?.code ?? 'policy:denied',
    message: message === '' ? 'The policy denies this call.' : message,
  }
}

/** What goes wrong in Belay itself. Only what may be better in a moment is worth another try. */
export function errorOf(thrown: unknown): ModelError {
  if (!(thrown instanceof BelayError))
    return {
      status: 500,
      code: 'server:internal',
      message: 'Something went wrong inside Belay; it is in its log.',
    }
  const { code, message, status } = thrown
  if (status === 409) return { status: 403, code, message }
  return { status, code, message, ...((status === 429 || status === 503) && { retryAfter: 1 }) }
}
