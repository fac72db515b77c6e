import type { IncomingMessage } from 'node:http'
import type { Tags } from '../../action/tags.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { readTags } from '../tags.ts'
import { isLoopback } from '../http-api/loopback-host.ts'
import { declaredVersion, paramsOf, STATELESS_SINCE, type Request } from './message.ts'
import { headerText } from './mirrored-headers.ts'

/** Versions of the protocol that begin with `initialize`. */
export const HANDSHAKE_VERSIONS: ReadonlySet<string> = new Set([
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
])
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** Whether a version has no handshake (MCP 2026-07-28 and later). */
export function isStatelessVersion(version: string | string[] | undefined): boolean {
  return typeof version === 'string' && /^\d{4}-\d\d-\d\d$/.test(version) && version >= STATELESS_SINCE
}

/**
 * Browsers say where a page comes from; a page from elsewhere may not use what this machine serves (DNS rebinding, MCP
 * Streamable HTTP, Security). Programs send no Origin.
 */
export function mayCall(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  return url.host === host || isLoopback(url.hostname)
}

/** Headers that say something else than the message they mirror; a sentence, or `null`. */
export function headerMismatch({ headers }: IncomingMessage, message: Request): string | null {
  const params = paramsOf(message)
  if (headers['mcp-protocol-version'] !== declaredVersion(message))
    return 'MCP-Protocol-Version and the version in _meta differ'
  if (headers['mcp-method'] !== message.method) return 'Mcp-Method and the method of the message differ'
  const field = Object.hasOwn(NAMED, message.method) ? NAMED[message.method] : undefined
  if (field === undefined) return null
  const sent = headers['mcp-name']
  return typeof sent === 'string' && headerText(sent) === params[field]
    ? null
    : `Mcp-Name and ${field} of the message differ`
}

const SESSION_NAME = /^[\x20-\x7e]{1,200}$/

/** What the client calls its session: the same header as on the model gateway. */
function sessionName({ headers }: IncomingMessage): string | null {
  const name = headers['belay-session']
  return typeof name === 'string' && SESSION_NAME.test(name) ? name : null
}

/** What the record keeps of who calls. To be asked when `tagsFault` finds none. */
export function callerOf(request: IncomingMessage): {
  readonly session: string | null
  readonly tags: Tags | undefined
} {
  return { session: sessionName(request), tags: readTags(tagsHeader(request)) }
}

/** What is wrong with the tags; `null` for nothing. */
export function tagsFault(request: IncomingMessage): string | null {
  try {
    readTags(tagsHeader(request))
    return null
  } catch (error) {
    if (error instanceof BelayError) return error.message
    throw error
  }
}

function tagsHeader({ headers }: IncomingMessage): string | undefined {
  const value = headers['belay-tags']
  return Array.isArray(value) ? value.join(',') : value
}
