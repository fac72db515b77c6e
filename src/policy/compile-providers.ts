import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { Report } from './compilation.ts'
import { didYouMean } from './did-you-mean.ts'
import { parseDuration } from './duration.ts'
import { isVendorName, VENDOR_PROTOCOLS } from './known-vendors.ts'
import type { ModelDeclaration, Policy, ProviderRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What `providers.X` may hold, after the schema was held against it. */
export interface ProviderEntry {
  readonly protocol?: NonNullable<ProviderRule['protocol']>
  readonly base_url?: string
  readonly api_key?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly models?: Readonly<Record<string, ModelEntry>>
  readonly timeouts?: { readonly connect?: string; readonly first_byte?: string; readonly idle?: string }
  readonly drain?: string
}

interface ModelEntry {
  readonly input_usd_per_mtok?: number
  readonly output_usd_per_mtok?: number
  readonly cache_read_usd_per_mtok?: number
  readonly cache_write_usd_per_mtok?: number
  readonly context_window?: number
  readonly max_output_tokens?: number
}

/** First path segments that Belay itself answers: a provider of that name could not be reached. */
const OWN_PATHS: ReadonlySet<string> = new Set([
  'v1',
  'mcp',
  'healthz',
  'readyz',
  'metrics',
  'openapi.json',
  'console',
  'assets',
])

/** Headers that frame the message or belong to one connection (RFC 9110, 7.6.1; RFC 9112): the gateway sets them. */
const FRAMING: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'accept-encoding',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
])

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/

/** Compiles `providers:`. Faults never quote a key or the value of a header. */
export function compileProviders(
  entries: Readonly<Record<string, ProviderEntry | null>>,
  report: Report,
): Policy['providers'] {
  const compiled = Object.entries(entries).map(([name, entry]) => {
    const path: DocumentPath = ['providers', name]
    if (OWN_PATHS.has(name)) report(path, 'policy:provider', 'a name that is no path of Belay itself', name)
    return [name, compileProvider(name, entry ?? {}, path, report)] as const
  })
  return Object.freeze(Object.fromEntries(compiled))
}

function compileProvider(
  name: string,
  entry: ProviderEntry,
  path: DocumentPath,
  report: Report,
): ProviderRule {
  if (!isVendorName(name) && entry.base_url === undefined)
    report(
      path,
      'policy:provider',
      `base_url, or the name of a vendor that Belay knows: ${Object.keys(VENDOR_PROTOCOLS).join(', ')}${didYouMean(name, Object.keys(VENDOR_PROTOCOLS))}`,
      `${name} without base_url`,
    )
  checkKey(entry.api_key, [...path, 'api_key'], report)
  for (const [header, value] of Object.entries(entry.headers ?? {}))
    checkHeader(header, value, [...path, 'headers', header], report)
  const { connect, first_byte: firstByte, idle } = entry.timeouts ?? {}
  return Object.freeze({
    protocol: entry.protocol ?? (isVendorName(name) ? null : 'openai'),
    baseUrl: entry.base_url === undefined ? null : baseUrl(entry.base_url, [...path, 'base_url'], report),
    apiKey: entry.api_key ?? null,
    headers: Object.freeze({ ...entry.headers }),
    models: Object.freeze(
      Object.fromEntries(Object.entries(entry.models ?? {}).map(([id, model]) => [id, declaration(model)])),
    ),
    timeouts: Object.freeze({
      ...(connect !== undefined && { connect: positive(connect, [...path, 'timeouts', 'connect'], report) }),
      ...(firstByte !== undefined && {
        firstByte: positive(firstByte, [...path, 'timeouts', 'first_byte'], report),
      }),
      ...(idle !== undefined && { idle: positive(idle, [...path, 'timeouts', 'idle'], report) }),
    }),
    drain: parseDuration(entry.drain) ?? null,
  })
}

function declaration(model: ModelEntry): ModelDeclaration {
  return Object.freeze({
    input: model.input_usd_per_mtok ?? null,
    output: model.output_usd_per_mtok ?? null,
    cacheRead: model.cache_read_usd_per_mtok ?? null,
    cacheWrite: model.cache_write_usd_per_mtok ?? null,
    contextWindow: model.context_window ?? null,
    maxOutput: model.max_output_tokens ?? null,
  })
}

function positive(duration: string, path: DocumentPath, report: Report): number {
  const ms = parseDuration(duration) ?? 0
  if (ms === 0) report(path, 'policy:provider', 'more than 0', duration)
  return ms
}

/** Without the slash at its end, so that paths can be appended. Credentials would end up in records and messages. */
function baseUrl(text: string, path: DocumentPath, report: Report): string {
  const refuse = (expected: string, found: string): string => {
    report(path, 'policy:provider', expected, found)
    return text
  }
  if (!URL.canParse(text)) return refuse('a URL', 'none')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return refuse('a URL without a user; use api_key or headers', 'a user or password')
  if (url.search !== '' || url.hash !== '') return refuse('a URL without ? and #', 'one with them')
  return url.href.replace(/\/+$/, '')
}

function checkKey(key: string | undefined, path: DocumentPath, report: Report): void {
  if (key === undefined) return
  if (key.startsWith('$')) {
    if (!VARIABLE.test(key)) report(path, 'policy:provider', 'the key, or $NAME of a variable', 'another $')
  } else if (!HEADER_VALUE.test(key) || key.trim() !== key)
    report(
      path,
      'policy:provider',
      'a key that can be sent in a header',
      'spaces around it or a control character',
    )
}

function checkHeader(name: string, value: string, path: DocumentPath, report: Report): void {
  if (!HEADER_NAME.test(name)) report(path, 'policy:provider', 'the name of a header', 'another text')
  else if (FRAMING.has(name.toLowerCase()))
    report(path, 'policy:provider', 'a header that the gateway does not set itself', name)
  if (!HEADER_VALUE.test(value))
    report(path, 'policy:provider', 'a value that can be sent in a header', 'a control character')
}

/** The file as it may be shown: literal keys and header values of providers are hidden, `$NAME` stays. */
export function withoutKeys(content: JsonObject): JsonObject {
  const { providers } = content
  if (!isJsonObject(providers)) return content
  const shown = Object.entries(providers).map(([name, entry]) => [name, withoutKey(entry)] as const)
  return { ...content, providers: Object.fromEntries(shown) }
}

function withoutKey(entry: JsonValue): JsonValue {
  if (!isJsonObject(entry)) return entry
  const { api_key: key, headers } = entry
  return {
    ...entry,
    ...(key !== undefined && { api_key: hidden(key) }),
    ...(isJsonObject(headers) && {
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hidden(value)])),
    }),
  }
}

function hidden(value: JsonValue): JsonValue {
  return typeof value === 'string' && VARIABLE.test(value) ? value : '(hidden)'
}
