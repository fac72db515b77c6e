import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CodeFinding } from './finding.ts'

/** Texts that are about to be written, by path relative to the folder; null: the file goes. */
export type ChangedTexts = ReadonlyMap<string, string | null>

export interface ChangeChecked {
  /** Whether the code could be looked at; if not, `findings` says nothing. */
  readonly checked: boolean
  /** `files`: the changed files alone, since the project is too large to be read for each change. */
  readonly scope: 'project' | 'files'
  /** Only those that the change adds. */
  readonly findings: readonly CodeFinding[]
}

export interface ChangeRequest {
  readonly id: number
  readonly folder: string
  readonly contents: readonly (readonly [path: string, text: string | null])[]
  /** Texts before the change, of the files that it changes, where they are not what lies on the disk. */
  readonly before: readonly (readonly [path: string, text: string | null])[] | null
}

export interface ChangeReply extends ChangeChecked {
  readonly id: number
}

const UNCHECKED: ChangeChecked = { checked: false, scope: 'files', findings: [] }

/**
 * Checks changes of code in a thread of its own, so that deciding does not wait for parsing. The thread starts with
 * the first change; one that takes too long is ended, and its changes are not checked.
 */
export class ChangeChecker {
  readonly #timeLimit: number
  readonly #waiting = new Map<number, (reply: ChangeChecked) => void>()
  #worker: Worker | undefined
  #next = 0

  /** `timeLimit` in milliseconds; agents wait ten seconds for their hook. */
  constructor({ timeLimit = 8_000 }: { readonly timeLimit?: number } = {}) {
    this.#timeLimit = timeLimit
  }

  /**
   * `contents` are texts after the change that are not what lies on the disk. `before`: what the changed files held,
   * where they have been written already; without it, `contents` are what changes.
   */
  check(folder: string, contents: ChangedTexts, before: ChangedTexts | null = null): Promise<ChangeChecked> {
    const id = (this.#next += 1)
    const worker = (this.#worker ??= this.#start())
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(worker), this.#timeLimit)
      this.#waiting.set(id, (reply) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(reply)
      })
      worker.postMessage({
        id,
        folder,
        contents: [...contents],
        before: before && [...before],
      } satisfies ChangeRequest)
    })
  }

  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    this.#end(worker)
    await worker.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./change-thread${extname(import.meta.url)}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 1_024 },
    })
    worker.unref()
    worker.on('message', (reply: ChangeReply) => this.#waiting.get(reply.id)?.(reply))
    worker.on('error', () => this.#end(worker))
    worker.on('exit', () => this.#end(worker))
    return worker
  }

  /** Whoever waits for this thread is told that nothing was checked; the next change starts another. */
  #end(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#waiting.forEach((answer) => answer(UNCHECKED))
    void worker.terminate()
  }
}
