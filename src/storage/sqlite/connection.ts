import Database from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'

export type Connection = Database.Database

/** Opens the database for the one writer. A commit is on disk only after the log was synced: see log-sync.ts. */
export function openForWriting(file: string): Connection {
  // The mode of the -wal and -shm files follows that of the database.
  closeSync(openSync(file, 'a', 0o600))
  const connection = new Database(file, { timeout: 5000 })
  // Half the pages that a commit writes, and few rows too long for one.
  connection.pragma('page_size = 8192')
  connection.pragma('journal_mode = WAL')
  connection.pragma('synchronous = NORMAL')
  connection.pragma('secure_delete = ON')
  connection.pragma('foreign_keys = OFF')
  connection.pragma('trusted_schema = OFF')
  connection.pragma('cache_size = -65536')
  // A checkpoint stops the writer for as long as it takes to copy the log: under load seldom (192 MB), and in
  // the writer's first quiet moment in any case, so that the log is short when it has to be read after a crash.
  connection.pragma('wal_autocheckpoint = 24000')
  return connection
}

/** Opens the database for reads beside the writer: each statement sees all that was committed before it. */
export function openForReading(file: string): Connection {
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: 5000 })
  connection.pragma('trusted_schema = OFF')
  connection.pragma('cache_size = -32768')
  return connection
}
