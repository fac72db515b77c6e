/** Meant for one connection (RFC 9110 §7.6.1), or about how this one message is framed. */
const CONNECTION = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
]

const NOT_SENT = new Set([
  ...CONNECTION,
  'host',
  'expect',
  // The upstream client asks for what it can read, and the body arrives decoded.
  'accept-encoding',
  'content-encoding',
  // Where the key for Belay may lie. The provider's key is put in later.
  'authorization',
  'x-api-key',
  'x-goog-api-key',
  'api-key',
  'cookie',
  'cookie2',
  // Who is billed is for the policy to say, as the key is.
  'openai-organization',
  'openai-project',
  'x-goog-user-project',
  // Who the agent is on the network is not the provider's business.
  'forwarded',
  'via',
  'x-real-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'origin',
  'referer',
  // Some servers run another method or path than the one that was judged when these ask for it.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
  // No header of an object that is read by its names.
  '__proto__',
])
const NOT_SENT_PREFIXES = ['belay-', 'x-forwarded-', 'sec-', 'access-control-']

const NOT_GIVEN = new Set([
  ...CONNECTION.filter((name) => name !== 'content-length'),
  'set-cookie',
  'set-cookie2',
  'openai-organization',
  'openai-project',
  // Said of the provider's own host, these would be taken as said of this one.
  'alt-svc',
  'strict-transport-security',
  'public-key-pins',
  'clear-site-data',
  'content-security-policy',
  'content-security-policy-report-only',
  'nel',
  'report-to',
  'reporting-endpoints',
  'timing-allow-origin',
  '__proto__',
])
/** Would let any web page read what a local gateway answers. */
const NOT_GIVEN_PREFIXES = ['access-control-', 'cross-origin-', 'belay-', 'proxy-']
/** True of the bytes that the provider sent and of no others. */
const OF_THE_BYTES = new Set([
  'content-length',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'etag',
  'accept-ranges',
  'content-range',
])
const AGENT_KEY = 'blk_'

/**
 * The headers of an agent's request that go on to the provider, by their lower-case names, from node's
 * `rawHeaders`. Trace context and the vendors' own headers (`anthropic-beta`, `openai-beta`, `idempotency-key` …) stay;
 * organisation and project headers do not: the policy sets them under `providers:`. A value that holds an agent's
 * key is dropped under whatever name it came. Repeated ones are joined as lists (RFC 9110 §5.3).
 */
export function requestHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const out: Record<string, string> = {}
  let named: Set<string> | null = null
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    const value = rawHeaders[index + 1]!
    if (name === 'connection') named = withConnectionOptions(named, value)
    if (NOT_SENT.has(name) || startsWithAny(name, NOT_SENT_PREFIXES) || value.includes(AGENT_KEY)) continue
    const before = out[name]
    out[name] = before === undefined || !Object.hasOwn(out, name) ? value : `${before}, ${value}`
  }
  if (named !== null) for (const name of named) delete out[name]
  return out
}

/**
 * The headers of a provider's answer that go on to the agent. Rate limits, request ids and `retry-after` stay.
 * `rewritten`: the body may not be the provider's bytes, so what is said of those is left out.
 */
export function responseHeaders(
  headers: Readonly<Record<string, string | readonly string[]>>,
  { rewritten }: { readonly rewritten: boolean },
): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {}
  const connection = headers['connection']
  const named =
    connection === undefined
      ? null
      : withConnectionOptions(null, typeof connection === 'string' ? connection : connection.join(','))
  for (const name in headers) {
    if (NOT_GIVEN.has(name) || startsWithAny(name, NOT_GIVEN_PREFIXES) || named?.has(name) === true) continue
    if (rewritten && OF_THE_BYTES.has(name)) continue
    const value = headers[name]!
    out[name] = typeof value === 'string' ? value : [...value]
  }
  return out
}

function startsWithAny(name: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true
  return false
}

/** `null` for the everyday values, which name no header. */
function withConnectionOptions(named: Set<string> | null, value: string): Set<string> | null {
  const lower = value.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close' || lower === '') return named
  const all = named ?? new Set<string>()
  for (const option of lower.split(',')) all.add(option.trim())
  return all
}
