import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, statSync } from 'node:fs'
import type { Duplex, Readable } from 'node:stream'
import { resolve } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'
import type {
  Capabilities,
  HandedSockets,
  NetworkHandover,
  Sandbox,
  SandboxProvider,
  SandboxSpec,
} from '../provider.ts'
import { boundReadOnly, boundWorkspace, contains } from './bound-paths.ts'
import { bwrapArguments } from './bwrap-arguments.ts'
import { CONTROLLER_OF, leafName } from './cgroup.ts'
import type { Cgroup, CgroupHost, Unavailable } from './cgroup.ts'
import { inheritableDescriptors } from './descriptors.ts'
import { endsWith } from './ends-with-parent.ts'
import { findCgroups } from './find-cgroups.ts'
import { FIRST_FILE_FD, GO_FD, launchCommand, LOG_FD, stagedAt, STATUS_FD, STEPS } from './launch-script.ts'
import { isFull, mountLimited } from './limited-workspace.ts'
import { requirePrograms } from './programs.ts'
import { SandboxedProcess, StatusReader } from './sandboxed-process.ts'
import { seccompFilter } from './seccomp.ts'
import { NamelessFiles, openNameless, systemFiles } from './system-files.ts'

const PASSER = resolve(import.meta.dirname, '../../../../../bin/belay-passer.js')
const SOCKETS = ['https', 'http', 'proxy', 'dns'] as const
const HANDOVER_MS = 15_000
const MAX_LOG = 2000

export interface BubblewrapOptions {
  /** The data folder: nothing of it but workspaces is ever bound. */
  readonly data?: string
  /** Further files and folders of the harness that no agent may hold, such as the policy. */
  readonly protects?: readonly string[]
  /** What `probe` answers; see `probes/`. */
  readonly probe: (provider: SandboxProvider) => Promise<Capabilities>
}

/**
 * Linux namespaces by bubblewrap, control groups for the quotas, a seccomp filter; no daemon and no native code. As
 * root every agent runs as the owner of its workspace; an ordinary user's agents run as that user.
 */
export class BubblewrapProvider implements SandboxProvider {
  readonly name = 'bubblewrap'
  readonly #options: BubblewrapOptions
  readonly #files = new NamelessFiles()
  /** Workspaces in use, with their agents. */
  readonly #workspaces = new Map<string, string>()
  #cgroups: CgroupHost | Unavailable | undefined
  #serial = 0

  constructor(options: BubblewrapOptions) {
    this.#options = options
  }

  probe(): Promise<Capabilities> {
    return this.#options.probe(this)
  }

  async launch(spec: SandboxSpec): Promise<Sandbox> {
    if (process.platform !== 'linux')
      throw new BelayError('sandbox:unavailable', {
        what: 'A sandbox by bubblewrap',
        cause: `${process.platform} has no namespaces`,
        fix: 'use a container provider (sandbox: { provider: docker })',
      })
    refuseTexts(spec)
    await this.#prove(spec)
    const { data, protects = [] } = this.#options
    const workspace = boundWorkspace(spec.agent, spec.workspace, protects, data)
    this.#claim(spec.agent, workspace)
    try {
      await mountLimited(spec.agent, workspace, spec.quotas.disk)
      return await this.#start(spec, workspace)
    } catch (error) {
      this.#workspaces.delete(workspace)
      throw error
    }
  }

  /** Forgets what it keeps open. Sandboxes that run are not touched. */
  close(): void {
    this.#files.close()
  }

  async #prove({ require }: SandboxSpec): Promise<void> {
    if (require.length === 0) return
    const { proofs } = await this.probe()
    for (const capability of require) {
      const { proven, detail, fix } = proofs[capability]
      if (!proven)
        throw new BelayError('sandbox:not_proven', {
          provider: this.name,
          capability,
          detail,
          fix: fix ?? 'see belay doctor',
        })
    }
  }

  #claim(agent: string, workspace: string): void {
    for (const [other, owner] of this.#workspaces) {
      if (
        other === workspace ||
        (owner !== agent && (contains(other, workspace) || contains(workspace, other)))
      )
        throw new BelayError('sandbox:refused', {
          agent,
          cause: `the workspace ${workspace} is in use by ${owner}`,
          fix: 'give every agent a workspace of its own',
        })
    }
    this.#workspaces.set(workspace, agent)
  }

  async #start(spec: SandboxSpec, workspace: string): Promise<Sandbox> {
    const programs = requirePrograms('bwrap', 'unshare', 'setpriv', 'ip', 'mount', 'sh')
    const { data, protects = [] } = this.#options
    const readOnly = boundReadOnly(spec.agent, spec.readOnly ?? [], workspace, [
      ...protects,
      ...(data === undefined ? [] : [data]),
    ])
    const uid = agentUid(spec.agent, workspace)
    const cgroup = this.#leaf(spec)
    const isStaged = uid !== null
    const gateway = spec.network !== 'none'
    const descriptors: number[] = []
    let child: ChildProcess
    try {
      const open = (descriptor: number): number => {
        descriptors.push(descriptor)
        return descriptor
      }
      const seccomp = open(
        this.#files.open(`seccomp ${spec.profile}`, () =>
          seccompFilter({ browser: spec.profile === 'browser' }),
        ),
      )
      const system = [...this.#systemFiles(spec.ca)]
      const files = new Map(system.map(([path], index) => [path, FIRST_FILE_FD + index]))
      const opened = system.map(([path, key]) =>
        open(this.#files.open(key, () => systemFiles(spec.ca).get(path)!)),
      )
      const paths = {
        workspace: isStaged ? stagedAt(0) : workspace,
        readOnly: readOnly.map((one, index) => (isStaged ? { ...one, source: stagedAt(index + 1) } : one)),
      }
      const args = open(openNameless(bwrapArguments(spec, paths, files)))
      // Lower ones are taken by what the launcher is given. No await from here to the start, or others could be opened.
      const leaks = inheritableDescriptors().filter((one) => one >= FIRST_FILE_FD + opened.length)
      const [program, ...rest] = launchCommand({
        uid,
        gateway,
        joins: cgroup?.joins ?? [],
        openFiles: spec.quotas.openFiles,
        leaks,
        // dash knows no descriptor above 9; bash takes a socket as its input for a log-in from afar and reads the
        // files of that.
        shell: leaks.length === 0 ? [programs.sh] : [requirePrograms('bash').bash, '--norc', '--noprofile'],
        programs,
        passer: [process.execPath, PASSER],
        staged: isStaged ? [{ source: workspace, isFolder: true }, ...readOnly] : [],
        command: spec.command,
      })
      child = spawn(program, rest, {
        // A session of its own: what is typed at this terminal reaches the harness, which decides.
        detached: true,
        cwd: '/',
        env: { PATH: '/usr/bin:/usr/sbin:/bin:/sbin' },
        stdio: [
          spec.stdio,
          spec.stdio,
          spec.stdio,
          gateway ? 'ipc' : 'ignore',
          'pipe',
          'pipe',
          seccomp,
          args,
          'ignore',
          'pipe',
          ...opened,
        ],
      })
    } catch (error) {
      cgroup?.remove()
      throw error
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor)
    }
    return this.#follow(child, spec, workspace, cgroup)
  }

  async #follow(
    child: ChildProcess,
    spec: SandboxSpec,
    workspace: string,
    cgroup: Cgroup | null,
  ): Promise<Sandbox> {
    const said = readLog(streamAt(child, LOG_FD))
    const status = new StatusReader(streamAt(child, STATUS_FD))
    const onEnd = (): void => void this.#workspaces.delete(workspace)
    const quotas = spec.quotas
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(STEPS[code ?? -1] ?? `the launcher ended with ${code}`)))
    })
    failed.catch(() => undefined)
    try {
      if (spec.network !== 'none') await Promise.race([takeSockets(child, spec.network), failed])
      const init = await Promise.race([status.started, failed])
      await Promise.race([endsWith(child.pid!, init), failed])
      const go = streamAt(child, GO_FD)
      const running = new SandboxedProcess({
        child,
        cgroup,
        quotas,
        status,
        isMissing: whetherSaid(go),
        onEnd,
        isDiskFull: () => isFull(workspace),
      })
      go.write('\n')
      return running
    } catch (error) {
      const no = (): boolean => false
      const end = new SandboxedProcess({
        child,
        cgroup,
        quotas: {},
        status,
        isMissing: no,
        onEnd,
        isDiskFull: no,
      })
      if (child.pid !== undefined) await end.kill('harness')
      const log = await said()
      const stderr = spec.stdio === 'pipe' ? firstLine(child.stderr) : ''
      const cause = [(error as Error).message, log, stderr].filter((text) => text !== '').join(': ')
      throw new BelayError('sandbox:failed', { agent: spec.agent, cause }, { cause: error })
    }
  }

  /** Path inside and the key under which its content is kept. */
  *#systemFiles(ca: string | undefined): Iterable<readonly [path: string, key: string]> {
    const digest = ca === undefined ? '' : createHash('sha256').update(ca).digest('hex')
    for (const path of SYSTEM_FILES) yield [path, `${path} ${digest}`]
  }

  #leaf({ agent, quotas }: SandboxSpec): Cgroup | null {
    const demanded = Object.entries(CONTROLLER_OF).filter(
      ([quota]) => quotas[quota as keyof typeof CONTROLLER_OF] !== undefined,
    )
    if (this.#cgroups === undefined || 'unavailable' in this.#cgroups) this.#cgroups = findCgroups()
    const host = this.#cgroups
    if ('unavailable' in host) {
      const [first] = demanded
      if (first === undefined) return null
      throw new BelayError('sandbox:unavailable', {
        what: `A limit of ${first[0]}`,
        cause: host.unavailable,
        fix: host.fix,
      })
    }
    for (const [quota, controller] of demanded)
      if (!host.controllers.has(controller))
        throw new BelayError('sandbox:unavailable', {
          what: `A limit of ${quota}`,
          cause: `the controller ${controller} is not among those that can be used (${[...host.controllers].join(', ')})`,
          fix: `let the system pass ${controller} on (systemd: Delegate=yes), or leave the limit out`,
        })
    return host.create(leafName(agent, ++this.#serial), quotas)
  }
}

const SYSTEM_FILES = [...systemFiles('').keys()]

/** As whom the agent runs: `null` for an ordinary user's agent. Never root. */
function agentUid(agent: string, workspace: string): number | null {
  if (process.getuid?.() !== 0) return null
  const { uid } = statSync(workspace)
  if (uid === 0)
    throw new BelayError('sandbox:refused', {
      agent,
      cause: `the workspace ${workspace} belongs to root, and an agent never runs as root`,
      fix: `give it to a user of its own (chown -R UID ${workspace})`,
    })
  return uid
}

/** What would end an argument too early, or begin another. */
function refuseTexts({ agent, command, env, cwd, workspace }: SandboxSpec): void {
  const texts = [...command, ...Object.entries(env).flat(), cwd ?? '', workspace]
  if (command.length === 0 || command[0] === '' || texts.some((text) => text.includes('\0')))
    throw new BelayError('sandbox:refused', {
      agent,
      cause: 'the command is empty, or a text of it or of its environment holds a zero byte',
      fix: 'write a command without',
    })
  const name = Object.keys(env).find((one) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(one))
  if (name !== undefined)
    throw new BelayError('sandbox:refused', {
      agent,
      cause: `${JSON.stringify(name.slice(0, 100))} is no name of an environment variable`,
      fix: 'use letters, digits and _',
    })
}

/** Waits for the sockets, gives them to the receiver, and tells the passer to end. */
async function takeSockets(child: ChildProcess, handover: NetworkHandover): Promise<void> {
  const received: Partial<Record<string, unknown>> = {}
  const all = Promise.withResolvers<void>()
  const onMessage = (name: unknown, handle: unknown): void => {
    if (typeof name !== 'string' || handle === undefined) return
    received[name] = handle
    if (SOCKETS.every((one) => received[one] !== undefined)) all.resolve()
  }
  child.on('message', onMessage)
  const late = setTimeout(() => all.reject(new Error(STEPS[94])), HANDOVER_MS)
  try {
    await all.promise
    await handover(received as unknown as HandedSockets)
    await new Promise<void>((resolve, reject) =>
      child.send('taken', (error) => (error === null ? resolve() : reject(error))),
    )
  } catch (error) {
    for (const socket of Object.values(received) as { close(): void }[]) socket.close()
    throw error
  } finally {
    clearTimeout(late)
    child.off('message', onMessage)
  }
}

/** The type knows of five descriptors. */
function streamAt(child: ChildProcess, descriptor: number): Duplex {
  return (child.stdio as unknown as readonly Duplex[])[descriptor]!
}

/** Any word back from where the command was to begin says that there is none. */
function whetherSaid(go: Duplex): () => boolean {
  let isSaid = false
  go.on('data', () => (isSaid = true))
  go.on('error', () => undefined)
  return () => isSaid
}

/** What the launcher says before the command begins, cut. */
function readLog(stream: Readable): () => Promise<string> {
  let text = ''
  const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  stream.setEncoding('utf8').on('data', (part: string) => {
    if (text.length < MAX_LOG) text += part
  })
  stream.on('error', () => undefined)
  return async () => {
    await ended
    return text.slice(0, MAX_LOG).trim()
  }
}

function firstLine(stream: Readable | null): string {
  const chunk = stream?.read() as Buffer | null
  return chunk?.toString('utf8').split('\n', 1)[0]?.slice(0, 500) ?? ''
}
