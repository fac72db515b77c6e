import type { Reason } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import { PROBLEM_TYPE } from '../http-api/problem.ts'

/** A refusal as the agent gets it: RFC 9457, with a status that no client tries again by itself. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly more?: JsonObject
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

export function refusalOf(reasons: readonly Reason[], more: JsonObject): Refusal {
  const [first] = reasons
  return {
    status: 403,
    code: first?.code ?? 'policy:denied',
    detail: reasons.map(({ message }) => message).join(' ') || 'The policy denies this request.',
    more: { ...more, reasons: reasons.map(({ code, message }) => ({ code, message })) },
  }
}

/** The line that a person can add to the policy, so that the request would be admitted. */
export function entryFor(agent: string, method: string, host: string, path: string): string {
  const quoted = JSON.stringify({ host, methods: [method], paths: [path.slice(0, 200)] })
  return `agents.${agent}.egress: - ${quoted}`
}

/** The whole answer. `head`: the request was HEAD, whose answers have no body. */
export function refusalBytes({ status, code, detail, more }: Refusal, close: boolean, head: boolean): Buffer {
  const body = Buffer.from(
    JSON.stringify({
      type: `urn:belay:error:${code}`,
      title: 'Belay refused the request',
      status,
      detail,
      code,
      ...more,
    }),
  )
  const lines =
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\n` +
    `Cache-Control: no-store\r\nX-Should-Retry: false\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
  return head ? Buffer.from(lines, 'latin1') : Buffer.concat([Buffer.from(lines, 'latin1'), body])
}
