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

const HIERARCHIES = ['memory', 'cpu', 'pids', 'cpuacct', 'freezer'] as const
type Hierarchy = (typeof HIERARCHIES)[number]

/**
 * Control groups of the first version, in which only root may make folders. They lie below the group of this process,
 * so that what limits the harness limits its agents too.
 */
export function cgroupsV1(mounts: readonly CgroupMount[]): CgroupHost | undefined {
  const folders = new Map<Hierarchy, string>()
  for (const hierarchy of HIERARCHIES) {
    const mount = mounts.find(({ controllers }) => controllers.includes(hierarchy))
    if (mount === undefined || !isWritable(mount.own)) continue
    const folder = join(mount.own, 'belay')
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    folders.set(hierarchy, folder)
  }
  if (folders.size === 0) return undefined
  for (const folder of new Set(folders.values())) endAbandoned(folder, thaw)
  return {
    version: 1,
    controllers: new Set((['memory', 'cpu', 'pids'] as Controller[]).filter((one) => folders.has(one))),
    create: (name, quotas) => create(folders, name, quotas),
  }
}

function create(folders: ReadonlyMap<Hierarchy, string>, name: string, quotas: Quotas): Cgroup {
  const leaf = new Map([...folders].map(([hierarchy, folder]) => [hierarchy, join(folder, name)]))
  // Hierarchies may be mounted together (cpu,cpuacct): then they share a folder.
  const paths = [...new Set(leaf.values())]
  for (const path of paths) mkdirSync(path, { recursive: true, mode: 0o755 })
  const memory = leaf.get('memory')
  const cpu = leaf.get('cpu')
  const pids = leaf.get('pids')
  const freezer = leaf.get('freezer')
  const cpuacct = leaf.get('cpuacct')
  if (quotas.memory !== undefined) limitMemory(memory!, quotas.memory)
  if (quotas.processes !== undefined) write(pids!, 'pids.max', quotas.processes)
  if (quotas.cpu !== undefined) {
    write(cpu!, 'cpu.cfs_period_us', PERIOD_US)
    write(cpu!, 'cpu.cfs_quota_us', shareOfPeriod(quotas.cpu))
  }
  const state = freezer === undefined ? undefined : join(freezer, 'freezer.state')
  const processes = (): number[] => [
    ...new Set(paths.flatMap((path) => readProcesses(join(path, 'cgroup.procs')))),
  ]
  return {
    joins: paths.map((path) => join(path, 'cgroup.procs')),
    processes,
    async freeze(frozen) {
      if (state === undefined) throw new Error('there is no freezer')
      const wanted = frozen ? 'FROZEN' : 'THAWED'
      writeFileSync(state, wanted)
      const done = await eventually(() => readText(state)?.trim() === wanted, FREEZE_MS)
      if (!done) throw new Error(`the processes are not ${wanted.toLowerCase()} after ${FREEZE_MS} ms`)
    },
    kill() {
      signalAll(processes())
      if (freezer !== undefined) thaw(freezer)
    },
    usage: (): CgroupUsage => ({
      memory: memory === undefined ? null : readNumber(join(memory, 'memory.usage_in_bytes')),
      memoryPeak: memory === undefined ? null : readNumber(join(memory, 'memory.max_usage_in_bytes')),
      cpuMs: cpuacct === undefined ? null : dividedBy(readNumber(join(cpuacct, 'cpuacct.usage')), 1e6),
      processes: pids === undefined ? null : readNumber(join(pids, 'pids.current')),
      forksRefused: pids === undefined ? null : readField(join(pids, 'pids.events'), 'max'),
      throttledMs:
        cpu === undefined ? null : dividedBy(readField(join(cpu, 'cpu.stat'), 'throttled_time'), 1e6),
      oomKills: memory === undefined ? null : readField(join(memory, 'memory.oom_control'), 'oom_kill'),
    }),
    remove: () => paths.map(removeFolder).every(Boolean),
  }
}

function limitMemory(folder: string, bytes: number): void {
  write(folder, 'memory.limit_in_bytes', bytes)
  // Absent where swap is not counted; then it is kept from swapping at all.
  if (existsSync(join(folder, 'memory.memsw.limit_in_bytes')))
    write(folder, 'memory.memsw.limit_in_bytes', bytes)
  else write(folder, 'memory.swappiness', 0)
}

/** A signal reaches a process of this version only when it is thawed. */
function thaw(leaf: string): void {
  const state = join(leaf, 'freezer.state')
  if (existsSync(state)) writeFileSync(state, 'THAWED')
}

function write(folder: string, file: string, value: number): void {
  writeFileSync(join(folder, file), String(value))
}
