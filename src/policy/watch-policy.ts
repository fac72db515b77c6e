import { statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { BelayError } from '../errors/catalogue.ts'
import type { Check } from './check.ts'
import { loadDetailed } from './load-policy.ts'
import type { Policy, PolicyFault } from './policy.ts'

/** Milliseconds of quiet after a change before the file is read: editors write in several steps. */
const DEBOUNCE = 100
/** Milliseconds between looks at the files when nothing was reported: some file systems report nothing. */
const POLL = 5_000

export interface PolicyWatch {
  /** The newest policy that loaded without an error. */
  current(): Policy
  /** Reads the files now; answers whether the policy changed. */
  reload(): boolean
  close(): void
}

export interface WatchOptions {
  readonly checks: readonly Check[]
  /** Called with each new policy, after `current()` gives it. Not called when only the spelling changed. */
  readonly onChange: (policy: Policy) => void
  /** Called when a changed file has errors; the old policy stays. */
  readonly onRejected: (faults: readonly PolicyFault[]) => void
}

/**
 * Loads a policy and again whenever it or a file it names changes. A bad file never replaces a good policy.
 * Folders are watched instead of files, since editors replace files. Throws `policy:invalid` when the first
 * load fails.
 */
export function watchPolicy(path: string, { checks, onChange, onRejected }: WatchOptions): PolicyWatch {
  const first = loadDetailed(path, checks)
  if (first.policy === null) throw invalidPolicy(path, first.faults)
  let policy = first.policy
  let lastFaults = ''
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const watchers = new Map<string, FSWatcher>()
  let watched = new Set<string>()

  let stamp = ''

  const reload = (): boolean => {
    if (closed) return false
    stamp = stampOf(watched)
    const load = loadDetailed(path, checks)
    watchFiles(load.files)
    if (load.policy === null) {
      const faults = JSON.stringify(load.faults)
      if (faults !== lastFaults) onRejected(load.faults)
      lastFaults = faults
      return false
    }
    lastFaults = ''
    if (load.policy.digest === policy.digest) return false
    policy = load.policy
    onChange(policy)
    return true
  }

  const schedule = (): void => {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(reload, DEBOUNCE)
  }

  const watchFiles = (files: readonly string[]): void => {
    // A bad file may not tell which files it names: those known before stay watched.
    watched = new Set([resolve(path), ...files, ...watched])
    for (const folder of new Set([...watched].map((file) => dirname(file)))) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          if (name === null || isWatched(folder, name)) schedule()
        })
        watcher.on('error', () => {
          watcher.close()
          watchers.delete(folder)
        })
        watchers.set(folder, watcher)
      } catch {
        // The folder is not there (yet) or cannot be watched; polling finds the change.
      }
    }
  }
  const isWatched = (folder: string, name: string): boolean =>
    [...watched].some((file) => dirname(file) === folder && basename(file) === name)

  watchFiles(first.files)
  stamp = stampOf(watched)
  const poll = setInterval(() => {
    if (stampOf(watched) !== stamp) reload()
  }, POLL)
  poll.unref()
  return {
    current: () => policy,
    reload,
    close() {
      closed = true
      clearTimeout(timer)
      clearInterval(poll)
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
}

/** Changes when one of the files does; cheap enough to ask again and again. */
function stampOf(files: Iterable<string>): string {
  return [...files]
    .map((file) => {
      try {
        const { ino, size, mtimeMs } = statSync(file)
        return `${file} ${ino} ${size} ${mtimeMs}`
      } catch (error) {
        return `${file} ${(error as NodeJS.ErrnoException).code}`
      }
    })
    .join('\n')
}

/** `policy:invalid` for the errors of a load. */
export function invalidPolicy(path: string, faults: readonly PolicyFault[]): BelayError {
  const errors = faults.filter(({ severity }) => severity === 'error')
  return new BelayError('policy:invalid', {
    count: String(errors.length),
    file: path,
    first: errors[0] === undefined ? 'none' : formatFault(errors[0]),
  })
}

/** `file:line:column: expected …, found …` */
function formatFault({ file, line, column, expected, found }: PolicyFault): string {
  return `${file}:${line}:${column}: expected ${expected}; found ${found}`
}
