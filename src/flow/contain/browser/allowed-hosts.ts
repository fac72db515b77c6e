import { isIP } from 'node:net'
import type { HostRule } from '../../../policy/compile-browser.ts'

/** Where no request leaves the browser for: pages of its own, and what is in the address itself. */
const LOCAL = new Set(['data:', 'blob:'])
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443 }

/** Whether a page may ask for this address. Only http, https and WebSockets ever reach a host. */
export function mayReach(rules: readonly HostRule[], address: string): boolean {
  const url = URL.parse(address)
  if (url === null) return false
  if (LOCAL.has(url.protocol)) return true
  const standard = PORTS[url.protocol]
  if (standard === undefined || url.username !== '' || url.password !== '') return false
  const port = url.port === '' ? standard : Number(url.port)
  return rules.some((rule) => {
    if (rule.host === '*') return true
    const rightPort = rule.port === null ? port === 80 || port === 443 : port === rule.port
    return rightPort && fits(rule.host, url.hostname)
  })
}

/** Whether a rule names the address itself, or this machine: whoever wrote that means what is there. */
export function isNear(rules: readonly HostRule[], { hostname }: URL): boolean {
  const named = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0 || /(?:^|\.)localhost\.?$/.test(hostname)
  return named && rules.some(({ host }) => host !== '*' && fits(host, hostname))
}

/** Whether an agent may send the browser there: a host of the account, over http or https. */
export function mayGoTo(rules: readonly HostRule[], address: string): boolean {
  return /^https?:\/\//i.test(address) && mayReach(rules, address)
}

function fits(pattern: string, host: string): boolean {
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern
}

/**
 * For `--host-resolver-rules`: names outside the rules do not resolve, whoever in the browser asks: pages, workers,
 * prefetching, extensions. `null`: all are allowed.
 */
export function resolverRules(rules: readonly HostRule[]): string | null {
  if (rules.some(({ host }) => host === '*')) return null
  return ['MAP * ~NOTFOUND', ...new Set(rules.map(({ host }) => `EXCLUDE ${host}`))].join(' , ')
}
