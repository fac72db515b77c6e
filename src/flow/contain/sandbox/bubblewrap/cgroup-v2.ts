import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Quotas } from '../provider.ts'
import {
  dividedBy,
  endAbandoned,
  eventually,
  FREEZE_MS,
  isWritable,
  PERIOD_US,
  readField,
  readNumber,
  readProcesses,
  readText,
  removeFolder,
  shareOfPeriod,
  signalAll,
} from './cgroup.ts'
import type { Cgroup, CgroupHost, CgroupUsage, Controller } from './cgroup.ts'
import type { CgroupMount } from './cgroup-mounts.ts'

const CONTROLLERS: readonly Controller[] = ['memory', 'cpu', 'pids']

/**
 * Control groups of the second version: as root at the top of what is mounted; else in the group of this process, when
 * it was delegated to its user. There this process moves into a leaf of its own, because a group that passes
 * controllers on may hold no processes.
 */
export function cgroupsV2(mount: CgroupMount, isRoot: boolean): CgroupHost | undefined {
  const parent = isRoot ? mount.root : mount.own
  if (!isWritable(parent) || !isWritable(join(parent, 'cgroup.procs'))) return undefined
  const has = wordsOf(join(parent, 'cgroup.controllers'))
  const wanted = CONTROLLERS.filter((one) => has.includes(one))
  if (wanted.length === 0 || !passOn(parent, wanted)) return undefined
  const folder = join(parent, 'belay')
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  if (!passOn(folder, wanted)) return undefined
  endAbandoned(folder)
  return {
    version: 2,
    controllers: new Set(wanted),
    create: (name, quotas) => create(join(folder, name), quotas),
  }
}

function create(folder: string, quotas: Quotas): Cgroup {
  mkdirSync(folder, { mode: 0o755 })
  const at = (file: string): string => join(folder, file)
  if (quotas.memory !== undefined) {
    writeFileSync(at('memory.max'), String(quotas.memory))
    // Absent where the kernel has no swap.
    if (existsSync(at('memory.swap.max'))) writeFileSync(at('memory.swap.max'), '0')
    // Half an agent is no agent: all of it goes when one of its processes must.
    writeFileSync(at('memory.oom.group'), '1')
  }
  if (quotas.processes !== undefined) writeFileSync(at('pids.max'), String(quotas.processes))
  if (quotas.cpu !== undefined) writeFileSync(at('cpu.max'), `${shareOfPeriod(quotas.cpu)} ${PERIOD_US}`)
  const processes = (): number[] => readProcesses(at('cgroup.procs'))
  return {
    joins: [at('cgroup.procs')],
    processes,
    async freeze(frozen) {
      writeFileSync(at('cgroup.freeze'), frozen ? '1' : '0')
      const wanted = frozen ? 1 : 0
      const done = await eventually(() => readField(at('cgroup.events'), 'frozen') === wanted, FREEZE_MS)
      if (!done)
        throw new Error(`the processes are not ${frozen ? 'frozen' : 'thawed'} after ${FREEZE_MS} ms`)
    },
    kill() {
      if (existsSync(at('cgroup.kill'))) writeFileSync(at('cgroup.kill'), '1')
      else signalAll(processes())
    },
    usage: (): CgroupUsage => ({
      memory: readNumber(at('memory.current')),
      memoryPeak: readNumber(at('memory.peak')),
      cpuMs: dividedBy(readField(at('cpu.stat'), 'usage_usec'), 1_000),
      processes: readNumber(at('pids.current')),
      forksRefused: readField(at('pids.events'), 'max'),
      throttledMs: dividedBy(readField(at('cpu.stat'), 'throttled_usec'), 1_000),
      oomKills: readField(at('memory.events'), 'oom_kill'),
    }),
    remove: () => removeFolder(folder),
  }
}

/** Lets folders below have these controllers. */
function passOn(folder: string, controllers: readonly Controller[]): boolean {
  const file = join(folder, 'cgroup.subtree_control')
  const missing = controllers.filter((one) => !wordsOf(file).includes(one))
  if (missing.length === 0) return true
  const write = (): void => writeFileSync(file, missing.map((one) => `+${one}`).join(' '))
  try {
    write()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return false
  }
  try {
    const leaf = join(folder, 'belay-harness')
    mkdirSync(leaf, { recursive: true, mode: 0o755 })
    for (const pid of readProcesses(join(folder, 'cgroup.procs')))
      writeFileSync(join(leaf, 'cgroup.procs'), String(pid))
    write()
    return true
  } catch {
    return false
  }
}

function wordsOf(file: string): string[] {
  return (readText(file) ?? '').trim().split(/\s+/)
}
