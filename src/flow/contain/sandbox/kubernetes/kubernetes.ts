import { randomBytes } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../action/json.ts'
import { BelayError } from '../../../../errors/catalogue.ts'
import type {
  Capabilities,
  ExitCause,
  ExitReport,
  Sandbox,
  SandboxProvider,
  SandboxSpec,
  Usage,
} from '../provider.ts'
import { environmentSecret, networkPolicy, podManifest, type PodPlan } from './manifests.ts'

export interface KubernetesOptions {
  /** Of the API server. */
  readonly url: string
  readonly token: () => string
  readonly fetch?: typeof fetch
  readonly namespace: string
  readonly image: string
  readonly runtimeClass: string
  /** The claim that is mounted at `mountedAt` here: workspaces must lie on it. */
  readonly claim: string
  readonly mountedAt: string
  readonly probe: (provider: SandboxProvider) => Promise<Capabilities>
  readonly pollMs?: number
}

const START_MS = 120_000
const CALL_MS = 30_000

/**
 * One pod a sandbox, with a kernel of its own by a runtime class, no service account and no network. What it cannot do
 * (freeze, hand sockets over, limit processes or a folder) it refuses.
 */
export class KubernetesProvider implements SandboxProvider {
  readonly name = 'kubernetes'
  readonly #options: KubernetesOptions

  constructor(options: KubernetesOptions) {
    this.#options = options
  }

  probe(): Promise<Capabilities> {
    return this.#options.probe(this)
  }

  async launch(spec: SandboxSpec): Promise<Sandbox> {
    this.#refuse(spec)
    const { namespace, image, runtimeClass, claim } = this.#options
    await this.#prove(spec)
    const name = `belay-${randomBytes(8).toString('hex')}`
    const labels = { 'app.kubernetes.io/managed-by': 'belay' }
    const subPath = this.#subPath(spec)
    const plan: PodPlan = { name, namespace, image, runtimeClass, claim, subPath, labels }
    try {
      // The walls first: a pod without them never exists.
      await this.#call(
        'POST',
        `apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
        networkPolicy(plan),
      )
      await this.#call('POST', `api/v1/namespaces/${namespace}/secrets`, environmentSecret(plan, spec.env))
      await this.#call('POST', `api/v1/namespaces/${namespace}/pods`, podManifest(plan, spec))
      await this.#until(name, ({ phase }) => phase !== 'Pending', START_MS)
      return this.#sandbox(name, spec)
    } catch (error) {
      await this.#remove(name)
      throw error
    }
  }

  #sandbox(name: string, spec: SandboxSpec): Sandbox {
    const began = performance.now()
    const stdout = new PassThrough()
    let asked: ExitCause | undefined
    const usage = (): Usage => ({
      memory: null,
      memoryPeak: null,
      cpuMs: null,
      processes: null,
      forksRefused: null,
      throttledMs: null,
      wallMs: Math.round(performance.now() - began),
    })
    const reading = this.#logs(name, stdout)
    const exited = (async (): Promise<ExitReport> => {
      let status: JsonObject = {}
      try {
        status = await this.#until(name, ({ phase }) => phase === 'Succeeded' || phase === 'Failed', Infinity)
      } catch (error) {
        asked ??= 'harness'
        status = { message: error instanceof Error ? error.message : String(error) }
      }
      await reading
      await this.#remove(name)
      return { ...exitOf(status, asked, spec), usage: usage() }
    })()
    const kill = async (cause: ExitCause = 'stopped'): Promise<ExitReport> => {
      asked ??= cause
      await this.#call('DELETE', this.#pod(name), { gracePeriodSeconds: 0 }).catch(() => undefined)
      return exited
    }
    const cannot = (): Promise<never> =>
      Promise.reject(unavailable('Freezing a pod', 'Kubernetes knows no such thing', 'stop the agent'))
    return { pid: 0, stdin: null, stdout, stderr: null, exited, freeze: cannot, thaw: cannot, kill, usage }
  }

  /** The pod's status once it is as it should be. A pod that is gone has ended. */
  async #until(name: string, wanted: (status: JsonObject) => boolean, ms: number): Promise<JsonObject> {
    const until = performance.now() + ms
    for (;;) {
      const pod = await this.#call('GET', this.#pod(name))
      if (pod === null) return { phase: 'Failed', reason: 'Deleted' }
      const status = isJsonObject(pod['status']) ? pod['status'] : {}
      if (wanted(status)) return status
      if (performance.now() > until)
        throw unavailable('A pod', `it did not start: ${reasonOf(status)}`, 'look at kubectl describe pod')
      await new Promise((resolve) => setTimeout(resolve, this.#options.pollMs ?? 500))
    }
  }

  async #logs(name: string, into: PassThrough): Promise<void> {
    try {
      const answer = await this.#fetch('GET', `${this.#pod(name)}/log?follow=true&container=agent`)
      if (answer.ok && answer.body !== null)
        for await (const chunk of Readable.fromWeb(answer.body as never) as AsyncIterable<Buffer>)
          into.write(chunk)
      else await answer.body?.cancel()
    } catch {
      // The pod went while its log was read.
    }
    into.end()
  }

  async #remove(name: string): Promise<void> {
    const { namespace } = this.#options
    for (const path of [
      this.#pod(name),
      `api/v1/namespaces/${namespace}/secrets/${name}`,
      `apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${name}`,
    ])
      await this.#call('DELETE', path, { gracePeriodSeconds: 0 }).catch(() => undefined)
  }

  #pod(name: string): string {
    return `api/v1/namespaces/${this.#options.namespace}/pods/${name}`
  }

  /** `null`: there is no such thing. Throws `sandbox:unavailable`. */
  async #call(method: string, path: string, body?: JsonObject): Promise<JsonObject | null> {
    const answer = await this.#fetch(method, path, body, AbortSignal.timeout(CALL_MS))
    const value = (await answer.json().catch(() => ({}))) as JsonValue
    if (answer.status === 404 && method !== 'POST') return null
    if (answer.ok && isJsonObject(value)) return value
    const message = isJsonObject(value) && typeof value['message'] === 'string' ? value['message'] : ''
    throw unavailable(
      'A pod',
      `${method} /${path} answered ${answer.status} ${message.slice(0, 500)}`,
      'see the rights of the service account',
    )
  }

  #fetch(method: string, path: string, body?: JsonObject, signal?: AbortSignal): Promise<Response> {
    const { url, token, fetch: send = fetch } = this.#options
    return send(`${url.replace(/\/$/, '')}/${path}`, {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${token()}`,
        accept: 'application/json',
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  }

  /** Where the workspace lies on the claim. */
  #subPath({ agent, workspace }: SandboxSpec): string {
    const place = relative(realpathSync(this.#options.mountedAt), realpathSync(workspace))
    if (place !== '' && place !== '..' && !place.startsWith(`..${sep}`)) return place
    const cause = `the workspace ${workspace} does not lie on the claim that is mounted at ${this.#options.mountedAt}`
    throw new BelayError('sandbox:refused', { agent, cause, fix: 'put the data folder on the claim' })
  }

  #refuse({ agent, command, env, network, profile, quotas, readOnly = [], stdio }: SandboxSpec): void {
    if (command.length === 0 || [...command, ...Object.values(env)].some((text) => text.includes('\0')))
      throw new BelayError('sandbox:refused', {
        agent,
        cause: 'the command is empty or holds a zero byte',
        fix: 'write a command without',
      })
    const missing = (
      [
        [network !== 'none', 'A network for a pod', 'sockets cannot be handed into another machine'],
        [profile === 'browser', 'A browser in a pod', 'it needs namespaces of its own'],
        [readOnly.length > 0, 'Files of this machine in a pod', 'it may run on another one'],
        [stdio === 'inherit', 'This terminal in a pod', 'its log is all that there is'],
        [quotas.processes !== undefined, 'A limit of processes', 'a pod has only the one of its node'],
        [quotas.disk !== undefined, 'A limit of disk', 'a claim is as large as it is'],
        [quotas.openFiles !== undefined, 'A limit of open files', 'a pod has only the one of its node'],
      ] as const
    ).find(([asked]) => asked)
    if (missing !== undefined) throw unavailable(missing[1], missing[2], 'leave it out, or use bubblewrap')
  }

  async #prove({ require }: SandboxSpec): Promise<void> {
    if (require.length === 0) return
    const { proofs } = await this.probe()
    const unproven = require.find((capability) => !proofs[capability].proven)
    if (unproven === undefined) return
    const { detail, fix } = proofs[unproven]
    const advice = fix ?? 'see belay doctor'
    throw new BelayError('sandbox:not_proven', {
      provider: this.name,
      capability: unproven,
      detail,
      fix: advice,
    })
  }
}

/** Code and cause as the pod's status tells them. */
function exitOf(
  status: JsonObject,
  asked: ExitCause | undefined,
  { quotas }: SandboxSpec,
): Omit<ExitReport, 'usage'> {
  const [container] = Array.isArray(status['containerStatuses'])
    ? (status['containerStatuses'] as JsonValue[])
    : []
  const state = isJsonObject(container) && isJsonObject(container['state']) ? container['state'] : {}
  const ended = isJsonObject(state['terminated']) ? state['terminated'] : {}
  const code = typeof ended['exitCode'] === 'number' ? ended['exitCode'] : null
  if (asked !== undefined) return { code: null, signal: 'SIGKILL', cause: asked, detail: reasonOf(status) }
  if (status['reason'] === 'DeadlineExceeded')
    return {
      code: null,
      signal: 'SIGKILL',
      cause: 'wall_time',
      detail: `its time of ${quotas.wallTime} ms was over`,
    }
  if (ended['reason'] === 'OOMKilled')
    return {
      code: null,
      signal: 'SIGKILL',
      cause: 'memory',
      detail: `it wanted more memory than ${quotas.memory} bytes`,
    }
  if (code === null)
    return {
      code,
      signal: null,
      cause: 'harness',
      detail: `somebody else removed the pod: ${reasonOf(status)}`,
    }
  return { code, signal: null, cause: 'exited', detail: '' }
}

function reasonOf(status: JsonObject): string {
  const words = [status['phase'], status['reason'], status['message']]
  return words.filter((word) => typeof word === 'string').join(', ')
}

function unavailable(what: string, cause: string, fix: string): BelayError {
  return new BelayError('sandbox:unavailable', { what, cause, fix })
}
