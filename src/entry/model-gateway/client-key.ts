import type { IncomingHttpHeaders } from 'node:http'

const MAX_KEY = 1_024
const BELAY_KEY = 'blk_'
/** Parameters in which a client or a web console puts a credential (Gemini: `key`, `access_token`). */
const KEY_PARAMETERS = new Set(['key', 'access_token', 'oauth_token', 'api_key', 'api-key'])

/**
 * The key that the agent sent, from wherever its provider's client puts it: `Authorization: Bearer`, `x-api-key`,
 * `api-key`, `x-goog-api-key`, or `?key=`. When there are several, the first that looks like one of Belay's; some clients
 * send a second of their own. `undefined` when there is none. Not yet checked.
 */
export function keyOf(headers: IncomingHttpHeaders, url: string): string | undefined {
  let first: string | undefined
  for (const key of [
    bearerOf(headers.authorization),
    headers['x-api-key'],
    headers['api-key'],
    headers['x-goog-api-key'],
  ]) {
    if (typeof key !== 'string' || key === '' || key.length > MAX_KEY) continue
    if (key.startsWith(BELAY_KEY)) return key
    first ??= key
  }
  const inQuery = url.includes('?') ? keyInQuery(url) : undefined
  return inQuery?.startsWith(BELAY_KEY) === true ? inQuery : (first ?? inQuery)
}

/** The address without the parameters that hold a key: what may be sent on, recorded and logged. */
export function withoutKey(url: string): string {
  const start = url.indexOf('?')
  if (start === -1) return url
  const query = url.slice(start + 1)
  const kept = query
    .split('&')
    .filter((pair) => !KEY_PARAMETERS.has(nameOf(pair)) && !pair.includes(BELAY_KEY))
  return kept.length === 0 ? url.slice(0, start) : `${url.slice(0, start)}?${kept.join('&')}`
}

function keyInQuery(url: string): string | undefined {
  for (const pair of url.slice(url.indexOf('?') + 1).split('&')) {
    if (nameOf(pair) !== 'key') continue
    const value = decoded(pair.slice(pair.indexOf('=') + 1))
    if (pair.includes('=') && value !== '' && value.length <= MAX_KEY) return value
  }
  return undefined
}

function nameOf(pair: string): string {
  const end = pair.indexOf('=')
  return decoded(end === -1 ? pair : pair.slice(0, end)).toLowerCase()
}

function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_KEY + 7) return undefined
  return header.slice(0, 7).toLowerCase() === 'bearer ' ? header.slice(7).trim() : undefined
}
