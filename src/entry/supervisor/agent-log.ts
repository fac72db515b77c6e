import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { isJsonObject, type JsonValue } from '../../action/json.ts'
import { maskText } from '../recording/mask-secrets.ts'
import { LogLines } from './log-lines.ts'

/** One line that an agent's process wrote, or one of Belay's about that process. */
export interface LogLine {
  /** Epoch ms. */
  readonly at: number
  readonly stream: 'stdout' | 'stderr' | 'belay'
  readonly text: string
}

export interface LogPage {
  readonly items: readonly LogLine[]
  /** Where to go on reading. Only ever grows, also across restarts. */
  readonly next: number
}

export interface LogBounds {
  /** Bytes of one file. */
  readonly file: number
  readonly files: number
  /** Bytes a second that are read from an agent; one that writes more waits, as with any reader that is slower. */
  readonly perSecond: number
}

const LOG_BOUNDS: LogBounds = { file: 4 * 1024 * 1024, files: 4, perSecond: 1024 * 1024 }

const PAGE_BYTES = 256 * 1024
const NAME = /^log-(\d{15})\.ndjson$/
const NEWLINE = 0x0a

/**
 * What one agent's processes write, kept within bounds: lines of JSON in files that are named after the place in the
 * whole log at which they begin. Secrets are masked before anything reaches the disk.
 */
export class AgentLog {
  readonly #folder: string
  readonly #bounds: LogBounds
  readonly #now: () => number
  #file: FileHandle | null = null
  #fileStart = 0
  #end = 0
  #begun: boolean
  #pending: LogLine[] = []
  #writing: Promise<void> | null = null
  #waiters = new Set<() => void>()
  #closed = false

  constructor(folder: string, now: () => number, bounds: LogBounds = LOG_BOUNDS) {
    this.#folder = folder
    this.#bounds = bounds
    this.#now = now
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const last = filesOf(folder).at(-1)
    this.#end = last === undefined ? 0 : last.start + last.size
    this.#fileStart = last?.start ?? 0
    // Whoever wrote it may have died within a line.
    this.#begun = last !== undefined
  }

  /** Keeps what the process writes to this stream, at the pace that is bounded. Resolves at the end of the stream. */
  async follow(stream: Readable, name: 'stdout' | 'stderr'): Promise<void> {
    const lines = new LogLines((batch) => this.#take(name, batch))
    let second = 0
    let used = 0
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const now = performance.now()
        if (now - second >= 1_000) {
          second = now
          used = 0
        }
        used += chunk.length
        lines.push(chunk)
        await this.#writing
        if (used >= this.#bounds.perSecond) await pause(Math.max(0, second + 1_000 - performance.now()))
      }
    } catch {
      // The process was ended in the middle of a line: what came is kept.
    } finally {
      lines.end()
    }
  }

  /** A line of Belay's own about the process. */
  note(text: string): void {
    this.#take('belay', text)
  }

  /** Resolves when everything so far can be read. */
  async flushed(): Promise<void> {
    while (this.#writing !== null) await this.#writing
  }

  /** The lines from a place on; without one, the last lines that fit a page. */
  read(after?: number): LogPage {
    return readLog(this.#folder, after)
  }

  /** Resolves when there is something after that place, when `ms` have passed, or the signal aborts. */
  async news(after: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#end > after || this.#closed || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done, { once: true })
      this.#waiters.add(done)
    })
  }

  async close(): Promise<void> {
    await this.flushed()
    this.#closed = true
    for (const wake of this.#waiters) wake()
    await this.#file?.close()
    this.#file = null
  }

  #take(stream: LogLine['stream'], text: string): void {
    if (this.#closed) return
    const at = this.#now()
    // Masked whole: a key may go over several lines.
    for (const line of maskText(text).value.split('\n')) this.#pending.push({ at, stream, text: line })
    this.#writing ??= this.#write().finally(() => (this.#writing = null))
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending
      this.#pending = []
      try {
        const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
        const bytes = Buffer.from(this.#begun ? `\n${text}` : text)
        const file = await this.#fileFor(bytes.length)
        this.#begun = false
        await file.appendFile(bytes)
        this.#end += bytes.length
      } catch {
        // A full disk loses lines of the log; the agent and its records go on.
        await this.#file?.close().catch(() => undefined)
        this.#file = null
        const last = filesOf(this.#folder).at(-1)
        if (last !== undefined) this.#end = Math.max(this.#end, last.start + last.size)
        this.#begun = true
      }
      for (const wake of this.#waiters) wake()
    }
  }

  async #fileFor(bytes: number): Promise<FileHandle> {
    const fits = this.#end + bytes - this.#fileStart <= this.#bounds.file
    if (this.#file !== null && fits) return this.#file
    await this.#file?.close()
    if (!fits) this.#fileStart = this.#end
    this.#file = await open(join(this.#folder, nameOf(this.#fileStart)), 'a', 0o600)
    const files = filesOf(this.#folder)
    for (const { path } of files.slice(0, Math.max(0, files.length - this.#bounds.files)))
      rmSync(path, { force: true })
    return this.#file
  }
}

/** As `AgentLog.read`, for a log that this process does not write. */
export function readLog(folder: string, after?: number): LogPage {
  const files = filesOf(folder)
  const last = files.at(-1)
  if (last === undefined) return { items: [], next: after ?? 0 }
  const end = last.start + last.size
  const from = after ?? Math.max(files[0]!.start, end - PAGE_BYTES)
  // What was rotated away meanwhile is skipped.
  const file = files.findLast(({ start }) => start <= from) ?? files[0]!
  const offset = Math.max(0, from - file.start)
  const bytes = readAt(file.path, offset, PAGE_BYTES)
  // A place that is no beginning of a line is one inside the last page.
  const first = after === undefined && offset > 0 ? bytes.indexOf(NEWLINE) + 1 : 0
  const until = bytes.lastIndexOf(NEWLINE) + 1
  const items = bytes
    .subarray(Math.min(first, until), until)
    .toString('utf8')
    .split('\n')
    .flatMap((text) => lineOf(text))
  const next = file.start + offset + until
  const following = files.find(({ start }) => start > file.start)
  // The rest of a file that ends in a torn line is no line.
  if (until === 0 && following !== undefined) return readLog(folder, following.start)
  if (following === undefined || items.length > 0) return { items, next }
  return readLog(folder, following.start)
}

function lineOf(text: string): LogLine[] {
  if (text === '') return []
  try {
    const value = JSON.parse(text) as JsonValue
    if (!isJsonObject(value)) return []
    const { at, stream, text: said } = value
    if (typeof at !== 'number' || typeof said !== 'string') return []
    return stream === 'stdout' || stream === 'stderr' || stream === 'belay'
      ? [{ at, stream, text: said }]
      : []
  } catch {
    return []
  }
}

function filesOf(folder: string): readonly { path: string; start: number; size: number }[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.toSorted().flatMap((name) => {
    const start = NAME.exec(name)?.[1]
    if (start === undefined) return []
    const path = join(folder, name)
    const size = sizeOf(path)
    return size === null ? [] : [{ path, start: Number(start), size }]
  })
}

function sizeOf(path: string): number | null {
  return withFile(path, (file) => {
    const stat = fstatSync(file)
    return stat.isFile() ? stat.size : null
  })
}

function readAt(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const read = withFile(path, (file) => readSync(file, bytes, 0, length, offset))
  return bytes.subarray(0, read ?? 0)
}

function withFile<T>(path: string, work: (file: number) => T): T | null {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      return work(file)
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
}

function nameOf(start: number): string {
  return `log-${String(start).padStart(15, '0')}.ndjson`
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
