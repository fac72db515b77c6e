import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

/** Whether processes can be tied to a core: the one under test to the first, everything else to the second. */
export const canPin = has('taskset') && availableParallelism() > 1
export type Core = 0 | 1 | null

/** Starts a program on a core, or wherever the system puts it (`null`). */
export function start(
  core: Core,
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly quiet?: boolean } = {},
): ChildProcess {
  const pinned = core !== null && canPin
  return spawn(pinned ? 'taskset' : command, pinned ? ['-c', String(core), command, ...args] : [...args], {
    stdio: ['ignore', 'pipe', options.quiet === true ? 'ignore' : 'inherit'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
  })
}

/** The first line of its output that matches. */
export function said(child: ChildProcess, pattern: RegExp, ms = 60_000): Promise<RegExpExecArray> {
  return new Promise((found, failed) => {
    let text = ''
    const timer = setTimeout(() => failed(new Error(`nothing like ${pattern} within ${ms} ms: ${text}`)), ms)
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const match = pattern.exec(text)
      if (match === null) return
      clearTimeout(timer)
      found(match)
    })
    child.once('exit', (code) => failed(new Error(`ended with ${code}: ${text}`)))
  })
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

/** CPU time of a process, all its threads and its children, microseconds (Linux, in steps of a clock tick). */
export function cpuOf(pid: number): number {
  let ticks = 0
  for (const each of [pid, ...childrenOf(pid)]) {
    const fields = statOf(each)
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return (ticks / TICKS_PER_SECOND) * 1e6
}

/** CPU time of the children of this process that have ended, microseconds: the load. */
export function endedChildrenCpu(): number {
  const fields = statOf(process.pid)
  return ((Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND) * 1e6
}

/** Resident memory of a process and its children, MB of 10⁶ bytes. */
export function memoryOf(pid: number): number {
  let kilobytes = 0
  for (const each of [pid, ...childrenOf(pid)])
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${each}/status`, 'utf8'))?.[1] ?? 0)
  return (kilobytes * 1024) / 1e6
}

/** CPU time of the whole machine so far, microseconds: user, nice, system, interrupts, stolen by other guests. */
export function machineCpu(): { readonly busy: number; readonly stolen: number } {
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, soft = 0, stolen = 0] = readFileSync(
    '/proc/stat',
    'utf8',
  )
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const micros = 1e6 / TICKS_PER_SECOND
  return { busy: (user + nice + system + interrupt + soft) * micros, stolen: stolen * micros }
}

/** What follows the name of the program, which may hold blanks. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function childrenOf(pid: number): number[] {
  const found: number[] = []
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const own = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim()
    if (own !== '')
      for (const child of own.split(' ')) found.push(Number(child), ...childrenOf(Number(child)))
  }
  return found
}
