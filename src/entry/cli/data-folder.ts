import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isJsonObject } from '../../action/json.ts'
import type { JsonValue } from '../../action/json.ts'

/** Where a running harness answers, as `belay up` leaves it in the data folder. */
export interface ServerFile {
  readonly url: string
  readonly pid: number
}

/** Makes the folder, for its owner alone. */
export function createDataFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // A folder that was there before keeps its mode; what lies in it is secret all the same.
  if ((statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

/** The admin token of the folder; made at the first call, for its owner alone. */
export function ensureAdminToken(folder: string): string {
  const path = join(folder, 'admin.token')
  const existing = readAdminToken(folder)
  if (existing !== undefined) return existing
  const fresh = `blt_${randomBytes(32).toString('base64url')}`
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${fresh}\n`, { mode: 0o600, flag: 'wx' })
  try {
    // A link appears whole or not at all, and never replaces the token that another process made first.
    linkSync(draft, path)
    return fresh
  } catch (error) {
    const winner = readAdminToken(folder)
    if (winner === undefined) throw error
    return winner
  } finally {
    rmSync(draft, { force: true })
  }
}

export function readAdminToken(folder: string): string | undefined {
  const text = readIfThere(join(folder, 'admin.token'))?.trim()
  return text === undefined || text === '' ? undefined : text
}

/** Replaces the file in one step: readers see the old address or the new, never a half. */
export function writeServerFile(folder: string, server: ServerFile): void {
  const path = join(folder, 'server.json')
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(server)}\n`, { mode: 0o600 })
  renameSync(draft, path)
}

/** Removes the file if it is this process's. */
export function removeServerFile(folder: string): void {
  if (parseServerFile(folder)?.pid === process.pid) rmSync(join(folder, 'server.json'), { force: true })
}

/** The harness that holds the folder; `undefined` when none runs, also after one was killed. */
export function readServerFile(folder: string): ServerFile | undefined {
  const server = parseServerFile(folder)
  return server !== undefined && isAlive(server.pid) ? server : undefined
}

function parseServerFile(folder: string): ServerFile | undefined {
  const text = readIfThere(join(folder, 'server.json'))
  if (text === undefined) return undefined
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
  if (!isJsonObject(value)) return undefined
  const { url, pid } = value
  if (typeof url !== 'string' || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0)
    return undefined
  return { url, pid }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
