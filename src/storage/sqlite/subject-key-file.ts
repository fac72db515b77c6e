import Database from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SubjectKeyRow } from '../sealing/subject-keys.ts'
import type { Connection } from './connection.ts'

export type KeyJob =
  | { readonly do: 'read'; readonly subjects: readonly string[] }
  | { readonly do: 'insert'; readonly rows: readonly SubjectKeyRow[]; readonly at: number }
  | { readonly do: 'destroy'; readonly subject: string; readonly at: number }

/**
 * The keys of data subjects, in a file of their own beside the database: a backup of the database then holds no key,
 * and a key that is destroyed here is gone for every backup. Opened with its first use.
 */
export class SubjectKeyFile {
  readonly #file: string
  #opened: Connection | undefined

  /** `database`: beside which file it lies. */
  constructor(database: string) {
    this.#file = join(dirname(database), 'subject-keys.db')
  }

  run(job: KeyJob): readonly SubjectKeyRow[] | number | null {
    const connection = (this.#opened ??= this.#open())
    switch (job.do) {
      case 'read': {
        const rows = connection.prepare(
          'SELECT subject, generation, wrapped FROM subject_keys WHERE subject = ?',
        )
        return job.subjects.flatMap((subject) => rows.all(subject) as SubjectKeyRow[])
      }
      case 'insert': {
        const insert = connection.prepare(
          'INSERT INTO subject_keys (subject, generation, wrapped, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        )
        connection
          .transaction(() => {
            for (const { subject, generation, wrapped } of job.rows)
              insert.run(subject, generation, wrapped, job.at)
          })
          .immediate()
        return null
      }
      case 'destroy':
        return connection
          .prepare(
            'UPDATE subject_keys SET wrapped = NULL, destroyed_at = ? WHERE subject = ? AND wrapped IS NOT NULL',
          )
          .run(job.at, job.subject).changes
    }
  }

  close(): void {
    this.#opened?.close()
  }

  #open(): Connection {
    closeSync(openSync(this.#file, 'a', 0o600))
    const connection = new Database(this.#file, { timeout: 5000 })
    // On disk when a call returns: nothing may be sealed with a key that a crash takes away.
    connection.pragma('journal_mode = DELETE')
    connection.pragma('synchronous = EXTRA')
    connection.pragma('secure_delete = ON')
    connection.pragma('trusted_schema = OFF')
    connection.exec(`CREATE TABLE IF NOT EXISTS subject_keys (
      subject text NOT NULL, generation bigint NOT NULL, wrapped text, created_at bigint NOT NULL,
      destroyed_at bigint, PRIMARY KEY (subject, generation)) WITHOUT ROWID`)
    return connection
  }
}
