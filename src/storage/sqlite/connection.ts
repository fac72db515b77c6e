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
  // Nearly all that is written goes to the ends of the trees. A larger cache takes new memory for every new page
  // until it is full, which costs more than reading the few old pages that are wanted.
  connection.pragma('cache_size = -16384')
  // SQLite's own checkpoints tell nobody that the disk did not take the database: see checkpoints.ts.
  connection.pragma('wal_autocheckpoint = 0')
  return connection
}

/** Opens the database to copy its log into it, beside the writer. */
export function openForCheckpoints(file: string): Connection {
  const connection = new Database(file, { fileMustExist: true })
  // The log is synced before it is copied, and the database before the log may be written anew.
  connection.pragma('synchronous = NORMAL')
  connection.pragma('trusted_schema = OFF')
  connection.pragma('wal_autocheckpoint = 0')
  connection.pragma('cache_size = -256')
  return connection
}

/** Opens the database for reads beside the writer: each statement sees all that was committed before it. */
export function openForReading(file: string): Connection {
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: 5000 })
  connection.pragma('trusted_schema = OFF')
  connection.pragma('cache_size = -32768')
  return connection
}
