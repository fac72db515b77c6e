import { readdirSync } from 'node:fs'
import { readText } from './cgroup.ts'

/** Processes that were started by a process, by those, and so on; the nearest first. Linux only. */
export function descendants(pid: number): number[] {
  const found: number[] = []
  let generation = [pid]
  while (generation.length > 0) {
    generation = generation.flatMap(children)
    found.push(...generation)
  }
  return found
}

function children(pid: number): number[] {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.flatMap((thread) =>
    (readText(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  )
}

/** Sends SIGSTOP or SIGCONT to all of them, again and again until none was born meanwhile. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const reached = new Set<number>()
  for (let round = 0; round < 100; round++) {
    const fresh = descendants(pid).filter((one) => !reached.has(one))
    if (fresh.length === 0) return
    for (const one of fresh) {
      reached.add(one)
      try {
        process.kill(one, signal)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
