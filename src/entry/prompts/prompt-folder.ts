import { readdirSync, statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'
import type { PolicyFault } from '../../policy/policy.ts'
import type { PromptRegistry } from './prompt-registry.ts'
import { readPromptFolder } from './read-prompt-folder.ts'

/** Milliseconds of quiet after a change before files are read: editors write in several steps. */
const DEBOUNCE = 100
/** Milliseconds between looks when nothing was reported: some file systems report nothing. */
const POLL = 5_000
const MAX_STAMPED = 10_000

export interface PromptFolderOptions {
  readonly registry: PromptRegistry
  /** Read again when files change. */
  readonly watch: boolean
  /** Told of bad files when the faults are others than before; the good ones are taken all the same. */
  readonly onFaults: (faults: readonly PolicyFault[]) => void
  /** Told of each version that a file made. */
  readonly onVersion: (ref: string) => void
  readonly onFault: (error: unknown) => void
}

/** Keeps the registry at what the files of a folder say: a changed file is a new version, a removed one removes nothing. */
export class PromptFolder {
  readonly #options: PromptFolderOptions
  #folder: string | null = null
  #watcher: FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #stamp = ''
  #faults = '[]'
  #work: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: PromptFolderOptions) {
    this.#options = options
  }

  /** Follows this folder from now on, and no other. Resolves when its files are in the registry. */
  async follow(folder: string | null): Promise<void> {
    if (folder === this.#folder || this.#closed) return this.#work
    this.#stop()
    this.#folder = folder
    if (folder === null) return this.#work
    const read = this.#read()
    if (this.#options.watch) this.#watch(folder)
    return read
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stop()
    await this.#work
  }

  #watch(folder: string): void {
    try {
      this.#watcher = watch(folder, { persistent: false, recursive: true }, () => this.#schedule())
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      // The folder is not there (yet) or cannot be watched; polling finds the change.
    }
    this.#poll = setInterval(() => {
      if (stampOf(folder) !== this.#stamp) void this.#read()
    }, POLL).unref()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#read(), DEBOUNCE).unref()
  }

  #read(): Promise<void> {
    this.#work = this.#work.then(() => this.#take()).catch(this.#options.onFault)
    return this.#work
  }

  async #take(): Promise<void> {
    const folder = this.#folder
    if (folder === null || this.#closed) return
    this.#stamp = stampOf(folder)
    const { prompts, faults } = readPromptFolder(folder)
    const told = JSON.stringify(faults)
    if (told !== this.#faults) this.#options.onFaults(faults)
    this.#faults = told
    for (const { path, prompt } of prompts) {
      const { labels, ...draft } = prompt
      const { version, created } = await this.#options.registry.push(draft, { by: `file:${path}`, labels })
      if (created) this.#options.onVersion(`${version.name}@${version.version}`)
    }
  }

  #stop(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#poll)
    this.#watcher?.close()
    this.#watcher = undefined
  }
}

/** Changes when a file below the folder does. */
function stampOf(folder: string): string {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .slice(0, MAX_STAMPED)
      .map((name) => {
        const { ino, size, mtimeMs } = statSync(join(folder, name))
        return `${name} ${ino} ${size} ${mtimeMs}`
      })
      .join('\n')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
