import { closeSync, openSync, readSync } from 'node:fs'

const CHUNK = 1 << 20
export const MAX_LINE = 64 << 20
const NEWLINE = 0x0a

/**
 * Calls back with each line between two positions of a file, where it lies in a buffer. Throws when a line is longer than
 * 64 MiB: a file without line ends must not fill the memory.
 */
export function readLines(
  file: string,
  from: number,
  to: number,
  onLine: (bytes: Buffer, start: number, end: number) => void,
): void {
  const handle = openSync(file, 'r')
  try {
    let buffer = Buffer.allocUnsafe(CHUNK)
    let kept = 0
    let position = from
    while (position < to) {
      if (kept === buffer.length) {
        if (buffer.length >= MAX_LINE) throw new Error(`a line is longer than ${MAX_LINE} bytes`)
        buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)])
      }
      const read = readSync(handle, buffer, kept, Math.min(buffer.length - kept, to - position), position)
      if (read === 0) break
      position += read
      const filled = kept + read
      let start = 0
      for (;;) {
        const end = buffer.indexOf(NEWLINE, start)
        if (end === -1 || end >= filled) break
        onLine(buffer, start, end)
        start = end + 1
      }
      buffer.copyWithin(0, start, filled)
      kept = filled - start
    }
    if (kept > 0) onLine(buffer, 0, kept)
  } finally {
    closeSync(handle)
  }
}

/** Where the last line of a file begins; a newline at its end belongs to it. */
export function lastLineAt(file: string, size: number): number {
  const handle = openSync(file, 'r')
  try {
    const chunk = Buffer.allocUnsafe(1 << 16)
    let end = size - 1
    while (end > 0) {
      const from = Math.max(0, end - chunk.length)
      const read = readSync(handle, chunk, 0, end - from, from)
      const at = chunk.subarray(0, read).lastIndexOf(NEWLINE)
      if (at !== -1) return from + at + 1
      end = from
    }
    return 0
  } finally {
    closeSync(handle)
  }
}

/** The first line at or behind a position that begins with `prefix`: where a part may begin. */
export function lineAt(file: string, position: number, to: number, prefix: string): number {
  const handle = openSync(file, 'r')
  const wanted = Buffer.from(`\n${prefix}`)
  try {
    const chunk = Buffer.allocUnsafe(1 << 18)
    let from = position - 1
    while (from < to) {
      const read = readSync(handle, chunk, 0, Math.min(chunk.length, to - from), from)
      if (read < wanted.length) return to
      const at = chunk.subarray(0, read).indexOf(wanted)
      if (at !== -1) return from + at + 1
      from += read - wanted.length + 1
    }
    return to
  } finally {
    closeSync(handle)
  }
}
