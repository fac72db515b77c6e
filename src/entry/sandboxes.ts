import { chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Capabilities, SandboxProvider } from '../flow/contain/sandbox/provider.ts'
import type { EngineName } from '../flow/contain/sandbox/docker/container-engine.ts'
import type { DockerProvider } from '../flow/contain/sandbox/docker/docker.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { ProviderPlace } from '../flow/contain/sandbox/choose-provider.ts'
import type { SandboxProviderName } from '../policy/compile-sandbox.ts'
import type { Policy } from '../policy/policy.ts'

const opened = new Map<string, Promise<SandboxProvider>>()

/**
 * The sandboxes that the policy names for an agent, the same object every time: it knows which workspaces are in use.
 * Throws `sandbox:unavailable`.
 */
export function providerOf(policy: Policy, agent: string, data: string): Promise<SandboxProvider> {
  const { provider, image = null } = policy.agent(agent)?.run.sandbox ?? {}
  const name = provider ?? 'bubblewrap'
  const protects = policy.path === null ? [] : [policy.path]
  const key = [name, image ?? '', data, ...protects].join('\0')
  const known = opened.get(key) ?? open(name, image, { data, protects })
  opened.set(key, known)
  known.catch(() => opened.delete(key))
  return known
}

async function open(
  name: SandboxProviderName,
  image: string | null,
  place: ProviderPlace,
): Promise<SandboxProvider> {
  if (name === 'bubblewrap') {
    const { bubblewrapProvider } = await import('../flow/contain/sandbox/choose-provider.ts')
    return bubblewrapProvider(place)
  }
  if (name === 'kubernetes')
    throw new BelayError('sandbox:unavailable', {
      what: 'A sandbox by kubernetes',
      cause:
        'the sockets of the gateway cannot be handed into a pod, so that an agent there would have no way out',
      fix: 'choose bubblewrap, podman or docker',
    })
  const { rememberedProofs } = await import('../flow/contain/sandbox/probes/remembered-proofs.ts')
  const provider = await containers(name, image, place, (of) =>
    rememberedProofs(place.data, { of, inside: 'shell' }),
  )
  // Of a harness that was killed together with the guardians of its containers.
  await provider.sweep()
  return provider
}

/**
 * Containers of an engine, of the image that is named or the one in `BELAY_SANDBOX_IMAGE`. `probe` is told what else
 * decides on what they hold: image and runtime. Throws `sandbox:unavailable` when no image is named.
 */
export async function containers(
  engine: EngineName,
  named: string | null,
  place: ProviderPlace,
  probe: (of: string) => (provider: SandboxProvider) => Promise<Capabilities>,
): Promise<DockerProvider> {
  const image = named ?? process.env['BELAY_SANDBOX_IMAGE']
  if (image === undefined || image === '')
    throw new BelayError('sandbox:unavailable', {
      what: `A sandbox by ${engine}`,
      cause: 'nobody says which image its containers have',
      fix: 'set sandbox.image, or BELAY_SANDBOX_IMAGE, to one that holds what the agents’ commands need',
    })
  const runtime = process.env['BELAY_SANDBOX_RUNTIME']
  const { DockerProvider } = await import('../flow/contain/sandbox/docker/docker.ts')
  return new DockerProvider({
    engine,
    image,
    ...(runtime && { runtime }),
    ...place,
    probe: probe(`${image} ${runtime ?? ''}`),
  })
}

/** As root every agent is a user of its own, from here on: high enough to be nobody else's. */
const FIRST_UID = 700_000_000

/** The folder of an agent among the data; made at the first call, for a user of its own where the harness is root. */
export function agentWorkspace(data: string, agent: string): string {
  const workspace = join(data, 'agents', agent, 'workspace')
  mkdirSync(workspace, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0 && lstatSync(workspace).uid === 0)
    giveAway(workspace, freeUid(join(data, 'agents')))
  return workspace
}

/** Gives a folder that nothing else is in to a user who is nobody's. */
export function giveAway(folder: string, uid = FIRST_UID - 1): void {
  if (process.getuid?.() === 0) chownSync(folder, uid, uid)
}

function freeUid(agents: string): number {
  const taken = readdirSync(agents).flatMap((name) => {
    try {
      return [lstatSync(join(agents, name, 'workspace')).uid]
    } catch {
      return []
    }
  })
  return Math.max(FIRST_UID - 1, ...taken) + 1
}
