import type { Policy } from '../../policy/policy.ts'
import { VENDORS } from '../model-gateway/providers/vendors.ts'
import { hostName } from './host-name.ts'
import type { Header } from './http1/head.ts'

/** Where an agent in a sandbox finds the harness itself, with its own key put in for it. */
export const HARNESS_HOST = 'belay.internal'

/** A provider of models behind the model gateway: its name there, and what stands before the version in its paths. */
export interface ModelHost {
  /** `null`: the harness itself, whose paths stay as they are. */
  readonly provider: string | null
  readonly prefix: string
}

const known = new WeakMap<Policy, ReadonlyMap<string, ModelHost>>()

/** Hosts of the vendors that the model gateway knows, of the policy's own providers, and of the harness. Worked out once for each policy. */
export function modelHosts(policy: Policy): ReadonlyMap<string, ModelHost> {
  const found = known.get(policy)
  if (found !== undefined) return found
  const hosts = new Map<string, ModelHost>()
  const add = (provider: string, baseUrl: string): void => {
    const url = new URL(baseUrl)
    const host = hostName(url.hostname)
    if (host === undefined || host === 'localhost') return
    const prefix = url.pathname.replace(/\/+$/, '').replace(/\/v\d+(?:alpha|beta)?\d*$/, '')
    hosts.set(host, { provider, prefix })
  }
  for (const { name, baseUrl, local } of VENDORS) if (local !== true) add(name, baseUrl)
  for (const [name, { baseUrl }] of Object.entries(policy.providers)) if (baseUrl !== null) add(name, baseUrl)
  hosts.set(HARNESS_HOST, { provider: null, prefix: '' })
  known.set(policy, hosts)
  return hosts
}

/** Where the model gateway has what the agent asks its provider for. */
export function gatewayPath({ provider, prefix }: ModelHost, path: string): string {
  if (provider === null) return path
  const rest = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  return `/${provider}${rest}`
}

const KEY_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'host',
])

/** The agent's own key in the place of whatever it sent; its session in the place of any that it made up. */
export function gatewayHeaders(
  headers: readonly Header[],
  key: string,
  session: string | undefined,
): readonly Header[] {
  const kept = headers.filter(
    ({ lower }) => !KEY_HEADERS.has(lower) && !(session !== undefined && lower === 'belay-session'),
  )
  return [
    ...kept,
    header('Authorization', `Bearer ${key}`),
    ...(session === undefined ? [] : [header('Belay-Session', session)]),
  ]
}

function header(name: string, value: string): Header {
  return { name, lower: name.toLowerCase(), value }
}
