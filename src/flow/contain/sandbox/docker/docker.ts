import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import type { JsonObject } from '../../../../action/json.ts'
import { BelayError } from '../../../../errors/catalogue.ts'
import type { Capabilities, Sandbox, SandboxProvider, SandboxSpec } from '../provider.ts'
import { boundReadOnly, boundWorkspace } from '../bubblewrap/bound-paths.ts'
import { Container } from './container.ts'
import { createArguments, envFile } from './container-arguments.ts'
import { ContainerEngine, textIn, type EngineFacts, type EngineName } from './container-engine.ts'
import { handOverNetwork } from './container-network.ts'
import { ociSeccomp } from './oci-seccomp.ts'

export interface DockerOptions {
  readonly engine: EngineName
  /** An image that is here already: nothing is pulled. What the agent's command needs is in it. */
  readonly image: string
  /** An OCI runtime beside the engine's default, such as `runc` or `runsc`. */
  readonly runtime?: string
  /** The data folder: nothing of it but workspaces is ever bound. */
  readonly data?: string
  readonly protects?: readonly string[]
  readonly probe: (provider: SandboxProvider) => Promise<Capabilities>
}

const START_MS = 30_000
/** As whom agents run whose workspace does not say otherwise (rootless engines map it). */
const INSIDE = 1_000
const HOST_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
]

/**
 * Containers of Podman or Docker, by their command line: no network but the gateway's sockets, a root that cannot be
 * written, no capabilities, our own seccomp filter. Removed when the harness ends, however it ends.
 */
export class DockerProvider implements SandboxProvider {
  readonly name: EngineName
  readonly #options: DockerOptions
  #engine: ContainerEngine | undefined
  #ready: Promise<EngineFacts> | undefined

  constructor(options: DockerOptions) {
    this.name = options.engine
    this.#options = options
  }

  probe(): Promise<Capabilities> {
    return this.#options.probe(this)
  }

  async launch(spec: SandboxSpec): Promise<Sandbox> {
    const { data, protects = [], image } = this.#options
    this.#refuse(spec)
    const engine = this.#engineHere()
    const facts = await this.#usable(engine)
    await this.#prove(spec)
    const own = [...protects, ...(data === undefined ? [] : [data])]
    const workspace = boundWorkspace(spec.agent, spec.workspace, protects, data)
    boundReadOnly(spec.agent, spec.readOnly ?? [], workspace, own)
    const folder = mkdtempSync(join(tmpdir(), 'belay-container-'))
    chmodSync(folder, 0o700)
    const name = `belay-${randomBytes(12).toString('hex')}`
    const letGo = engine.guard(name)
    const clear = (): void => {
      letGo()
      rmSync(folder, { recursive: true, force: true })
    }
    try {
      const seccomp = join(folder, 'seccomp.json')
      writeFileSync(seccomp, ociSeccomp(), { mode: 0o600 })
      const environment = join(folder, 'environment')
      writeFileSync(environment, envFile(spec.env), { mode: 0o600 })
      const waits = spec.network !== 'none'
      await engine.run(
        createArguments(spec, workspace, {
          name,
          image,
          label: `belay.data=${digest(data ?? '')}`,
          seccomp,
          envFile: environment,
          caBundle: spec.ca === undefined ? null : bundleIn(folder, spec.ca),
          owner: ownerOf(spec.agent, workspace, facts),
          runtimeOptions: engine.runtimeOptions,
          waits,
        }),
      )
      return await this.#start(engine, name, spec, clear)
    } catch (error) {
      await engine.run(['rm', '--force', '--volumes', name]).catch(() => undefined)
      clear()
      throw error
    }
  }

  /** Removes what a harness left behind that ended without a word, and whose guardian ended with it. */
  async sweep(): Promise<void> {
    const { data } = this.#options
    if (data === undefined) return
    const engine = this.#engineHere()
    const found = await engine.run(['ps', '--all', '--quiet', '--filter', `label=belay.data=${digest(data)}`])
    for (const id of found.split('\n').filter((one) => /^[0-9a-f]{12,64}$/.test(one)))
      await engine.run(['rm', '--force', '--volumes', id])
  }

  async #start(
    engine: ContainerEngine,
    name: string,
    spec: SandboxSpec,
    clear: () => void,
  ): Promise<Sandbox> {
    const waits = spec.network !== 'none'
    const { stdio } = spec
    const child = engine.attached(
      ['start', '--attach', ...(stdio === 'pipe' || waits ? ['--interactive'] : []), name],
      [stdio === 'ignore' && waits ? 'pipe' : waits ? 'pipe' : stdio, stdio, stdio],
    )
    // Node throws away what nobody reads when a process ends, and this one may be over before anybody looks.
    const stdout = child.stdout?.pipe(new PassThrough()) ?? null
    const stderr = child.stderr?.pipe(new PassThrough()) ?? null
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    failed.catch(() => undefined)
    const pid = await Promise.race([runningPid(engine, name, child, stderr), failed])
    const container = new Container({
      engine,
      name,
      child,
      stdout,
      stderr,
      pid,
      quotas: spec.quotas,
      onEnd: clear,
    })
    if (spec.network === 'none') return container
    try {
      await handOverNetwork(pid, spec.network)
    } catch (error) {
      await container.kill('harness')
      throw new BelayError(
        'sandbox:failed',
        { agent: spec.agent, cause: (error as Error).message },
        { cause: error },
      )
    }
    child.stdin!.write('go\n')
    if (stdio !== 'pipe') child.stdin!.end()
    return container
  }

  #engineHere(): ContainerEngine {
    return (this.#engine ??= new ContainerEngine(this.#options.engine, this.#options.runtime ?? null))
  }

  /** Whether the engine's limits hold at all. */
  async #usable(engine: ContainerEngine): Promise<EngineFacts> {
    this.#ready ??= engine.facts()
    const facts = await this.#ready.catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    if (facts.rootless && facts.cgroupVersion === 1)
      throw new BelayError('sandbox:unavailable', {
        what: `A sandbox by rootless ${this.name}`,
        cause: 'with control groups of version 1 it ignores every limit without a word',
        fix: 'boot with systemd.unified_cgroup_hierarchy=1, or run Belay as root',
      })
    return facts
  }

  #refuse({ agent, command, env, profile, quotas, network, stdio }: SandboxSpec): void {
    const refuse = (cause: string, fix: string): BelayError =>
      new BelayError('sandbox:refused', { agent, cause, fix })
    const unavailable = (what: string, cause: string, fix: string): BelayError =>
      new BelayError('sandbox:unavailable', { what, cause, fix })
    const texts = [...command, ...Object.entries(env).flat()]
    if (command.length === 0 || command[0] === '' || texts.some((text) => text.includes('\0')))
      throw refuse('the command is empty, or a text of it holds a zero byte', 'write a command without')
    if (
      Object.entries(env).some(
        ([name, value]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /[\r\n]/.test(value),
      )
    )
      throw refuse(
        `${this.name} reads its environment line by line`,
        'give names of letters, digits and _, and values of one line',
      )
    if (profile === 'browser')
      throw unavailable(
        `A browser by ${this.name}`,
        'Chromium needs namespaces of its own in it',
        'use bubblewrap',
      )
    if (quotas.disk !== undefined)
      throw unavailable(
        'A limit of disk',
        `${this.name} has none for a folder of the host`,
        'use bubblewrap as root, or leave the limit out',
      )
    if (network !== 'none' && process.getuid?.() !== 0)
      throw unavailable(
        `A network by ${this.name}`,
        'only root may enter the network of a container to put the sockets there',
        'run Belay as root, or use bubblewrap',
      )
    if (network !== 'none' && stdio === 'inherit')
      throw refuse('the line that lets the command begin comes by its input', 'use pipe or ignore')
  }

  async #prove({ require }: SandboxSpec): Promise<void> {
    if (require.length === 0) return
    const { proofs } = await this.probe()
    for (const capability of require) {
      const { proven, detail, fix } = proofs[capability]
      if (proven) continue
      const advice = fix ?? 'see belay doctor'
      throw new BelayError('sandbox:not_proven', { provider: this.name, capability, detail, fix: advice })
    }
  }
}

/** Podman says `stopped` until it has cleaned up. */
const OVER: ReadonlySet<string> = new Set(['exited', 'stopped', 'stopping'])

/** The container's first process. Rejects when it ended before, with what the engine said. */
async function runningPid(
  engine: ContainerEngine,
  name: string,
  child: ChildProcess,
  stderr: Readable | null,
): Promise<number> {
  let over = false
  child.once('exit', () => (over = true))
  const until = performance.now() + START_MS
  while (performance.now() < until) {
    const state = await engine.inspect(name)
    const pid = state?.['Pid']
    if (typeof pid === 'number' && pid > 0) return pid
    // One that was over before anybody looked has run all the same.
    if (over && OVER.has(textIn(state ?? {}, 'Status'))) return typeof child.pid === 'number' ? child.pid : 0
    if (over)
      throw new BelayError('sandbox:unavailable', {
        what: `A sandbox by ${engine.name}`,
        cause: `the container did not start: ${said(stderr, state)}`,
        fix: `look at what ${engine.name} start says; another runtime may be needed`,
      })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new BelayError('sandbox:unavailable', {
    what: `A sandbox by ${engine.name}`,
    cause: `the container did not start within ${START_MS} ms`,
    fix: `see ${engine.name} info`,
  })
}

/** What there is to say of a container that did not start. */
function said(stderr: Readable | null, state: JsonObject | undefined): string {
  const chunk = stderr?.read() as Buffer | null | undefined
  const text = chunk?.toString('utf8').trim().slice(0, 1_000) ?? ''
  return text !== '' ? text : textIn(state ?? {}, 'Error') || textIn(state ?? {}, 'Status')
}

/** As whom the agent runs: the owner of its workspace, never root. A rootless engine maps it to nobody's files. */
function ownerOf(agent: string, workspace: string, { rootless }: EngineFacts): { uid: number; gid: number } {
  const { uid, gid } = statSync(workspace)
  if (rootless) return { uid: 0, gid: 0 }
  if (uid !== 0) return { uid, gid: gid === 0 ? uid : gid }
  throw new BelayError('sandbox:refused', {
    agent,
    cause: `the workspace ${workspace} belongs to root, and an agent never runs as root`,
    fix: `give it to a user of its own (chown -R ${INSIDE} ${workspace})`,
  })
}

/** The host's public authorities and the gateway's own, as a file that is bound into the container. */
function bundleIn(folder: string, ca: string): string {
  const path = join(folder, 'authorities.pem')
  const parts = HOST_BUNDLES.flatMap((one) => {
    try {
      return [readFileSync(one, 'utf8')]
    } catch {
      return []
    }
  })
  writeFileSync(path, `${parts[0] ?? ''}\n${ca}\n`, { mode: 0o444 })
  if (process.getuid?.() === 0) chownSync(path, 0, 0)
  return path
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
