import type { Statement } from 'better-sqlite3'
import type { PreparedPrompt } from '../prepared-transition.ts'
import type { Connection } from './connection.ts'

/** Writes versions of prompts and moves labels, within the transaction of a transition. */
export class PromptWriter {
  readonly #versionExists: Statement
  readonly #labelled: Statement
  readonly #insert: Statement
  readonly #move: Statement

  constructor(connection: Connection) {
    this.#versionExists = connection.prepare('SELECT 1 FROM prompt_versions WHERE name = ? AND version = ?')
    this.#labelled = connection.prepare('SELECT version FROM prompt_labels WHERE name = ? AND label = ?')
    this.#insert =
      connection.prepare(`INSERT INTO prompt_versions (name, version, digest, content, config, note,
      created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#move = connection.prepare(`INSERT INTO prompt_labels (name, label, version, moved_at, moved_by)
      VALUES (?, ?, ?, ?, ?) ON CONFLICT (name, label) DO UPDATE SET version = excluded.version,
        moved_at = excluded.moved_at, moved_by = excluded.moved_by`)
  }

  isRefused([version, labels]: PreparedPrompt): boolean {
    if (version !== null && this.#versionExists.get(version[0], version[1]) !== undefined) return true
    return labels.some(([replaces, name, label]) => {
      const row = this.#labelled.get(name, label) as { version: number } | undefined
      return (row?.version ?? null) !== replaces
    })
  }

  write([version, labels]: PreparedPrompt): void {
    if (version !== null) this.#insert.run(...version)
    for (const label of labels) this.#move.run(...label.slice(1))
  }
}
