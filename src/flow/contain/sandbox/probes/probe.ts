import { randomBytes } from 'node:crypto'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'
import { unmountLimited } from '../bubblewrap/limited-workspace.ts'
import type { Capabilities, Capability, ExitReport, Proof, Quotas, SandboxProvider } from '../provider.ts'
import { PROBE_SCRIPT } from './probe-script.ts'
import type { Canaries, Escapes } from './probe-script.ts'
import { readShellProbe, SHELL_PROBE } from './shell-probe.ts'

const LIMIT_MS = 20_000
/** Of no user that any distribution gives out. */
const PROBE_UID = 1_899_999_999
const MIB = 1024 * 1024
/** Said by a probe that waits for the end of its input, so that it can be measured before it ends. */
const OVER = 'belay-over'

export interface ProbeOptions {
  readonly kernel?: Capabilities['kernel']
  /** What runs inside: `shell` where the programs of this machine are not there. */
  readonly inside?: 'node' | 'shell'
}

/** Tries to escape from sandboxes of the provider, and tells of each property whether it held. Takes about a second. */
export async function probeSandbox(
  provider: SandboxProvider,
  { kernel = 'shared', inside = 'node' }: ProbeOptions = {},
): Promise<Capabilities> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-probe-'))
  try {
    const probe = new Probe(provider, folder, inside)
    const [walls, ...rest] = await Promise.all([
      probe.walls(),
      probe.memory(),
      probe.cpu(),
      probe.pids(),
      probe.disk(),
      probe.daemons(),
    ])
    const limits = Object.fromEntries(
      (['memory', 'cpu', 'pids', 'disk', 'surviving_daemons'] as const).map((name, index) => [
        name,
        rest[index]!,
      ]),
    )
    return { provider: provider.name, kernel, proofs: { ...walls, ...limits } as Capabilities['proofs'] }
  } finally {
    unmountLimited(realpathSync(join(folder, 'disk')))
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Ran {
  readonly report: ExitReport
  readonly output: string
}

class Probe {
  readonly #provider: SandboxProvider
  readonly #folder: string

  readonly #inside: 'node' | 'shell'

  constructor(provider: SandboxProvider, folder: string, inside: 'node' | 'shell') {
    this.#provider = provider
    this.#folder = folder
    this.#inside = inside
  }

  async walls(): Promise<Pick<Record<Capability, Proof>, keyof Escapes>> {
    const names = ['filesystem', 'pid_namespace', 'network', 'secrets'] as const
    const secret = randomBytes(16).toString('hex')
    const file = join(this.#folder, 'canary')
    const socket = join(this.#folder, 'canary.sock')
    writeFileSync(file, secret)
    const servers = await Promise.all([
      canary({ port: 0, host: '127.0.0.1' }, secret),
      canary({ path: `\0belay-${secret}` }, secret),
      canary({ path: socket }, secret),
    ])
    const address = servers[0].address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const canaries: Canaries = { file, port, abstract: `belay-${secret}`, socket, pid: process.pid, secret }
    process.env['BELAY_PROBE'] = secret
    try {
      const escapes = await this.#escapes(canaries)
      return Object.fromEntries(names.map((name) => [name, verdict(escapes[name])])) as Record<
        keyof Escapes,
        Proof
      >
    } catch (error) {
      return Object.fromEntries(names.map((name) => [name, unproven(error)])) as Record<keyof Escapes, Proof>
    } finally {
      delete process.env['BELAY_PROBE']
      for (const server of servers) server.close()
    }
  }

  async #escapes(canaries: Canaries): Promise<Escapes> {
    if (this.#inside === 'shell') {
      const { file, socket, port, pid, secret } = canaries
      const told = [file, socket, String(port), String(pid), secret, readlinkSync('/proc/self/ns/net')]
      return readShellProbe((await this.#run('walls', ['sh', '-c', SHELL_PROBE, 'sh', ...told], {})).output)
    }
    const script = 'exec "$0" -e "$1" "$2" "$(ls /proc/self/fd)"'
    const command = ['sh', '-c', script, process.execPath, PROBE_SCRIPT, JSON.stringify(canaries)]
    return JSON.parse((await this.#run('walls', command, {}, [process.execPath])).output) as Escapes
  }

  memory(): Promise<Proof> {
    // tail keeps the last line, and there is only one. Some engines' control groups are gone with the last process,
    // and with them the count of what the kernel ended: the shell stays until it was read, however slow the machine.
    return this.#limit(
      'memory',
      `read -r begin; head -c 300000000 /dev/zero | tail >/dev/null; code=$?; echo ${OVER}; read -r end; exit $code`,
      { memory: 32 * MIB },
      ({ report }) =>
        report.cause === 'memory' ? null : `300 MB were allocated under a limit of 32 MiB (${report.cause})`,
    )
  }

  cpu(): Promise<Proof> {
    return this.#limit(
      'cpu',
      'timeout 0.6 sh -c "while :; do :; done"; exit 0',
      { cpu: 0.2 },
      ({ report }) => {
        const { cpuMs, wallMs } = report.usage
        if (cpuMs === null) return 'the processor time that was used cannot be read'
        return cpuMs <= wallMs * 0.2 + 100
          ? null
          : `${cpuMs} ms of processor time in ${wallMs} ms under 0.2 cores`
      },
    )
  }

  pids(): Promise<Proof> {
    const forks = 'exec 2>&1; i=0; while [ $i -lt 100 ]; do sleep 3 & i=$((i+1)); done; exit 0'
    return this.#limit('pids', forks, { processes: 24 }, ({ report, output }) =>
      // A control group may be gone before it could be asked; then there is the shell's own word.
      report.cause === 'processes' || (report.usage.forksRefused ?? 0) > 0 || /fork/i.test(output)
        ? null
        : `100 processes were started under a limit of 24 (${report.cause})`,
    )
  }

  disk(): Promise<Proof> {
    return this.#limit(
      'disk',
      'head -c 40000000 /dev/zero > full || exit 9',
      { disk: 16 * MIB },
      ({ report }) =>
        report.cause === 'disk' ? null : `40 MB were written under a limit of 16 MiB (${report.cause})`,
    )
  }

  async daemons(): Promise<Proof> {
    const mark = `86399.${Number.parseInt(randomBytes(4).toString('hex'), 16)}`
    try {
      await this.#run(
        'daemons',
        ['sh', '-c', `(setsid sh -c 'trap "" HUP TERM; sleep ${mark}' &) ; exit 0`],
        {},
      )
      return verdict(isRunning(mark) ? ['outlive the command as a daemon'] : [])
    } catch (error) {
      return unproven(error)
    }
  }

  async #limit(
    name: string,
    script: string,
    quotas: Quotas,
    fault: (ran: Ran) => string | null,
  ): Promise<Proof> {
    try {
      const found = fault(await this.#run(name, ['sh', '-c', script], quotas))
      if (found === null) return { proven: true, detail: 'the limit held', fix: null }
      return { proven: false, detail: found, fix: 'report it: a limit that is accepted must hold' }
    } catch (error) {
      return unproven(error)
    }
  }

  async #run(name: string, command: string[], quotas: Quotas, readOnly: string[] = []): Promise<Ran> {
    const workspace = join(this.#folder, name)
    mkdirSync(workspace, { mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(workspace, PROBE_UID, PROBE_UID)
    const sandbox = await this.#provider.launch({
      agent: `probe-${name}`,
      command,
      workspace,
      env: {},
      network: 'none',
      readOnly,
      quotas: { wallTime: LIMIT_MS, ...quotas },
      require: [],
      profile: 'agent',
      stdio: 'pipe',
    })
    // It may be over before it has read.
    sandbox.stdin?.on('error', () => undefined)
    sandbox.stdin?.write('begin\n')
    if (!command.some((part) => part.includes(OVER))) sandbox.stdin?.end()
    sandbox.stderr?.resume()
    let output = ''
    for await (const chunk of sandbox.stdout!.setEncoding('utf8')) {
      output += String(chunk)
      if (!output.includes(OVER)) continue
      sandbox.usage()
      sandbox.stdin?.end()
    }
    return { report: await sandbox.exited, output }
  }
}

/** A server that says who it is to whoever reaches it. */
function canary(place: { port: number; host: string } | { path: string }, secret: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(secret))
    server.once('error', reject)
    server.listen(place, () => resolve(server.unref()))
  })
}

function verdict(escapes: readonly string[]): Proof {
  if (escapes.length === 0) return { proven: true, detail: 'nothing that was tried got through', fix: null }
  return {
    proven: false,
    detail: `a program inside could ${escapes.join('; ')}`,
    fix: 'do not run agents here, and report it',
  }
}

function unproven(error: unknown): Proof {
  if (error instanceof BelayError && error.details['fix'] !== undefined)
    return { proven: false, detail: error.details['cause'] ?? error.message, fix: error.details['fix'] }
  const message = error instanceof Error ? error.message : String(error)
  return { proven: false, detail: message, fix: fixOf(message) }
}

function fixOf(message: string): string {
  if (/namespace|unshare|uid map|Operation not permitted/i.test(message))
    return 'let this user make namespaces (sysctl -w kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or start Belay as root'
  return 'see what it says'
}

function isRunning(mark: string): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}
