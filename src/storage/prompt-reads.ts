import type { Kysely, Selectable } from 'kysely'
import type { JsonObject } from '../action/json.ts'
import type { PromptContent, PromptLabel, Prompts, PromptSummary, PromptVersion } from './prompts.ts'
import type { PromptVersionsTable, Tables } from './tables.ts'

/** The same queries for both dialects. */
export class PromptReads implements Prompts {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async list(): Promise<readonly PromptSummary[]> {
    const rows = await this.#db
      .selectFrom('prompt_versions')
      .select(({ fn }) => [
        'name',
        fn.max('version').as('version'),
        fn.min('created_at').as('createdAt'),
        fn.max('created_at').as('updatedAt'),
      ])
      .groupBy('name')
      .orderBy('name')
      .execute()
    return rows
  }

  async versions(name: string): Promise<readonly PromptVersion[]> {
    const rows = await this.#db
      .selectFrom('prompt_versions')
      .selectAll()
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .execute()
    return rows.map(versionFrom)
  }

  async version(name: string, version: number): Promise<PromptVersion | undefined> {
    const row = await this.#db
      .selectFrom('prompt_versions')
      .selectAll()
      .where('name', '=', name)
      .where('version', '=', version)
      .executeTakeFirst()
    return row === undefined ? undefined : versionFrom(row)
  }

  async latest(name: string): Promise<PromptVersion | undefined> {
    const row = await this.#db
      .selectFrom('prompt_versions')
      .selectAll()
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? undefined : versionFrom(row)
  }

  async labels(name?: string): Promise<readonly PromptLabel[]> {
    let query = this.#db.selectFrom('prompt_labels').selectAll()
    if (name !== undefined) query = query.where('name', '=', name)
    const rows = await query.orderBy('name').orderBy('label').execute()
    return rows.map(({ moved_at: movedAt, moved_by: movedBy, ...rest }) => ({ ...rest, movedAt, movedBy }))
  }
}

function versionFrom(row: Selectable<PromptVersionsTable>): PromptVersion {
  const { content, config, created_at: createdAt, created_by: createdBy, ...rest } = row
  return {
    ...rest,
    content: JSON.parse(content) as PromptContent,
    config: JSON.parse(config) as JsonObject,
    createdAt,
    createdBy,
  }
}
