import type { EgressRefusal } from '../../policy/egress-refusals.ts'
import type { Place } from './agent-connection.ts'
import { hostName, splitPort } from './host-name.ts'
import { valueOf, type RequestHead } from './http1/head.ts'

/** Where a request goes, in words that mean the same to everybody. */
export interface Target {
  readonly scheme: 'http' | 'https'
  readonly host: string
  /** As it is sent: path and query. */
  readonly path: string
  /** What is judged: without the query, and without encoding where none is needed. */
  readonly pathname: string
}

/** Why a request cannot be served; `host` and `path` as far as they are known, for the record. */
export interface BadTarget {
  readonly refused: EgressRefusal
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly pathname: string
}

const ABSOLUTE = /^http:\/\/([^/?#]*)(.*)$/i
const MAX_SHOWN = 300

/** Every way of saying the host has to say the same one: the address connected to, the TLS handshake, the request. */
export function targetOf(place: Place, head: RequestHead): Target | BadTarget {
  const { scheme, pinned, proxy } = place
  const said = valueOf(head.headers, 'host') ?? ''
  let path = head.target
  let authority = said
  const bad = (refused: EgressRefusal): BadTarget => ({
    refused,
    scheme,
    host: (hostName(splitPort(authority)?.host ?? '') ?? pinned ?? shown(authority || place.address)).slice(
      0,
      MAX_SHOWN,
    ),
    pathname: shown(path.split('?')[0]!),
  })
  if (proxy) {
    const absolute = ABSOLUTE.exec(head.target)
    if (absolute === null) return bad('egress:target')
    authority = absolute[1]!
    path = absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]!}`
    if (withoutDefault(authority, 80) !== withoutDefault(said, 80)) return bad('egress:host_mismatch')
  }
  if (path === '*' && head.method === 'OPTIONS') path = '/'
  if (!path.startsWith('/') || path.includes('#') || path.includes('\\')) return bad('egress:target')
  const split = splitPort(authority)
  if (split === undefined) return bad('egress:port')
  const host = hostName(split.host)
  if (host === undefined) return bad(isNumber(split.host) ? 'egress:address' : 'egress:host')
  if (pinned === null && !proxy) return bad('egress:address')
  if (pinned !== null && pinned !== host) return bad('egress:host_mismatch')
  if (split.port !== null && split.port !== (scheme === 'https' ? 443 : 80)) return bad('egress:port')
  const pathname = path.split('?', 1)[0]!
  if (hasDots(pathname)) return bad('egress:path')
  if (isOverridden(head, host)) return bad('egress:override')
  return { scheme, host, path, pathname: decoded(pathname) }
}

/**
 * Servers differ in what they do to a path before they look at its dots: they decode it once or twice, overlong UTF-8
 * too, and cut parameters (`..;x`) and what follows a zero byte. So none may be there in any form.
 */
function hasDots(pathname: string): boolean {
  if (!/[.%]/.test(pathname)) return false
  let plain = pathname
  for (let times = 0; times < 3; times++) plain = plain.replaceAll('%25', '%')
  plain = plain.replace(/%2e|%(?:c0|e0%80)%ae/gi, '.').replace(/%2f|%5c|%(?:c0|e0%80)%af/gi, '/')
  return plain.split('/').some((segment) => /^\.\.?(?:$|;|%3b|%00)/i.test(segment))
}

/** As everybody reads it: of the characters that need no encoding, none is encoded (RFC 3986, 6.2.2.2). */
function decoded(pathname: string): string {
  if (!pathname.includes('%')) return pathname
  return pathname.replace(/%[2-7][0-9a-f]/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : code
  })
}

/** By which frameworks and proxies let a client say another method, path or host than those of its request. */
const OVERRIDES: Readonly<Record<string, 'method' | 'path' | 'host'>> = {
  'x-http-method-override': 'method',
  'x-http-method': 'method',
  'x-method-override': 'method',
  'x-original-url': 'path',
  'x-original-uri': 'path',
  'x-rewrite-url': 'path',
  'x-forwarded-host': 'host',
  'x-http-host-override': 'host',
  'x-host': 'host',
}

function isOverridden({ method, target, headers }: RequestHead, host: string): boolean {
  return headers.some(({ lower, value }) => {
    const what = Object.hasOwn(OVERRIDES, lower) ? OVERRIDES[lower] : undefined
    if (what === undefined) return false
    return what === 'method' ? value !== method : value.toLowerCase() !== (what === 'host' ? host : target)
  })
}

function withoutDefault(authority: string, port: number): string {
  const text = authority.toLowerCase()
  return text.endsWith(`:${port}`) ? text.slice(0, -`:${port}`.length) : text
}

function isNumber(host: string): boolean {
  return /^[\d.]+$|^\[|^0x|:/i.test(host)
}

function shown(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, MAX_SHOWN)
}
