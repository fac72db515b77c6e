import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { JsonObject } from '../../action/json.ts'
import type { ExportedRecord, Sink } from './sink.ts'

const NEWLINE = 0x0a
const LOOK_BACK = 65_536
/** The ending of a file that was put aside. */
const ASIDE = /^\.\d{8}T\d{6}\.\d{3}Z(?:-\d{4,})?$/

/**
 * Records as events, one JSON document a line (NDJSON), appended and synced before they count as sent. A full file is
 * put aside as `NAME.TIME`; the oldest of more than `keep` are removed. A line that a crash cut off is cut away.
 */
export function fileSink(options: {
  readonly path: string
  readonly maxBytes: number
  readonly keep: number
  readonly events: (record: ExportedRecord) => readonly JsonObject[]
  readonly wantsDecision: boolean
}): Sink {
  const { path, maxBytes, keep, events, wantsDecision } = options
  let file: { readonly handle: FileHandle; size: number } | undefined

  const opened = async (): Promise<{ readonly handle: FileHandle; size: number }> => {
    await mkdir(dirname(path), { recursive: true })
    const handle = await open(path, 'a+', 0o600)
    try {
      const { size } = await handle.stat()
      const whole = await endOfLines(handle, size)
      if (whole < size) await handle.truncate(whole)
      return { handle, size: whole }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  const putAside = async (): Promise<void> => {
    await file?.handle.close()
    file = undefined
    const time = new Date().toISOString().replaceAll(/[-:]/g, '')
    let aside = `${path}.${time}`
    // A rename would replace what was put aside in the same millisecond.
    for (let number = 1; existsSync(aside); number++)
      aside = `${path}.${time}-${String(number).padStart(4, '0')}`
    await rename(path, aside)
    const names = (await readdir(dirname(path)))
      // What else begins so is not ours to remove.
      .filter((name) => name.startsWith(basename(path)) && ASIDE.test(name.slice(basename(path).length)))
      .toSorted()
    for (const name of names.slice(0, Math.max(0, names.length - keep))) await rm(join(dirname(path), name))
  }

  return {
    batch: 1_000,
    wantsDecision,
    async send(records) {
      const lines = records.flatMap(events).map((event) => `${JSON.stringify(event)}\n`)
      const text = Buffer.from(lines.join(''))
      file ??= await opened()
      if (file.size > 0 && file.size + text.length > maxBytes) {
        await putAside()
        file = await opened()
      }
      try {
        await file.handle.appendFile(text)
        await file.handle.datasync()
        file.size += text.length
      } catch (error) {
        // What of it was written is not known: it is looked at again when it is opened.
        await file.handle.close().catch(() => undefined)
        file = undefined
        throw error
      }
    },
    async close() {
      await file?.handle.close()
      file = undefined
    },
  }
}

/** Where the last whole line ends. */
async function endOfLines(handle: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.alloc(LOOK_BACK)
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - LOOK_BACK)
    const { bytesRead } = await handle.read(buffer, 0, end - from, from)
    const at = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE)
    if (at !== -1) return from + at + 1
    end = from
  }
  return 0
}
