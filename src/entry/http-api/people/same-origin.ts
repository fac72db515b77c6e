import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { BelayError } from '../../../errors/catalogue.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
export const CSRF_HEADER = 'belay-csrf'

/** Goes with every change that a page asks for; nobody knows it who does not know the login's secret. */
export function csrfTokenOf(secret: string): string {
  return hash('sha256', `belay csrf ${secret}`, 'base64url')
}

/**
 * Whether the browser says that the request comes from elsewhere. Other ports of the same host are elsewhere, though
 * their requests carry cookies of `SameSite=Strict`.
 */
export function isFromElsewhere(request: FastifyRequest, publicUrl: string | null): boolean {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  return origin !== undefined && !isOwnOrigin(origin, request.headers.host, publicUrl)
}

/** Throws `auth:csrf` for a change that does not prove that a page of ours asks for it. */
export function checkSameOrigin(request: FastifyRequest, secret: string, publicUrl: string | null): void {
  if (isFromElsewhere(request, publicUrl))
    throw new BelayError('auth:csrf', { cause: 'it comes from elsewhere' })
  if (SAFE.has(request.method)) return
  // `none` is said of what a person typed or followed from outside the browser; no page of ours changes anything so.
  const proven = request.headers['sec-fetch-site'] === 'same-origin' || request.headers.origin !== undefined
  if (!proven)
    throw new BelayError('auth:csrf', { cause: 'neither Sec-Fetch-Site nor Origin says where it comes from' })
  const sent = request.headers[CSRF_HEADER]
  const token = typeof sent === 'string' ? sent : ''
  const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
  if (!timingSafeEqual(digest(token), digest(csrfTokenOf(secret))))
    throw new BelayError('auth:csrf', { cause: 'the header Belay-CSRF is missing or wrong' })
}

/** Behind a proxy the scheme is not known here; the host is the browser's own word. */
function isOwnOrigin(origin: string, host: string | undefined, publicUrl: string | null): boolean {
  if (publicUrl !== null && origin === publicUrl) return true
  const url = URL.parse(origin)
  if (url === null || host === undefined || url.origin !== origin) return false
  if (publicUrl !== null && new URL(publicUrl).host === url.host) return false
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.host === host.toLowerCase()
}
