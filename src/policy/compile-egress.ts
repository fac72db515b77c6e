import type { BudgetWindow } from '../action/budget-window.ts'
import { globMatches } from '../action/glob.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { Report } from './compilation.ts'
import type { RateRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** An entry of `agents.NAME.egress`. */
export interface EgressRule {
  /** As written. */
  readonly host: string
  /** `null`: all. */
  readonly methods: ReadonlySet<string> | null
  readonly paths: readonly string[] | null
  readonly rate: RateRule | null
  readonly websocket: boolean
  readonly private: boolean
  readonly upstream: { readonly tls: boolean; readonly host: string; readonly port: number } | null
  readonly tls: 'intercept' | 'passthrough'
  readonly unreadBody: 'allow' | 'deny'
  /** Tells it from the other entries of the agent, also after the file has changed elsewhere. */
  readonly key: string
  readonly labels: readonly string[]
}

/** An entry of `secrets:`. */
export interface SecretRule {
  readonly name: string
  /** As written: the secret, or `$NAME` of an environment variable. Never shown, never recorded. */
  readonly value: string
  readonly hosts: readonly string[]
  readonly agents: readonly string[] | null
}

/** What `agents.NAME.egress` may hold, after the schema was held against it. */
export interface EgressEntry {
  readonly host: string
  readonly methods?: readonly string[]
  readonly paths?: readonly string[]
  readonly rate?: { readonly limit: number; readonly per: BudgetWindow }
  readonly websocket?: boolean
  readonly private?: boolean
  readonly upstream?: string
  readonly tls?: EgressRule['tls']
  readonly unread_body?: EgressRule['unreadBody']
}

/** What `secrets:` may hold. */
export type SecretEntries = Readonly<
  Record<
    string,
    { readonly value: string; readonly hosts: readonly string[]; readonly agents?: readonly string[] }
  >
>

const LABEL = /^[a-z0-9_*]([a-z0-9_*-]{0,61}[a-z0-9_*])?$/
const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/
const SECRET_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
/** Shorter ones would be found in places that have nothing to do with them. */
const MIN_SECRET = 8

/** Compiles `agents.NAME.egress`; `null` where there is none. */
export function compileEgress(
  entries: readonly EgressEntry[] | undefined,
  path: DocumentPath,
  report: Report,
): readonly EgressRule[] | null {
  if (entries === undefined) return null
  return Object.freeze(entries.map((entry, at) => compileEntry(entry, [...path, at], report)))
}

function compileEntry(entry: EgressEntry, path: DocumentPath, report: Report): EgressRule {
  checkHost(entry.host, [...path, 'host'], report)
  const passthrough = entry.tls === 'passthrough'
  if (passthrough && (entry.methods !== undefined || entry.paths !== undefined))
    report(
      [...path, 'tls'],
      'policy:egress',
      'intercept where methods or paths are said: nobody can tell them of encrypted bytes',
      'passthrough',
    )
  const { host, methods, paths, rate } = entry
  return Object.freeze({
    host,
    methods: methods === undefined ? null : new Set(methods),
    paths: paths ?? null,
    rate: rate === undefined ? null : { limit: rate.limit, per: rate.per },
    websocket: entry.websocket ?? false,
    private: entry.private ?? entry.upstream !== undefined,
    upstream: entry.upstream === undefined ? null : upstreamOf(entry.upstream, [...path, 'upstream'], report),
    tls: entry.tls ?? 'intercept',
    unreadBody: entry.unread_body ?? 'deny',
    key: `${methods?.join(',') ?? '*'} ${host}${paths?.join(',') ?? ''}`.slice(0, 300),
    labels: host.split('.'),
  })
}

function upstreamOf(text: string, path: DocumentPath, report: Report): EgressRule['upstream'] {
  if (!URL.canParse(text)) {
    report(path, 'policy:egress', 'a URL', 'none')
    return null
  }
  const url = new URL(text)
  if (
    url.username !== '' ||
    url.password !== '' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== ''
  )
    report(path, 'policy:egress', 'http(s)://host:port and nothing more', 'a user, path, ? or #')
  const tls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { tls, host, port: url.port === '' ? (tls ? 443 : 80) : Number(url.port) }
}

function checkHost(host: string, path: DocumentPath, report: Report): void {
  const labels = host.split('.')
  if (host === '*') return
  if (!labels.every((label) => LABEL.test(label)))
    report(path, 'policy:egress', 'a host in lower case, without port, or a glob of labels', host)
  else if (labels.slice(1).includes('*'))
    report(path, 'policy:egress', '* as a whole label at the beginning alone', host)
  else if (labels.length > 1 && !/[a-z]/.test(labels.at(-1)!))
    report(path, 'policy:egress', 'the name of a host: addresses in numbers are never admitted', host)
}

/** Compiles `secrets:`. Faults never quote a value. */
export function compileSecrets(
  entries: SecretEntries,
  agents: Readonly<Record<string, { readonly egress?: readonly EgressEntry[] } | null>>,
  report: Report,
): readonly SecretRule[] {
  const open = Object.entries(agents).filter(([, agent]) =>
    agent?.egress?.some((entry) => entry.tls === 'passthrough'),
  )
  return Object.entries(entries).map(([name, entry]) => {
    const path: DocumentPath = ['secrets', name]
    const { value, hosts } = entry
    if (value.startsWith('$') ? !VARIABLE.test(value) : !usable(value))
      report(
        [...path, 'value'],
        'policy:secret',
        `$NAME of a variable, or at least ${MIN_SECRET} characters that can be sent in a header`,
        'something else',
      )
    for (const [at, host] of hosts.entries()) {
      checkHost(host, [...path, 'hosts', at], report)
      if (host === '*') report([...path, 'hosts', at], 'policy:secret', 'the hosts that it is for', '*')
    }
    for (const [agent, given] of open) {
      if (entry.agents !== undefined && !entry.agents.some((pattern) => overlaps(pattern, agent))) continue
      for (const [at, rule] of (given?.egress ?? []).entries()) {
        if (rule.tls === 'passthrough' && hosts.some((host) => overlaps(host, rule.host)))
          report(
            ['agents', agent, 'egress', at, 'tls'],
            'policy:secret',
            `intercept: the secret ${name} goes to this host, and cannot be put into encrypted bytes`,
            'passthrough',
          )
      }
    }
    return Object.freeze({ name, value, hosts, agents: entry.agents ?? null })
  })
}

/** Whether a value can be a secret: long enough to be told from other text, and can stand in a header. */
export function usable(value: string): boolean {
  return value.length >= MIN_SECRET && SECRET_VALUE.test(value)
}

/** Whether some name may fit both; rather `true` too often than once too seldom. */
function overlaps(a: string, b: string): boolean {
  if (globMatches(a, b) || globMatches(b, a)) return true
  if (!a.includes('*') || !b.includes('*')) return false
  const [endA, endB] = [a.slice(a.lastIndexOf('*') + 1), b.slice(b.lastIndexOf('*') + 1)]
  return endA.endsWith(endB) || endB.endsWith(endA)
}

/** The file as it may be shown: values of secrets are hidden, `$NAME` stays. */
export function withoutSecrets(content: JsonObject): JsonObject {
  const { secrets } = content
  if (!isJsonObject(secrets)) return content
  const shown = Object.entries(secrets).map(([name, entry]) => [name, withoutValue(entry)] as const)
  return { ...content, secrets: Object.fromEntries(shown) }
}

function withoutValue(entry: JsonValue): JsonValue {
  if (!isJsonObject(entry)) return entry
  const { value } = entry
  return { ...entry, value: typeof value === 'string' && VARIABLE.test(value) ? value : '(hidden)' }
}
