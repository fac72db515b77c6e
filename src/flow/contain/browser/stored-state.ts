import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BrowserContext } from 'playwright-core'

type State = Awaited<ReturnType<BrowserContext['storageState']>>
type Origin = State['origins'][number]

const MAX_BYTES = 64 * 1024 * 1024
const MAX_ORIGINS = 500
const DEBOUNCE_MS = 1_000
const LATEST_MS = 2_000

/**
 * What a profile would lose when its browser is killed: Chromium writes cookies some 30 seconds late. Saved beside
 * the profile within two seconds of every change that is told, mode 0600.
 */
export class StoredState {
  readonly #file: string
  readonly #onFault: (error: unknown) => void
  readonly #visited = new Set<string>()
  #context: BrowserContext | null = null
  #timer: NodeJS.Timeout | undefined
  #dirtySince: number | null = null
  #saving: Promise<void> = Promise.resolve()

  constructor(file: string, onFault: (error: unknown) => void) {
    this.#file = file
    this.#onFault = onFault
  }

  /**
   * Puts back what the profile has lost. After a crash what was saved holds, because it is newer than what Chromium
   * had written: cookies exactly as they were, the storage of each page that was visited. After an orderly end only
   * cookies that are not there: those that last as long as the browser, which it forgets.
   */
  async restore(context: BrowserContext, crashed: boolean): Promise<void> {
    this.#context = context
    const saved = await this.#read()
    if (saved === null) return
    const now = Date.now() / 1000
    const cookies = saved.cookies.filter(({ expires }) => expires === -1 || expires > now)
    if (crashed) {
      await context.setStorageState({ cookies, origins: saved.origins })
      return
    }
    const known = new Set((await context.cookies()).map(keyOf))
    const missing = cookies.filter((cookie) => !known.has(keyOf(cookie)))
    if (missing.length > 0) await context.addCookies(missing)
  }

  /** Something may have changed at this address: it is saved soon, at the latest two seconds from now. */
  changed(address: string): void {
    const origin = URL.parse(address)?.origin
    if (origin !== undefined && this.#visited.size < MAX_ORIGINS) this.#visited.add(origin)
    const now = performance.now()
    this.#dirtySince ??= now
    clearTimeout(this.#timer)
    const left = this.#dirtySince + LATEST_MS - now
    this.#timer = setTimeout(() => void this.save(), Math.max(0, Math.min(DEBOUNCE_MS, left - 500)))
  }

  /** Saves now. A fault is told and keeps what was saved before. */
  save(): Promise<void> {
    clearTimeout(this.#timer)
    this.#dirtySince = null
    this.#saving = this.#saving.then(() => this.#write()).catch(this.#onFault)
    return this.#saving
  }

  /** Nothing is saved from here on; the browser is gone. */
  async detach(): Promise<void> {
    clearTimeout(this.#timer)
    this.#context = null
    await this.#saving
  }

  async #write(): Promise<void> {
    const context = this.#context
    if (context === null) return
    let state: State
    try {
      state = await context.storageState({ indexedDB: true })
    } catch (error) {
      // Cookies are what a log-in is: a page whose storage cannot be read does not keep them from being saved.
      if (this.#context === null) return
      this.#onFault(error)
      state = { cookies: await context.cookies(), origins: [] }
    }
    const before = await this.#read()
    const text = JSON.stringify({
      cookies: state.cookies,
      origins: this.#merged(before?.origins ?? [], state.origins),
    })
    if (text.length > MAX_BYTES) throw new Error(`the storage of the browser has ${text.length} characters`)
    const temporary = `${this.#file}.${randomBytes(6).toString('hex')}`
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.#file)
      const folder = await open(dirname(this.#file), constants.O_RDONLY)
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  /** A browser tells only of pages that it visited and that hold something; what earlier ones saved of others stays. */
  #merged(before: readonly Origin[], now: readonly Origin[]): Origin[] {
    const told = new Set([...this.#visited, ...now.map(({ origin }) => origin)])
    return [...now, ...before.filter(({ origin }) => !told.has(origin))].slice(0, MAX_ORIGINS)
  }

  async #read(): Promise<State | null> {
    try {
      const state = JSON.parse(await readFile(this.#file, 'utf8')) as Partial<State>
      if (Array.isArray(state.cookies) && Array.isArray(state.origins)) return state as State
      throw new Error(`${this.#file} holds no state of a browser`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#onFault(error)
      return null
    }
  }
}

function keyOf(cookie: object): string {
  const { name, domain, path, partitionKey } = cookie as Record<string, unknown>
  return JSON.stringify([name, domain, path, partitionKey ?? null])
}
