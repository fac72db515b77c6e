import { findProgram } from './programs.ts'
import type { CgroupHost, Unavailable } from './cgroup.ts'
import { cgroupMounts } from './cgroup-mounts.ts'
import { cgroupsV1 } from './cgroup-v1.ts'
import { cgroupsV2 } from './cgroup-v2.ts'

/** Starts a command in a group that is delegated to the user, where systemd runs for that user. */
const DELEGATE = 'systemd-run --user --scope -p Delegate=yes --'

/** The version in which limits can be set from here; the second where both can. */
export function findCgroups(): CgroupHost | Unavailable {
  const mounts = cgroupMounts()
  const isRoot = process.getuid?.() === 0
  const unified = mounts.find(({ version }) => version === 2)
  const second = unified === undefined ? undefined : attempt(() => cgroupsV2(unified, isRoot))
  if (second !== undefined) return second
  const legacy = mounts.filter(({ version }) => version === 1)
  const first = isRoot && legacy.length > 0 ? attempt(() => cgroupsV1(legacy)) : undefined
  if (first !== undefined) return first
  return {
    unavailable: reasonOf(mounts.length, legacy.length, isRoot),
    fix: isRoot
      ? 'mount the control groups writable (in a container: --cgroupns=private and a writable /sys/fs/cgroup)'
      : legacy.length === 0 && findProgram('systemd-run') !== undefined
        ? `start it as ${DELEGATE} belay …`
        : 'start Belay as root, or on a system with control groups of version 2 and systemd',
  }
}

function reasonOf(mounts: number, legacy: number, isRoot: boolean): string {
  if (mounts === 0) return 'no control groups are mounted'
  if (isRoot) return 'the control groups cannot be written'
  return legacy === 0
    ? 'the control group of this process is not delegated to its user'
    : 'the controllers are in control groups of version 1, which only root may use'
}

function attempt(make: () => CgroupHost | undefined): CgroupHost | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
