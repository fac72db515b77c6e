import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BelayError } from '../../errors/catalogue.ts'
import { LogSync, syncOfLog } from './log-sync.ts'
import type { Job, Response, WriterSettings } from './writer-jobs.ts'

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * The main thread's end of the writer: a job is answered when it is written and the log that holds it is on disk.
 * When the writer dies or the disk fails, all that waits and all that comes is refused.
 */
export class WriterThread {
  readonly #worker: Worker
  readonly #file: string
  readonly #pending = new Map<number, Pending>()
  #log: ReturnType<typeof syncOfLog> | undefined
  readonly #durable = new LogSync(
    (lane, done) => (this.#log ??= syncOfLog(this.#file)).sync(lane, done),
    (error) => {
      // Whether the last commits are on disk cannot be told any more.
      this.#die(`the log could not be synced: ${error.message}`)
      this.#refuseAll()
      void this.#worker.terminate()
    },
  )
  #next = 1
  #dead: BelayError | undefined

  constructor(settings: WriterSettings) {
    this.#file = settings.file
    // The same extension as this file's: .ts in a checkout, .js when built.
    this.#worker = new Worker(new URL(`./writer${extname(import.meta.url)}`, import.meta.url), {
      workerData: settings,
      name: 'belay-writer',
      // Flags like --input-type of whoever embeds Belay make no sense there.
      execArgv: [],
    })
    this.#worker.on('message', (response: Response) => this.#durable.afterSync(() => this.#answer(response)))
    this.#worker.on('error', (error) => this.#die(error instanceof Error ? error.message : String(error)))
    this.#worker.on('exit', (code) => this.#die(`the writer thread ended with code ${code}`))
    // A process with nothing else to do may end; what waits for an answer keeps it alive.
    this.#worker.unref()
  }

  run(job: Job): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead)
        return
      }
      const id = this.#next++
      if (this.#pending.size === 0) this.#worker.ref()
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage([id, job])
    })
  }

  async close(): Promise<void> {
    if (this.#dead !== undefined) return
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    await this.run({ kind: 'close' })
    this.#worker.ref()
    await ended
    this.#log?.close()
  }

  #answer([id, fault, value]: Response): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#worker.unref()
    if (fault === null) pending?.resolve(value)
    else pending?.reject(new BelayError('store:unavailable', { cause: fault }))
  }

  #die(cause: string): void {
    this.#dead ??= new BelayError('store:unavailable', { cause })
    // What is written already and only waits for the disk is still answered.
    this.#durable.afterSync(() => this.#refuseAll())
  }

  #refuseAll(): void {
    for (const { reject } of this.#pending.values()) reject(this.#dead)
    this.#pending.clear()
  }
}
