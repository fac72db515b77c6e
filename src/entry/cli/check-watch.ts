import { watch } from 'node:fs'
import type { Concern } from '../../code/watched-project.ts'

/** Saving writes several times: what follows within this many milliseconds is the same change. */
const QUIET = 40
/** Milliseconds without a change until the whole is checked again. */
const IDLE = 1_000
const FOREIGN = /(?:^|[/\\])(?:\.git|node_modules|dist|\.belay)(?:[/\\]|$)/

export interface Watched {
  concern(path: string): Concern
  /** Checks what changes of these files reach, and tells; false: it cannot be told without the whole. */
  changed(paths: readonly string[]): Promise<boolean>
  /** Checks everything. `confirms`: what is known already need not be told again. `pause` rejects where something has changed. */
  whole(confirms: boolean, pause?: () => Promise<void>): Promise<void>
}

class Changed extends Error {}

/**
 * Checks a folder now and after every change in it, one at a time, until the process is interrupted: first what the
 * change reaches, and everything when nothing has changed for a while.
 */
export async function watchFolder(folder: string, project: Watched): Promise<never> {
  const paths = new Set<string>()
  let some = Promise.withResolvers<void>()
  let timer: NodeJS.Timeout | undefined
  watch(folder, { recursive: true }, (_event, name) => {
    if (name !== null && FOREIGN.test(name)) return
    // Without a name it may be anything.
    paths.add(name === null ? '' : name.replaceAll('\\', '/'))
    clearTimeout(timer)
    timer = setTimeout(() => some.resolve(), QUIET)
  })
  const pause = async (): Promise<void> => {
    await new Promise(setImmediate)
    if (paths.size > 0) throw new Changed()
  }
  await project.whole(false)
  let confirmed = true
  for (;;) {
    if (await cameWithin(some.promise, confirmed ? null : IDLE)) {
      // What changes while it is checked is checked again.
      some = Promise.withResolvers<void>()
      const all = [...paths].filter((path) => project.concern(path) !== 'nothing')
      paths.clear()
      if (all.length === 0) continue
      confirmed = !(await project.changed(all))
      if (confirmed) await project.whole(false)
      continue
    }
    try {
      await project.whole(true, pause)
      confirmed = true
    } catch (error) {
      if (!(error instanceof Changed)) throw error
    }
  }
}

/** Whether it came before so many milliseconds were over; null: waits for it. */
async function cameWithin(something: Promise<void>, limit: number | null): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>()
  const timer = limit === null ? undefined : setTimeout(timeout.resolve, limit, false)
  const came = await Promise.race([something.then(() => true), timeout.promise])
  clearTimeout(timer)
  return came
}
