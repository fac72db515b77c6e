import { isJsonObject, type JsonObject } from '../action/json.ts'
import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'

/** An entry of `browsers:`: an account, who may use it and where to. */
export interface BrowserRule {
  /** Names or globs. */
  readonly agents: readonly string[]
  readonly allow: readonly HostRule[]
  /** Names may also lead to private addresses, and to this machine. Addresses in `allow` themselves always do. */
  readonly private: boolean
  /** As written: texts, or `$NAME` of an environment variable. Never shown, never recorded. */
  readonly secrets: Readonly<Record<string, string>>
  /** After so long without a call the browser is closed, ms. */
  readonly idle: number
  readonly screenshots: boolean
}

/** A host of `allow`: `*` for all, `*.example.com` for every name below; `port: null` is 80 and 443. */
export interface HostRule {
  readonly host: string
  readonly port: number | null
}

/** What `browsers.ACCOUNT` may hold, after the schema was held against it. */
export interface BrowserEntry {
  readonly agents: readonly string[]
  readonly allow: readonly string[]
  readonly private?: boolean
  readonly secrets?: Readonly<Record<string, string>>
  readonly idle?: string
  readonly screenshots?: boolean
}

const IDLE = 600_000
const HOST = /^(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/

export function compileBrowsers(
  entries: Readonly<Record<string, BrowserEntry>>,
  report: Report,
): Readonly<Record<string, BrowserRule>> {
  const rules = Object.entries(entries).map(([account, entry]) => {
    const allow = entry.allow.flatMap((written, at) => {
      const rule = hostRule(written)
      if (rule !== undefined) return [rule]
      report(
        ['browsers', account, 'allow', at],
        'policy:browser_host',
        'a host as example.com, *.example.com, 127.0.0.1:8080 or *',
        written,
      )
      return []
    })
    const idle = parseDuration(entry.idle) ?? IDLE
    if (idle === 0) report(['browsers', account, 'idle'], 'policy:browser_idle', 'more than 0', '0')
    const rule: BrowserRule = Object.freeze({
      agents: Object.freeze([...entry.agents]),
      allow: Object.freeze(allow),
      private: entry.private ?? false,
      secrets: Object.freeze({ ...entry.secrets }),
      idle,
      screenshots: entry.screenshots ?? true,
    })
    return [account, rule] as const
  })
  return Object.freeze(Object.fromEntries(rules))
}

function hostRule(written: string): HostRule | undefined {
  const [, host = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(written.toLowerCase()) ?? []
  if (host.length > 253 || !HOST.test(host)) return undefined
  if (port === undefined) return Object.freeze({ host, port: null })
  const number = Number(port)
  return number >= 1 && number <= 65_535 && host !== '*' ? Object.freeze({ host, port: number }) : undefined
}

/** The document without the values of secrets, so that nothing that shows it shows those. */
export function withoutBrowserSecrets(document: JsonObject): JsonObject {
  const { browsers } = document
  if (!isJsonObject(browsers)) return document
  const shown = Object.entries(browsers).map(([account, entry]) => {
    if (!isJsonObject(entry) || !isJsonObject(entry['secrets'])) return [account, entry]
    const secrets = Object.fromEntries(
      Object.entries(entry['secrets']).map(([name, value]) => [
        name,
        typeof value === 'string' && value.startsWith('$') ? value : '(not shown)',
      ]),
    )
    return [account, { ...entry, secrets }]
  })
  return { ...document, browsers: Object.fromEntries(shown) as JsonObject }
}
