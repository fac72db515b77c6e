import type { UpstreamFailure } from './upstream.ts'

/** Thrown into the dispatcher to end an exchange for a reason of our own. */
export class GivenUp extends Error {
  readonly failure: UpstreamFailure

  constructor(failure: UpstreamFailure) {
    super(failure.message)
    this.name = 'GivenUp'
    this.failure = failure
  }
}

/**
 * What an error of the dispatcher or of a socket means. Messages of errors are left out: they may hold addresses
 * and parts of what was sent; codes are constants.
 */
export function failureOf(error: Error, provider: string, mayHaveRun: boolean): UpstreamFailure {
  if (error instanceof GivenUp) return error.failure
  const code = codeOf(error)
  const failure = (kind: UpstreamFailure['kind'], what: string): UpstreamFailure => ({
    kind,
    message: `${provider} ${what}${code === '' ? '' : ` (${code})`}.`,
    mayHaveRun,
  })
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return failure('connect', 'took too long to accept the connection')
    case 'UND_ERR_HEADERS_TIMEOUT':
      return failure('timeout', 'took too long to begin its answer')
    case 'UND_ERR_BODY_TIMEOUT':
      return failure('timeout', 'fell silent in the middle of its answer')
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return failure('protocol', 'broke off or sent an answer of another length than announced')
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return failure('protocol', 'cannot be sent this request')
    case 'UND_ERR_ABORTED':
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return failure('aborted', 'was not waited for')
    case 'UND_ERR_SOCKET':
      // The dispatcher's words for an answer that nobody asked for; all its other socket errors are closed sockets.
      return error.message.startsWith('bad ')
        ? failure('protocol', 'answered what is no answer to the request')
        : failure('reset', 'closed the connection before the answer was whole')
    default:
      if (error.name === 'HTTPParserError') return failure('protocol', 'sent what is not HTTP/1.1')
      return mayHaveRun
        ? failure('reset', 'broke the connection before the answer was whole')
        : failure('connect', 'could not be reached')
  }
}

function codeOf(error: Error): string {
  const { code } = error as Error & { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : ''
}
