import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'

const MAX_ENTRIES = 10_000

/**
 * What a channel has sent about approvals that still wait, in one small file of the data folder: after a restart it
 * goes on where it was. Losing the file costs a repeated message, never a decision.
 */
export class SentLog {
  readonly #file: string
  readonly #onFault: (error: unknown) => void
  readonly #entries: Map<string, JsonValue>
  #writing: NodeJS.Immediate | undefined

  constructor(folder: string, channel: string, onFault: (error: unknown) => void) {
    this.#file = join(folder, `sent-${channel}.json`)
    this.#onFault = onFault
    this.#entries = new Map(Object.entries(readEntries(this.#file)))
  }

  get(key: string): JsonValue | undefined {
    return this.#entries.get(key)
  }

  keysFrom(prefix: string): readonly string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix))
  }

  set(key: string, value: JsonValue): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break
      this.#entries.delete(oldest)
    }
    this.#writeSoon()
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#writeSoon()
  }

  /** Writes what has changed, now. */
  flush(): void {
    if (this.#writing === undefined) return
    clearImmediate(this.#writing)
    this.#writing = undefined
    try {
      const text = JSON.stringify(Object.fromEntries(this.#entries))
      writeFileSync(`${this.#file}.new`, text, { mode: 0o600 })
      renameSync(`${this.#file}.new`, this.#file)
    } catch (error) {
      this.#onFault(error)
    }
  }

  #writeSoon(): void {
    this.#writing ??= setImmediate(() => this.flush())
  }
}

function readEntries(file: string): Readonly<Record<string, JsonValue>> {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as JsonValue
    return isJsonObject(found) ? found : {}
  } catch {
    return {}
  }
}
