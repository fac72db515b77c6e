import { accessSync, constants, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Quotas } from '../provider.ts'

/** The controllers of the kernel that hold quotas. */
export type Controller = 'memory' | 'cpu' | 'pids'

/** Where a quota is kept. */
export const CONTROLLER_OF = { memory: 'memory', cpu: 'cpu', processes: 'pids' } as const satisfies Partial<
  Record<keyof Quotas, Controller>
>

/** Of a quota of processors, microseconds. */
export const PERIOD_US = 100_000
/** How long freezing and thawing may take. */
export const FREEZE_MS = 5_000

/** How much of each period a number of cores is, microseconds. */
export function shareOfPeriod(cores: number): number {
  return Math.max(1_000, Math.round(cores * PERIOD_US))
}

/** A folder of the control groups in which this process may make others. */
export interface CgroupHost {
  readonly version: 1 | 2
  readonly controllers: ReadonlySet<Controller>
  /** A new leaf with these limits and no process in it yet. */
  create(name: string, quotas: Quotas): Cgroup
}

/** A leaf: the processes of one sandbox and nothing else. */
export interface Cgroup {
  /** The launcher writes 0 to each, and is in it with all that it starts. */
  readonly joins: readonly string[]
  processes(): number[]
  freeze(frozen: boolean): Promise<void>
  /** Signals every process in it, whatever state it is in. */
  kill(): void
  usage(): CgroupUsage
  /** Removes it, when no process is left and the last has been reaped; answers whether it is gone. */
  remove(): boolean
}

export interface CgroupUsage {
  readonly memory: number | null
  readonly memoryPeak: number | null
  readonly cpuMs: number | null
  readonly processes: number | null
  readonly forksRefused: number | null
  readonly throttledMs: number | null
  /** How many processes the kernel killed because of the limit of memory. */
  readonly oomKills: number | null
}

export interface Unavailable {
  readonly unavailable: string
  readonly fix: string
}

const LEAF = /^(\d+)\.(\d+)\.[\w.-]+$/

/** A name that tells whose leaf it is: process and time of its start, which no later process shares. */
export function leafName(agent: string, serial: number): string {
  const safe = agent.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60)
  return `${process.pid}.${startOf(process.pid)}.${safe}.${serial}`
}

/** Whether the process that made a leaf of this name is gone, so that nobody but us ends what is in it. */
function isAbandoned(name: string): boolean {
  const match = LEAF.exec(name)
  return match !== null && startOf(Number(match[1])) !== match[2]
}

/** What a harness that was killed has left: its processes died with it, save one that was just being started. */
export function endAbandoned(parent: string, thaw: (leaf: string) => void = () => undefined): void {
  for (const name of readdirSync(parent)) {
    if (!isAbandoned(name)) continue
    const leaf = join(parent, name)
    signalAll(readProcesses(join(leaf, 'cgroup.procs')))
    thaw(leaf)
    removeFolder(leaf)
  }
}

export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** In another unit; `null` where it is not known. */
export function dividedBy(value: number | null, by: number): number | null {
  return value === null ? null : value / by
}

/** Clock ticks from boot to the start of a process; `undefined` when there is none. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  // The name of the program may hold spaces and brackets; what follows its last bracket does not.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

export function readNumber(path: string): number | null {
  const text = readText(path)?.trim()
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text)
}

/** A value of a file of lines `name value`. */
export function readField(path: string, name: string): number | null {
  const line = readText(path)
    ?.split('\n')
    .find((one) => one.startsWith(`${name} `))
  return line === undefined ? null : Number(line.slice(name.length + 1))
}

export function readProcesses(path: string): number[] {
  return (readText(path) ?? '').split('\n').filter(Boolean).map(Number)
}

export function signalAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** A folder of the kernel's vanishes only when the last process has been reaped: not at once. */
export function removeFolder(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** Waits until it holds, looking again ever more seldom. */
export async function eventually(holds: () => boolean, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs
  for (let wait = 1; !holds(); wait = Math.min(wait * 2, 50)) {
    if (performance.now() > until) return false
    await pause(wait)
  }
  return true
}
