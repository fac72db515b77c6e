import { spawnSync } from 'node:child_process'

/** A prefix to a command line, under which it has no network but its own loopback. */
export interface Confinement {
  readonly command: string
  readonly args: readonly string[]
}

const FLAGS = [
  '--user',
  '--map-current-user',
  '--keep-caps',
  '--net',
  '--pid',
  '--fork',
  '--kill-child=SIGKILL',
] as const

// A new network has its loopback switched off.
const INSIDE = 'ip link set lo up && exec "$@"'

/**
 * Linux namespaces for user, network and processes: the program inside reaches no address but 127.0.0.1, which is its
 * own, and everything that it starts ends with it. Sockets in the file system are not covered. Says why it cannot be had.
 */
export function confinement(): Confinement | { readonly unavailable: string } {
  if (process.platform !== 'linux') return { unavailable: `${process.platform} has no network namespaces` }
  const args = [...FLAGS, '--', 'sh', '-c', INSIDE, 'sh']
  const tried = spawnSync('unshare', [...args, 'true'], { encoding: 'utf8', timeout: 10_000 })
  if (tried.error !== undefined)
    return {
      unavailable: `unshare cannot be run (${(tried.error as NodeJS.ErrnoException).code ?? 'error'})`,
    }
  if (tried.status !== 0)
    return { unavailable: tried.stderr.trim().split('\n')[0]?.slice(0, 200) || 'unshare failed' }
  return { command: 'unshare', args }
}
