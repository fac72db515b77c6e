import type { Provider } from '../providers/provider.ts'

/** Where a provider is called and what is added to each call, worked out once for each provider. */
export interface ProviderRoute {
  readonly origin: string
  /** Path of the base URL without its last slash; empty for a bare host. */
  readonly prefix: string
  /** Query of the base URL without the question mark; empty without one. */
  readonly query: string
  /** Names and values by turns, as the dispatcher takes them. Holds the provider's key: never log it. */
  readonly fixed: readonly string[]
  /** Lower-case names in `fixed`: what the agent sent under them does not go out. */
  readonly fixedNames: ReadonlySet<string>
}

const ANTHROPIC_VERSION = '2023-06-01'
/** The dispatcher frames the message; a policy that sets these would break the framing. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** `.` and `..` as a segment, plain or percent-encoded, between any kind of slash. */
const DOT_SEGMENT = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=$|[/\\?#]|%2f|%5c)/i
const routes = new WeakMap<Provider, ProviderRoute>()

/** Throws a `TypeError` when the base URL is none of HTTP. */
export function routeOf(provider: Provider): ProviderRoute {
  const known = routes.get(provider)
  if (known !== undefined) return known
  const url = new URL(provider.baseUrl)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new TypeError(`the base URL of ${provider.name} is not http or https`)
  const headers = new Map<string, string>([['accept-encoding', 'identity']])
  if (provider.key !== null) headers.set(...credentialOf(provider, provider.key))
  for (const [name, value] of Object.entries(provider.headers)) {
    const lower = name.toLowerCase()
    if (!FRAMING.has(lower)) headers.set(lower, value)
  }
  const route: ProviderRoute = {
    origin: url.origin,
    prefix: url.pathname.replace(/\/$/, ''),
    query: url.search.slice(1),
    fixed: [...headers].flat(),
    fixedNames: new Set(headers.keys()),
  }
  routes.set(provider, route)
  return route
}

function credentialOf({ protocol }: Provider, key: string): [name: string, value: string] {
  switch (protocol) {
    case 'openai':
      return ['authorization', `Bearer ${key}`]
    case 'anthropic':
      return ['x-api-key', key]
    case 'gemini':
      return ['x-goog-api-key', key]
  }
}

/**
 * The request target for a path behind the base URL; `undefined` for a path that could leave the base URL, which
 * is what `..` is for.
 */
export function targetOf(route: ProviderRoute, path: string): string | undefined {
  const start = path.indexOf('?')
  const pure = start === -1 ? path : path.slice(0, start)
  if (pure !== '' && pure[0] !== '/') return undefined
  if (pure.includes('#') || DOT_SEGMENT.test(pure)) return undefined
  const query = start === -1 ? '' : path.slice(start + 1)
  const joined = route.query === '' ? query : query === '' ? route.query : `${route.query}&${query}`
  const target = route.prefix + pure || '/'
  return joined === '' ? target : `${target}?${joined}`
}

/** The headers that go out: the agent's, with those of the provider in place of the agent's of the same name. */
export function outgoingHeaders(
  provider: Provider,
  route: ProviderRoute,
  headers: Readonly<Record<string, string>>,
): string[] {
  const out = route.fixed.slice()
  for (const name in headers) {
    if (!route.fixedNames.has(name) && !isCredential(name)) out.push(name, headers[name]!)
  }
  if (provider.protocol === 'anthropic' && !('anthropic-version' in headers)) {
    if (!route.fixedNames.has('anthropic-version')) out.push('anthropic-version', ANTHROPIC_VERSION)
  }
  return out
}

/** The agent's own key must not go out even where the provider takes none. */
function isCredential(name: string): boolean {
  return name === 'authorization' || name === 'x-api-key' || name === 'x-goog-api-key' || name === 'api-key'
}
