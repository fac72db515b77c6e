import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  opendirSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { isPlainPath } from './snippet.ts'

export interface WrittenFile {
  readonly path: string
  readonly bytes: Buffer
}

/** Entries that are looked at, so that a folder with millions of them ends somewhere. */
const MAX_ENTRIES = 20_000
const MAX_DEPTH = 10
/** Bytes of a file that came with a snippet; those that are still as they came are not read in vain. */
const LARGEST_GIVEN = 2 * 1024 * 1024

/** Lays the files of a snippet into its empty folder. Answers their digests by path. */
export function layFiles(
  folder: string,
  files: Readonly<Record<string, string | { readonly base64: string }>>,
  owner: { readonly mode: number; readonly folderMode: number },
): ReadonlyMap<string, string> {
  const digests = new Map<string, string>()
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content.base64, 'base64')
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: owner.folderMode })
    writeFileSync(join(folder, path), bytes, { mode: owner.mode, flag: 'wx' })
    digests.set(path, hash('sha256', bytes, 'hex'))
  }
  return digests
}

/**
 * What is new or different in the folder, after every process of the sandbox has ended. Everything there was written by
 * hostile code: links are not followed, only plain files are opened, and all of it is bounded.
 */
export function writtenFiles(
  folder: string,
  before: ReadonlyMap<string, string>,
  bounds: { readonly files: number; readonly bytes: number },
): { readonly files: readonly WrittenFile[]; readonly leftOut: number } {
  const files: WrittenFile[] = []
  let leftOut = 0
  let room = bounds.bytes
  let seen = 0
  const visit = (path: string, depth: number): void => {
    const found: { name: string; folder: boolean }[] = []
    const opened = opendirSync(join(folder, path), { bufferSize: 256 })
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
        if (++seen > MAX_ENTRIES) break
        if (entry.isDirectory()) found.push({ name: entry.name, folder: true })
        else if (entry.isFile()) found.push({ name: entry.name, folder: false })
        else leftOut++
      }
    } finally {
      opened.closeSync()
    }
    for (const { name, folder: isFolder } of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = path === '' ? name : `${path}/${name}`
      if (isFolder) {
        if (depth < MAX_DEPTH && lstatSync(join(folder, inner)).isDirectory()) visitQuietly(inner, depth + 1)
        else leftOut++
        continue
      }
      const given = before.get(inner)
      const most = given === undefined ? room : Math.max(room, LARGEST_GIVEN)
      const bytes = isPlainPath(inner) ? readPlain(join(folder, inner), most) : null
      if (bytes !== null && given === hash('sha256', bytes, 'hex')) continue
      if (bytes === null || bytes.length > room || files.length >= bounds.files) leftOut++
      else {
        files.push({ path: inner, bytes })
        room -= bytes.length
      }
    }
  }
  const visitQuietly = (path: string, depth: number): void => {
    try {
      visit(path, depth)
    } catch {
      // A folder whose owner took its own rights away.
      leftOut++
    }
  }
  visitQuietly('', 0)
  return { files, leftOut }
}

/** `null`: no plain file, larger than there is room, or not readable. */
function readPlain(path: string, room: number): Buffer | null {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile() || stat.size > room) return null
    const bytes = Buffer.alloc(stat.size)
    let read = 0
    while (read < bytes.length) {
      const got = readSync(file, bytes, read, bytes.length - read, read)
      if (got === 0) break
      read += got
    }
    return bytes.subarray(0, read)
  } catch {
    return null
  } finally {
    closeSync(file)
  }
}
