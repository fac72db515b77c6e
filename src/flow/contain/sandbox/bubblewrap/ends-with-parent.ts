import { setTimeout as delay } from 'node:timers/promises'
import { readText } from './cgroup.ts'
import { descendants } from './process-tree.ts'

/**
 * Resolves once the first process of a sandbox dies with bwrap's outer one. bwrap lets it listen to that death right
 * before it takes its filter of system calls (`do_init` in bubblewrap.c), so that the filter shows that it listens.
 * Resolves too when it is gone already.
 */
export async function endsWith(outer: number, init: number): Promise<void> {
  for (;;) {
    const status = readText(`/proc/${init}/status`)
    if (status === undefined) return
    const filters = countFilters(status)
    // Linux before 5.9 does not count them. The process of the command is made right before.
    if (filters === undefined && descendants(init).length > 0) return
    // A container that Belay itself is in has filters too, and all processes have those.
    if ((filters ?? 0) > (countFilters(readText(`/proc/${outer}/status`) ?? '') ?? 0)) return
    await delay(1)
  }
}

function countFilters(status: string): number | undefined {
  const found = /^Seccomp_filters:\s*(\d+)$/m.exec(status)
  return found === null ? undefined : Number(found[1])
}
