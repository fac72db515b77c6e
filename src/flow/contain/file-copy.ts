import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Larger files are not kept: what a version control system is for. */
const MAX_BYTES = 1024 * 1024
/** The digest of a file that is not there. */
const NONE = 'none'

/** A file as it was. */
export interface FileCopy {
  /** Without links in it. */
  readonly path: string
  /** The machine that it lies on. */
  readonly host: string
  readonly digest: string
  /** `null`: there was none. */
  readonly content: { readonly base64: string; readonly mode: number } | null
}

/** The file at an absolute path as it is now. Throws a plain sentence where it cannot be kept. */
export function copyFile(path: string): FileCopy {
  const real = realPath(path)
  const found = existingFolder(dirname(real)) === dirname(real) ? inFolder(real, readPlain) : null
  const content = found && { base64: found.bytes.toString('base64'), mode: found.mode }
  return { path: real, host: hostname(), digest: digestOf(found), content }
}

/** The digest of what is there now, by the path of a copy. Throws where that cannot be told. */
export function digestNow({ path, host }: Pick<FileCopy, 'path' | 'host'>): string {
  if (host !== hostname()) throw new Error(`it lies on another machine, ${host}`)
  if (existingFolder(dirname(path)) !== dirname(path)) return NONE
  return digestOf(inFolder(path, readPlain))
}

/**
 * Puts a file back as it was, in one step: who reads it sees the one or the other. Throws when what is there is not
 * what was looked at just before.
 */
export function putBack(copy: FileCopy, seen: string): void {
  if (digestNow(copy) !== seen) throw new Error('it was changed while it was being undone')
  const { content } = copy
  if (content === null && seen === NONE) return
  inFolder(copy.path, (at) => {
    if (content === null) return rmSync(at)
    const beside = `${at}.belay-${randomBytes(6).toString('hex')}`
    const file = openSync(beside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      writeFileSync(file, Buffer.from(content.base64, 'base64'))
      fchmodSync(file, content.mode)
      fsyncSync(file)
      renameSync(beside, at)
    } catch (error) {
      rmSync(beside, { force: true })
      throw error
    } finally {
      closeSync(file)
    }
  })
}

/**
 * Works on a file through its folder, held open: whoever puts a link in the place of a folder above it meanwhile does
 * not lead this process elsewhere. Systems without `/proc` are as safe as their paths.
 */
function inFolder<T>(path: string, work: (at: string) => T): T {
  const folder = dirname(path)
  const held = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const through = process.platform === 'linux' ? `/proc/self/fd/${held}` : folder
    if (realpathSync.native(through) !== folder) throw new Error('a folder above it is another one by now')
    return work(join(through, basename(path)))
  } finally {
    closeSync(held)
  }
}

function readPlain(at: string): { readonly bytes: Buffer; readonly mode: number } | null {
  let file: number
  try {
    file = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw new Error(code === 'ELOOP' ? 'it is a link' : `it cannot be read (${code})`, { cause: error })
  }
  try {
    const { size, uid, mode } = fstatSync(file)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error('it is no plain file')
    // Whoever runs the harness may be mightier than the agent: it touches nobody else's files in the agent's place.
    if (process.getuid !== undefined && uid !== process.getuid())
      throw new Error('it belongs to another user than the harness runs as')
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
    const bytes = readFileSync(file)
    if (bytes.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
    return { bytes, mode: mode & 0o777 }
  } finally {
    closeSync(file)
  }
}

function digestOf(found: { readonly bytes: Buffer } | null): string {
  return found === null ? NONE : `sha256:${createHash('sha256').update(found.bytes).digest('hex')}`
}

/** Where the path leads when it is written to; folders that are not there yet are taken by their names. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    const folder = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === path)
      throw new Error('its path leads nowhere', { cause: error })
    return join(realPath(folder), basename(path))
  }
}

/** The folder itself, or the nearest one above it that is there. */
function existingFolder(folder: string): string {
  try {
    return realpathSync.native(folder)
  } catch {
    const above = dirname(folder)
    return above === folder ? folder : existingFolder(above)
  }
}
