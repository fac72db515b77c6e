import type { FastifyRequest } from 'fastify'

/** How a cookie of ours travels to this request's origin. */
export interface CookieTransport {
  /** Only over TLS, and then under a name that no other host can set (`__Host-`, RFC 6265bis). */
  readonly secure: boolean
  /** Cookies do not know ports: two harnesses on one machine would take each other's for their own. */
  readonly port: string
}

/** https is what the policy says of its own address; a header that claims it could be anybody's. */
export function transportOf(request: FastifyRequest, publicUrl: string | null): CookieTransport {
  const host = request.headers.host ?? ''
  const known = publicUrl === null ? null : new URL(publicUrl)
  const secure = known !== null && known.protocol === 'https:' && known.host === host.toLowerCase()
  return { secure, port: /:(\d{1,5})$/.exec(host)?.[1] ?? '80' }
}

export type CookieName = 'login' | 'attempt'

function nameOf(name: CookieName, { secure, port }: CookieTransport): string {
  return secure ? `__Host-belay-${name}` : `belay-${name}-${port}`
}

/** `Strict` is never sent along from elsewhere; `Lax` is, when somebody follows a link here. */
export function writeCookie(
  name: CookieName,
  value: string,
  transport: CookieTransport,
  { seconds, sameSite }: { readonly seconds: number; readonly sameSite: 'Strict' | 'Lax' },
): string {
  const secure = transport.secure ? '; Secure' : ''
  return `${nameOf(name, transport)}=${value}; Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${seconds}${secure}`
}

export function dropCookie(name: CookieName, transport: CookieTransport): string {
  return writeCookie(name, '', transport, { seconds: 0, sameSite: name === 'login' ? 'Strict' : 'Lax' })
}

/** `undefined` when there is none, or more than one: who put the other there? */
export function readCookie(
  header: string | undefined,
  name: CookieName,
  transport: CookieTransport,
): string | undefined {
  if (header === undefined || header.length > 16_384) return undefined
  const wanted = `${nameOf(name, transport)}=`
  const found = header.split(';').filter((part) => part.trimStart().startsWith(wanted))
  return found.length === 1 ? found[0]!.trim().slice(wanted.length) : undefined
}
