import type { Socket as DatagramSocket } from 'node:dgram'
import type { Server } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { Capability } from '../../../policy/schema-sandbox.ts'

/** Runs programs so that what they can reach is known beforehand. Nothing of it is taken on trust: see `probe`. */
export interface SandboxProvider {
  readonly name: string
  /** What it can enforce on this machine, found by trying to escape. Slow the first time, remembered afterwards. */
  probe(): Promise<Capabilities>
  /**
   * Starts the command. Rejects with a `BelayError` (`sandbox:…`) when anything that was asked for cannot be had; then
   * nothing of the command has run.
   */
  launch(spec: SandboxSpec): Promise<Sandbox>
}

export { CAPABILITIES, type Capability } from '../../../policy/schema-sandbox.ts'

export interface Capabilities {
  readonly provider: string
  /** Whose kernel the agent's system calls reach. */
  readonly kernel: 'shared' | 'gvisor' | 'vm'
  readonly proofs: Readonly<Record<Capability, Proof>>
}

export interface Proof {
  /** True only when every escape that was tried was stopped. */
  readonly proven: boolean
  /** What was tried and what came of it, or why it could not be tried. */
  readonly detail: string
  /** What to do about it, a command where there is one; `null` when proven. */
  readonly fix: string | null
}

/** `agent`: a long-running program; `snippet`: a short one, no network; `browser`: Chromium with a sandbox of its own. */
export type SandboxProfile = 'agent' | 'snippet' | 'browser'

export interface SandboxSpec {
  readonly agent: string
  /** Program and arguments, looked up in the sandbox's PATH. */
  readonly command: readonly string[]
  /** Absolute path of a folder on the host; it is /workspace inside, the only place that persists. */
  readonly workspace: string
  /** Inside, absolute or relative to /workspace; default /workspace. */
  readonly cwd?: string
  /** The whole environment beside PATH, HOME and the like: nothing of the harness's is passed on. */
  readonly env: Readonly<Record<string, string>>
  /** `none`: a network namespace with nothing in it but its own loopback. */
  readonly network: 'none' | NetworkHandover
  /** PEM of a certificate authority that programs inside trust beside (the host's public ones). */
  readonly ca?: string
  /** Absolute host paths that the agent sees under the same names, read-only. */
  readonly readOnly?: readonly string[]
  readonly quotas: Quotas
  /** Refused unless the provider has proven all of them. Every quota that is set demands its own as well. */
  readonly require: readonly Capability[]
  readonly profile: SandboxProfile
  /** `pipe`: `stdin`, `stdout`, `stderr` of the `Sandbox`; `inherit`: those of this process; `ignore`: /dev/null. */
  readonly stdio: 'pipe' | 'inherit' | 'ignore'
}

/**
 * Receives the sockets on which the agent's whole network ends, before the command starts. They listen already; whoever
 * connects to them is that agent and nobody else. The launch waits for the promise and fails when it rejects. The
 * receiver closes them when the sandbox has exited.
 */
export type NetworkHandover = (sockets: HandedSockets) => Promise<void> | void

export interface HandedSockets {
  /** Port 443 of every IPv4 address: TLS, whatever the agent thinks it connects to. */
  readonly https: Server
  /** Port 80 of every IPv4 address. */
  readonly http: Server
  /** 127.0.0.1:3128, an HTTP proxy for programs that heed the proxy variables. */
  readonly proxy: Server
  /** UDP 127.0.0.1:53, the only name server. */
  readonly dns: DatagramSocket
}

/** Limits; what is absent is not limited. */
export interface Quotas {
  /** Bytes, of all its processes, page cache and /tmp included; no swap. */
  readonly memory?: number
  /** Cores, 0.5 is half of one. */
  readonly cpu?: number
  /** Processes and threads. */
  readonly processes?: number
  /** Milliseconds from the start. */
  readonly wallTime?: number
  /** Bytes of the workspace. */
  readonly disk?: number
  /** Descriptors of one process. */
  readonly openFiles?: number
  /** Requests that leave; counted by the gateway, which calls `kill('requests')`. */
  readonly requests?: number
  /** Dollars; counted by the gateway, which calls `kill('budget')`. */
  readonly usd?: number
}

export type ExitCause =
  | 'exited'
  | 'signal'
  | 'memory'
  | 'cpu'
  | 'processes'
  | 'wall_time'
  | 'disk'
  | 'requests'
  | 'budget'
  | 'stopped'
  | 'harness'

export interface ExitReport {
  /** Exit code of the command; `null` when a signal ended it. 128 + n is read as signal n, as shells write it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /**
   * Why it ended. A quota is named only when it was hit: the kernel killed for memory, refused a fork, the deadline
   * passed. `stopped`: by a person; `harness`: the harness ended.
   */
  readonly cause: ExitCause
  /** For people: what was hit and what the limit is; empty when it exited by itself. */
  readonly detail: string
  readonly usage: Usage
}

/** What the agent has used; `null` where the machine does not tell. */
export interface Usage {
  readonly memoryPeak: number | null
  readonly memory: number | null
  readonly cpuMs: number | null
  readonly processes: number | null
  readonly wallMs: number
  /** How often the kernel refused a new process because of the quota. */
  readonly forksRefused: number | null
  /** How long it was held back because of the quota of processor time. */
  readonly throttledMs: number | null
}

export interface Sandbox {
  /** On the host, of the process that ends when the sandbox does. */
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Never rejects. Settled only when no process of the sandbox is left. */
  readonly exited: Promise<ExitReport>
  /** Stops every process where it is; they notice nothing. Wall time goes on. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Asks the command to end, as `kill(1)` does; absent where a provider cannot. */
  signal?(signal: NodeJS.Signals): void
  /** Ends every process at once, frozen or not. Resolves as `exited` does. */
  kill(cause?: ExitCause): Promise<ExitReport>
  usage(): Usage
}

/** Where programs inside find the authorities they trust, `SandboxSpec.ca` among them. */
export const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
