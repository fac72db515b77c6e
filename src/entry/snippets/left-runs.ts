import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../errors/catalogue.ts'
import { removeWritten } from './remove-written.ts'

/** So many of them, and nothing more is run: each may hold as much as a run may write. */
const MOST = 16

/** Folders of runs that are over and could not be removed, or that a harness that was killed has left. */
export class LeftRuns {
  readonly #folders: Set<string>
  readonly #onFault: (error: unknown) => void
  #sweeping: Promise<void> | undefined

  /** To be made before the first run of this process has its folder. */
  constructor(parent: string, onFault: (error: unknown) => void) {
    this.#folders = new Set(namesIn(parent).map((name) => join(parent, name)))
    this.#onFault = onFault
  }

  add(folder: string, error: unknown): void {
    this.#folders.add(folder)
    this.#onFault(error)
  }

  /** Tries to remove them once more. Throws `sandbox:unavailable` when too many stay. */
  async sweep(): Promise<void> {
    await (this.#sweeping ??= this.#again().finally(() => (this.#sweeping = undefined)))
    if (this.#folders.size < MOST) return
    const [one] = this.#folders
    throw new BelayError('sandbox:unavailable', {
      what: 'A folder for another run',
      cause: `${this.#folders.size} folders of earlier runs cannot be removed, such as ${one}`,
      fix: 'remove them by hand',
    })
  }

  async #again(): Promise<void> {
    for (const folder of this.#folders) {
      try {
        await removeWritten(folder)
        this.#folders.delete(folder)
      } catch {
        // It was told of when it was left.
      }
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
