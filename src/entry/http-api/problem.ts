import type { FastifyReply, FastifyRequest } from 'fastify'
import { BelayError, CATALOGUE } from '../../errors/catalogue.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** How long a body that nobody will read is drained after its refusal, so that the client gets to read the answer. */
const LINGER_MS = 500

/** RFC 9457. `details` repeats the values of the sentence, for programs. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  readonly instance: string
  readonly details: Readonly<Record<string, string>>
}

export function problemOf(error: BelayError, requestId: string): Problem {
  return {
    type: `urn:belay:error:${error.code}`,
    title: CATALOGUE[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    instance: `urn:uuid:${requestId}`,
    details: error.details,
  }
}

/** Turns whatever was thrown into an error of the catalogue; what nobody expected becomes `server:fault`. */
export function asBelayError(
  error: unknown,
  request: { readonly id: string; readonly bodyLimit: number },
): BelayError {
  if (error instanceof BelayError) return error
  const { code, statusCode } = (error ?? {}) as { readonly code?: unknown; readonly statusCode?: unknown }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new BelayError('input:too_large', {
        where: 'body',
        max: `${request.bodyLimit} bytes`,
        got: 'more',
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new BelayError('input:unsupported_media_type', { got: 'another media type' })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new BelayError('input:invalid', {
        where: 'body',
        expected: 'as many bytes as Content-Length says',
        got: 'another number',
      })
    case 'FST_ERR_BAD_URL':
      return new BelayError('input:invalid', {
        where: 'path',
        expected: 'a well-formed address',
        got: 'another',
      })
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new BelayError('input:too_large', { where: 'path', max: '512 characters a part', got: 'more' })
    default:
      // Only an aborted upload comes here with a client's status: nobody is left to read the answer.
      if (statusCode === 400)
        return new BelayError('input:invalid', {
          where: 'request',
          expected: 'a whole request',
          got: 'a part of it',
        })
      return new BelayError('server:fault', { id: request.id })
  }
}

export async function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: BelayError,
): Promise<FastifyReply> {
  const body = JSON.stringify(problemOf(error, request.id))
  const headers: Record<string, string> = {
    'content-type': PROBLEM_TYPE,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  if (error.status === 401) headers['www-authenticate'] = 'Bearer realm="belay"'
  if (error.status === 503) headers['retry-after'] = '1'
  if (error.status === 429) headers['retry-after'] = error.details['seconds'] ?? '60'
  // As bytes, so that nothing adds a charset: the media type has no such parameter.
  if (request.raw.complete || !announcesBody(request))
    return reply.code(error.status).headers(headers).send(Buffer.from(body))

  // Ending now would reset the connection under a client that is still sending, and it would lose the answer.
  reply.hijack()
  const { raw } = reply
  raw.writeHead(error.status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  raw.write(body)
  const end = (): void => {
    clearTimeout(timer)
    raw.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.raw.once('end', end).once('close', end).once('error', end).resume()
  return reply
}

function announcesBody(request: FastifyRequest): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  )
}
