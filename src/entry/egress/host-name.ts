const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const MAX_NAME = 253

/**
 * The host in lower case; `undefined` for anything that is no name of a host: addresses in whatever encoding (a last
 * label that is a number makes one, WHATWG URL 3.5), trailing dots, bytes outside ASCII, percent-encoding.
 */
export function hostName(text: string): string | undefined {
  if (text.length === 0 || text.length > MAX_NAME) return undefined
  const host = text.toLowerCase()
  const labels = host.split('.')
  if (!labels.every((label) => LABEL.test(label))) return undefined
  const last = labels.at(-1)!
  return /^(?:\d+|0x[0-9a-f]*)$/.test(last) ? undefined : host
}

/** `host` or `host:port`. The host is not looked at; `undefined` for a port that is none. */
export function splitPort(
  authority: string,
): { readonly host: string; readonly port: number | null } | undefined {
  const colon = authority.lastIndexOf(':')
  if (colon === -1 || authority.endsWith(']')) return { host: authority, port: null }
  const port = authority.slice(colon + 1)
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return undefined
  return { host: authority.slice(0, colon), port: Number(port) }
}
