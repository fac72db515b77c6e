import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { ExitCause, ExitReport, Quotas, Sandbox, Usage } from '../provider.ts'
import { eventually, readText } from './cgroup.ts'
import type { Cgroup, CgroupUsage } from './cgroup.ts'
import { descendants, signalTree } from './process-tree.ts'

const NOTHING: CgroupUsage = {
  memory: null,
  memoryPeak: null,
  cpuMs: null,
  processes: null,
  forksRefused: null,
  throttledMs: null,
  oomKills: null,
}
const EMPTY_MS = 10_000
const MAX_TIMER = 2 ** 31 - 1

export interface RunningCommand {
  /** bwrap, which ends with the sandbox. */
  readonly child: ChildProcess
  readonly cgroup: Cgroup | null
  readonly quotas: Quotas
  /** What bwrap tells of the command: that it exists, and later its exit code. */
  readonly status: StatusReader
  /** Whether there was no such command. */
  readonly isMissing: () => boolean
  readonly isDiskFull: () => boolean
  /** After the last process has ended. */
  readonly onEnd: () => void
}

/** Reads the JSON documents that bwrap writes: `{"child-pid": 7, …}` at first, `{"exit-code": 0}` if the command ran. */
export class StatusReader {
  readonly started: Promise<number>
  exitCode: number | null = null
  #text = ''

  constructor(stream: Readable) {
    const started = Promise.withResolvers<number>()
    this.started = started.promise
    started.promise.catch(() => undefined)
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      this.#text += text
      for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
        const document = JSON.parse(this.#text.slice(0, end)) as Record<string, unknown>
        this.#text = this.#text.slice(end + 1)
        if (typeof document['child-pid'] === 'number') started.resolve(document['child-pid'])
        if (typeof document['exit-code'] === 'number') this.exitCode = document['exit-code']
      }
    })
    stream.on('error', () => undefined)
    stream.once('close', () => started.reject(new Error('bwrap ended before the command began')))
  }
}

export class SandboxedProcess implements Sandbox {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly exited: Promise<ExitReport>
  readonly #running: RunningCommand
  readonly #began = performance.now()
  readonly #wallTimer: NodeJS.Timeout | undefined
  #cause: ExitCause | undefined
  #frozen = false
  #lastUsage: CgroupUsage = NOTHING
  #ended: number | null = null

  constructor(running: RunningCommand) {
    const { child, quotas } = running
    this.#running = running
    this.pid = child.pid!
    this.stdin = child.stdin
    this.stdout = child.stdout
    this.stderr = child.stderr
    const closed = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
    this.exited = closed.then(() => this.#end())
    if (quotas.wallTime !== undefined)
      this.#wallTimer = setTimeout(() => void this.kill('wall_time'), Math.min(quotas.wallTime, MAX_TIMER))
  }

  async freeze(): Promise<void> {
    if (this.#ended !== null) return
    this.#frozen = true
    const { cgroup } = this.#running
    if (cgroup === null) signalTree(this.pid, 'SIGSTOP')
    else await cgroup.freeze(true)
  }

  async thaw(): Promise<void> {
    if (this.#ended !== null || !this.#frozen) return
    const { cgroup } = this.#running
    if (cgroup === null) signalTree(this.pid, 'SIGCONT')
    else await cgroup.freeze(false)
    this.#frozen = false
  }

  signal(signal: NodeJS.Signals): void {
    // bwrap, in the sandbox the init of bwrap, and only then the command.
    const [, command] = descendants(this.pid)
    if (command === undefined) return
    try {
      process.kill(command, signal)
    } catch {
      // It has ended meanwhile.
    }
  }

  async kill(cause: ExitCause = 'stopped'): Promise<ExitReport> {
    if (this.#ended === null) this.#cause ??= cause
    this.#killAll()
    return this.exited
  }

  usage(): Usage {
    if (this.#ended === null) this.#lastUsage = this.#running.cgroup?.usage() ?? NOTHING
    const { oomKills: _, ...usage } = this.#lastUsage
    return { ...usage, wallMs: Math.round((this.#ended ?? performance.now()) - this.#began) }
  }

  #killAll(): void {
    const { child, cgroup } = this.#running
    try {
      // Its death takes the namespace of processes with it, where there is no control group too.
      child.kill('SIGKILL')
      cgroup?.kill()
    } catch {
      // The group is removed already.
    }
  }

  async #end(): Promise<ExitReport> {
    clearTimeout(this.#wallTimer)
    const { cgroup, status, onEnd } = this.#running
    const init = await status.started.catch(() => null)
    const nobodyLeft = (): boolean => {
      if (cgroup !== null) return cgroup.processes().length === 0
      return init === null || !exists(init)
    }
    let alive = !nobodyLeft()
    if (alive) {
      this.#killAll()
      alive = !(await eventually(nobodyLeft, EMPTY_MS))
    }
    this.usage()
    const oomKills = this.#lastUsage.oomKills ?? 0
    this.#ended = performance.now()
    const report = this.#report(oomKills)
    if (cgroup !== null && !cgroup.remove()) void eventually(() => cgroup.remove(), EMPTY_MS)
    onEnd()
    return alive ? { ...report, detail: `${report.detail} A process in it cannot be ended.`.trim() } : report
  }

  #report(oomKills: number): ExitReport {
    const { child, status, quotas, isDiskFull, isMissing } = this.#running
    const { code, signal } = outcome(status.exitCode ?? child.exitCode, child.signalCode)
    const failed = code !== 0
    const usage = this.usage()
    const give = (cause: ExitCause, detail: string): ExitReport => ({ code, signal, cause, detail, usage })
    if (this.#cause !== undefined) return give(this.#cause, detailOf(this.#cause, quotas))
    if (failed && oomKills > 0) return give('memory', detailOf('memory', quotas))
    if (failed && (usage.forksRefused ?? 0) > 0) return give('processes', detailOf('processes', quotas))
    if (failed && isDiskFull()) return give('disk', detailOf('disk', quotas))
    if (signal === 'SIGXCPU') return give('cpu', detailOf('cpu', quotas))
    // bwrap ended by itself; why is on standard error, as with a command that is not there.
    if (status.exitCode === null || isMissing()) return give('harness', 'the command could not be started')
    return give(signal === null ? 'exited' : 'signal', '')
  }
}

const SIGNALS = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
)

function outcome(
  code: number | null,
  signal: NodeJS.Signals | null,
): { code: number | null; signal: NodeJS.Signals | null } {
  if (code === null) return { code, signal }
  const read = code > 128 ? SIGNALS.get(code - 128) : undefined
  return read === undefined ? { code, signal: null } : { code: null, signal: read }
}

function detailOf(cause: ExitCause, quotas: Quotas): string {
  switch (cause) {
    case 'memory':
      return `the limit of ${quotas.memory ?? 'the machine in'} bytes of memory`
    case 'processes':
      return `the limit of ${quotas.processes} processes`
    case 'wall_time':
      return `the limit of ${quotas.wallTime} ms from start to end`
    case 'disk':
      return `the limit of ${quotas.disk ?? 'its'} bytes of disk`
    case 'requests':
      return `the limit of ${quotas.requests} requests`
    case 'budget':
      return 'the budget in dollars'
    case 'stopped':
      return 'it was stopped'
    case 'harness':
      return 'the harness ended'
    case 'cpu':
      return 'the limit of processor time'
    case 'exited':
    case 'signal':
      return ''
  }
}

/** A process that waits for whoever started it to look at its end is none any more. */
function exists(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`)
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}
