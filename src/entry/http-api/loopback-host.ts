import { BelayError } from '../../errors/catalogue.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether an address to bind is this machine's alone (RFC 6890). */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/**
 * A web page can point its own name at 127.0.0.1 (DNS rebinding) and then talk to a local server as if it were
 * its own. The Host header gives it away. Throws `auth:forbidden` for a name that is neither this machine's nor the one
 * of `publicUrl`, at which a proxy answers.
 */
export function checkLoopbackHost(header: string | undefined, publicUrl: string | null = null): void {
  const host = header ?? ''
  if (isLoopback(host.replace(/:\d{1,5}$/, ''))) return
  if (publicUrl !== null && new URL(publicUrl).host === host.toLowerCase()) return
  const who = `A request for the host ${JSON.stringify(host.slice(0, 100))}`
  throw new BelayError('auth:forbidden', { who, what: 'reach a Belay that is bound to this machine' })
}
