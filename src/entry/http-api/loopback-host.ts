import { BelayError } from '../../errors/catalogue.ts'

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1', '[::1]'])

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host.toLowerCase())
}

/**
 * A web page can point its own name at 127.0.0.1 (DNS rebinding) and then talk to a local server as if it were
 * its own. The Host header gives it away. Throws `auth:forbidden` for a name that isn't this machine's.
 */
export function checkLoopbackHost(header: string | undefined): void {
  const host = header ?? ''
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase()
  if (name === '127.0.0.1' || name === 'localhost' || name === '[::1]') return
  const who = `A request for the host ${JSON.stringify(host.slice(0, 100))}`
  throw new BelayError('auth:forbidden', { who, what: 'reach a Belay that is bound to this machine' })
}
