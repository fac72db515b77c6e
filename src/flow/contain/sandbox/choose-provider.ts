import { BubblewrapProvider } from './bubblewrap/bubblewrap.ts'
import { rememberedProofs } from './probes/remembered-proofs.ts'
import type { Capability, Quotas, SandboxProvider } from './provider.ts'

export interface ProviderPlace {
  /** The data folder. */
  readonly data: string
  /** Files of the harness that no agent may hold, such as the policy. */
  readonly protects?: readonly string[]
}

const made = new Map<string, SandboxProvider>()

/**
 * The provider for a machine on which nothing else is said; the same one for the same place, so that it knows which
 * workspaces are in use. What it can do is proven at its first launch.
 */
export function bubblewrapProvider({ data, protects = [] }: ProviderPlace): SandboxProvider {
  const key = JSON.stringify([data, protects])
  const known = made.get(key)
  if (known !== undefined) return known
  const provider = new BubblewrapProvider({ data, protects, probe: rememberedProofs(data) })
  made.set(key, provider)
  return provider
}

const ALWAYS: readonly Capability[] = [
  'filesystem',
  'pid_namespace',
  'network',
  'secrets',
  'surviving_daemons',
]

/** What must be proven for an agent: what a sandbox is, what its quotas take, and what the policy demands besides. */
export function demanded(quotas: Quotas, required: readonly Capability[] = []): Capability[] {
  return [
    ...new Set<Capability>([
      ...ALWAYS,
      ...(quotas.memory === undefined ? [] : (['memory'] as const)),
      ...(quotas.cpu === undefined ? [] : (['cpu'] as const)),
      ...(quotas.processes === undefined ? [] : (['pids'] as const)),
      ...(quotas.disk === undefined ? [] : (['disk'] as const)),
      ...required,
    ]),
  ]
}
