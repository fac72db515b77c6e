import type { Policy, ProviderRule } from '../../../policy/policy.ts'
import type { Provider, UpstreamTimeouts, Vendor } from './provider.ts'
import { vendorOf, VENDORS } from './vendors.ts'

type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_TIMEOUTS: UpstreamTimeouts = { connect: 5000, firstByte: 120_000, idle: 60_000 }

const resolved = new WeakMap<
  Policy,
  { readonly env: Environment; readonly all: ReadonlyMap<string, Provider> }
>()

/**
 * The providers that can be called: those that the policy declares, and the vendors whose key the environment holds.
 * Models on one's own machine only when declared. A variable that is not set leaves `key: null` and its name in
 * `keyVariable`. Worked out once for each policy; the environment is read then.
 */
export function resolveProviders(policy: Policy, env: Environment): ReadonlyMap<string, Provider> {
  const known = resolved.get(policy)
  if (known !== undefined && known.env === env) return known.all
  const all = new Map<string, Provider>()
  for (const vendor of VENDORS)
    if (vendor.keyVariable !== null && valueOf(env, vendor.keyVariable) !== null)
      all.set(vendor.name, withRule(vendor, undefined, env))
  for (const [name, rule] of Object.entries(policy.providers))
    all.set(name, withRule(vendorOf(name) ?? stranger(name), rule, env))
  resolved.set(policy, { env, all })
  return all
}

/** A provider that only the policy knows; the policy says where it is. */
function stranger(name: string): Vendor {
  return { name, protocol: 'openai', baseUrl: '', keyVariable: null, priceId: null, telemetryName: name }
}

function withRule(vendor: Vendor, rule: ProviderRule | undefined, env: Environment): Provider {
  const drain = rule?.drain ?? vendor.drain
  return Object.freeze({
    ...vendor,
    protocol: rule?.protocol ?? vendor.protocol,
    baseUrl: rule?.baseUrl ?? vendor.baseUrl,
    timeouts: Object.freeze({ ...DEFAULT_TIMEOUTS, ...rule?.timeouts }),
    ...(drain !== undefined && { drain }),
    ...credentialsOf(vendor, rule, env),
  })
}

function credentialsOf(
  vendor: Vendor,
  rule: ProviderRule | undefined,
  env: Environment,
): Pick<Provider, 'key' | 'keyVariable' | 'headers'> {
  const headers: Record<string, string> = {}
  for (const [name, written] of Object.entries(rule?.headers ?? {})) {
    const value = isVariable(written) ? valueOf(env, written.slice(1)) : written
    // A call without a header that may be its credential is no call that was meant.
    if (value === null) return { key: null, keyVariable: written.slice(1), headers: {} }
    headers[name] = value
  }
  const written = rule?.apiKey ?? null
  if (written !== null && !isVariable(written)) return { key: written, keyVariable: null, headers }
  const keyVariable = written === null ? vendor.keyVariable : written.slice(1)
  return { key: keyVariable === null ? null : valueOf(env, keyVariable), keyVariable, headers }
}

/** The policy was checked: whatever begins with a dollar sign is the whole name of a variable, in headers at least so. */
function isVariable(written: string): boolean {
  return /^\$[A-Za-z_]\w*$/.test(written)
}

/** An empty variable is an unset one. */
function valueOf(env: Environment, name: string): string | null {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
  return value === undefined || value === '' ? null : value
}
