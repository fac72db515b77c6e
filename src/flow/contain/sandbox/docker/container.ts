import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { ExitCause, ExitReport, Quotas, Sandbox, Usage } from '../provider.ts'
import type { ContainerEngine } from './container-engine.ts'

/** More often at the beginning: what is over soon is measured too. */
const LOOK_FIRST_MS = 50
const LOOK_EVERY_MS = 500
const FIRST_LOOKS = 40
/** The kernel kills within so many bytes of the limit. */
const PAGE_SLACK = 64 * 1024
const MAX_TIMER = 2 ** 31 - 1
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
}

type Measured = Omit<Usage, 'wallMs'> & { readonly oomKills: number | null }
const NOTHING: Measured = {
  memory: null,
  memoryPeak: null,
  cpuMs: null,
  processes: null,
  forksRefused: null,
  throttledMs: null,
  oomKills: null,
}

export interface StartedContainer {
  readonly engine: ContainerEngine
  readonly name: string
  /** The engine's process whose streams are the container's. */
  readonly child: ChildProcess
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Of the container's first process, on the host. */
  readonly pid: number
  readonly quotas: Quotas
  /** After the container was removed. */
  readonly onEnd: () => void
}

/** A command that runs in a container. Ended when the container is removed. */
export class Container implements Sandbox {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly exited: Promise<ExitReport>
  readonly #started: StartedContainer
  readonly #began = performance.now()
  readonly #wallTimer: NodeJS.Timeout | undefined
  #lookTimer: NodeJS.Timeout | undefined
  #looks = 0
  readonly #groups: ReadonlyMap<string, string>
  #cause: ExitCause | undefined
  #frozen = false
  #ended: number | null = null
  #measured: Measured = NOTHING

  constructor(started: StartedContainer) {
    const { child, pid, quotas, stdout, stderr } = started
    this.#started = started
    this.pid = pid
    this.stdin = child.stdin
    this.stdout = stdout
    this.stderr = stderr
    this.#groups = groupsOf(pid)
    this.#lookAgain()
    const over = new Promise<number | null>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode)
      else child.once('exit', (code) => resolve(code))
    })
    this.exited = over.then((code) => this.#end(code))
    if (quotas.wallTime !== undefined)
      this.#wallTimer = setTimeout(() => void this.kill('wall_time'), Math.min(quotas.wallTime, MAX_TIMER))
  }

  async freeze(): Promise<void> {
    if (this.#ended !== null || this.#frozen) return
    await this.#started.engine.run(['pause', this.#started.name])
    this.#frozen = true
  }

  async thaw(): Promise<void> {
    if (this.#ended !== null || !this.#frozen) return
    await this.#started.engine.run(['unpause', this.#started.name])
    this.#frozen = false
  }

  signal(signal: NodeJS.Signals): void {
    this.#started.engine.run(['kill', '--signal', signal, this.#started.name]).catch(() => undefined)
  }

  async kill(cause: ExitCause = 'stopped'): Promise<ExitReport> {
    if (this.#ended === null) this.#cause ??= cause
    this.#look()
    // The first process of the namespace takes the others with it; what is frozen gets the signal when it thaws.
    try {
      process.kill(this.pid, 'SIGKILL')
    } catch {
      // Another user's (a rootless engine), or over: the engine does it.
    }
    const { engine, name } = this.#started
    if (this.#frozen) await engine.run(['unpause', name]).catch(() => undefined)
    await engine.run(['kill', '--signal', 'KILL', name]).catch(() => undefined)
    return this.exited
  }

  usage(): Usage {
    if (this.#ended === null) this.#look()
    const { oomKills: _, ...measured } = this.#measured
    return { ...measured, wallMs: Math.round((this.#ended ?? performance.now()) - this.#began) }
  }

  #lookAgain(): void {
    this.#look()
    const after = this.#looks++ < FIRST_LOOKS ? LOOK_FIRST_MS : LOOK_EVERY_MS
    this.#lookTimer = setTimeout(() => this.#lookAgain(), after).unref()
  }

  #look(): void {
    const next = measure(this.#groups)
    if (next !== null) this.#measured = next
  }

  async #end(attachedCode: number | null): Promise<ExitReport> {
    clearTimeout(this.#wallTimer)
    clearTimeout(this.#lookTimer)
    const { engine, name, quotas, onEnd } = this.#started
    const state = (await engine.inspect(name)) ?? {}
    await engine.run(['rm', '--force', '--volumes', name]).catch(() => undefined)
    this.#ended = performance.now()
    onEnd()
    const exitCode = typeof state['ExitCode'] === 'number' ? state['ExitCode'] : attachedCode
    const signal = exitCode !== null && exitCode > 128 ? (SIGNALS[exitCode - 128] ?? null) : null
    const { memoryPeak, oomKills } = this.#measured
    // Engines do not always notice: a kill that nobody here asked for, at the limit, is the kernel's.
    const atLimit = memoryPeak !== null && memoryPeak >= (quotas.memory ?? Infinity) - PAGE_SLACK
    const killed = state['OOMKilled'] === true || (oomKills ?? 0) > 0 || (signal === 'SIGKILL' && atLimit)
    const refused = this.#measured.forksRefused ?? 0
    const { cause, detail } = this.#because(killed, refused, exitCode, signal, quotas)
    return { code: signal === null ? exitCode : null, signal, cause, detail, usage: this.usage() }
  }

  #because(
    oomKilled: boolean,
    forksRefused: number,
    code: number | null,
    signal: NodeJS.Signals | null,
    quotas: Quotas,
  ): { readonly cause: ExitCause; readonly detail: string } {
    if (this.#cause === 'wall_time')
      return { cause: 'wall_time', detail: `its time of ${quotas.wallTime} ms was over` }
    if (this.#cause !== undefined) return { cause: this.#cause, detail: '' }
    if (oomKilled && code !== 0)
      return { cause: 'memory', detail: `it wanted more memory than ${quotas.memory ?? 'there is'} bytes` }
    if (code !== 0 && forksRefused > 0)
      return {
        cause: 'processes',
        detail: `the kernel refused ${forksRefused} processes beyond ${quotas.processes}`,
      }
    return { cause: signal === null ? 'exited' : 'signal', detail: '' }
  }
}

/** Files of the container's control groups by controller; `''` for version 2. */
function groupsOf(pid: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const lines = read(`/proc/${pid}/cgroup`)?.split('\n') ?? []
  const isMixed = lines.some((line) => /^\d+:memory:/.test(line))
  for (const line of lines) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === '' && !isMixed) found.set('', `/sys/fs/cgroup${path}`)
    for (const controller of controllers.split(',').filter((one) => one !== ''))
      found.set(controller, `/sys/fs/cgroup/${controllers}${path}`)
  }
  return found
}

/** `null` when the groups are gone or cannot be read: what was measured last stays. */
function measure(groups: ReadonlyMap<string, string>): Measured | null {
  const unified = groups.get('')
  if (unified !== undefined) {
    const memory = numberAt(`${unified}/memory.current`)
    if (memory === null) return null
    const usec = fieldAt(`${unified}/cpu.stat`, 'usage_usec')
    const throttled = fieldAt(`${unified}/cpu.stat`, 'throttled_usec')
    return {
      memory,
      memoryPeak: numberAt(`${unified}/memory.peak`),
      cpuMs: usec === null ? null : usec / 1_000,
      processes: numberAt(`${unified}/pids.current`),
      forksRefused: fieldAt(`${unified}/pids.events`, 'max'),
      throttledMs: throttled === null ? null : throttled / 1_000,
      oomKills: fieldAt(`${unified}/memory.events`, 'oom_kill'),
    }
  }
  const memory = numberAt(`${groups.get('memory')}/memory.usage_in_bytes`)
  if (memory === null) return null
  const nanoseconds = numberAt(`${groups.get('cpuacct')}/cpuacct.usage`)
  const throttled = fieldAt(`${groups.get('cpu')}/cpu.stat`, 'throttled_time')
  return {
    memory,
    memoryPeak: numberAt(`${groups.get('memory')}/memory.max_usage_in_bytes`),
    cpuMs: nanoseconds === null ? null : nanoseconds / 1e6,
    processes: numberAt(`${groups.get('pids')}/pids.current`),
    forksRefused: fieldAt(`${groups.get('pids')}/pids.events`, 'max'),
    throttledMs: throttled === null ? null : throttled / 1e6,
    oomKills: fieldAt(`${groups.get('memory')}/memory.oom_control`, 'oom_kill'),
  }
}

function numberAt(path: string): number | null {
  const text = read(path)?.trim()
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null
}

function fieldAt(path: string, name: string): number | null {
  const line = read(path)
    ?.split('\n')
    .find((one) => one.startsWith(`${name} `))
  return line === undefined ? null : Number(line.slice(name.length + 1))
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
