import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LogCopier } from './checkpoints.ts'

/** A thread that copies the log of a database into it: for the writer thread, while there is much to write. */
export function copyLogBeside(file: string): LogCopier {
  // The same extension as this file's: .ts in a checkout, .js when built.
  const worker = new Worker(new URL(`./copy-log-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: file,
    name: 'belay-log',
    execArgv: [],
    // It keeps nothing itself: what it needs is SQLite's.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  })
  let waiting: ((error: unknown) => void) | undefined
  const ended = (error: unknown): void => {
    const done = waiting
    waiting = undefined
    done?.(error)
  }
  worker.on('message', ended)
  // A thread that could not be started, or died, copies nothing; the writer does it then.
  worker.on('error', ended)
  let dead = false
  worker.on('exit', () => {
    dead = true
    ended(null)
  })
  worker.unref()
  return {
    copy(done) {
      waiting = done
      if (dead) setImmediate(ended, null)
      else worker.postMessage(null)
    },
    end: () => void worker.terminate(),
  }
}
