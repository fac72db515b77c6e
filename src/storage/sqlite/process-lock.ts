import Database from 'better-sqlite3'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../errors/catalogue.ts'

/**
 * Holds the data folder for this process by an open exclusive transaction on `lock.db`. The operating system
 * frees it when the process ends, however it ends. Throws `store:locked` with the holder's pid.
 */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock.db')
  const pidFile = join(folder, 'belay.pid')
  closeSync(openSync(file, 'a', 0o600))
  const connection = new Database(file, { timeout: 0 })
  try {
    connection.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    connection.close()
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error
    throw new BelayError('store:locked', { pid: holder(pidFile), folder }, { cause: error })
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return () => connection.close()
}

function holder(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim() || 'unknown'
  } catch {
    return 'unknown'
  }
}
