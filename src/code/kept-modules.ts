import type { Module } from './flow-graph/module.ts'
import type { Skipped } from './flow-graph/program.ts'

/** What was read of files, for whoever checks a folder again and again: a file with the same text is not parsed twice. */
export class KeptModules {
  readonly #byPath = new Map<string, { readonly text: string; readonly read: Module | Skipped }>()

  /** What was read of a file, if it had this text. */
  take(path: string, text: string): Module | Skipped | null {
    const known = this.#byPath.get(path)
    return known?.text === text ? known.read : null
  }

  keep(path: string, text: string, read: Module | Skipped): void {
    this.#byPath.set(path, { text, read })
  }

  /** Lets go of all but these. */
  only(paths: ReadonlySet<string>): void {
    for (const path of this.#byPath.keys()) if (!paths.has(path)) this.#byPath.delete(path)
  }
}
