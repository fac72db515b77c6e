import type pg from 'pg'
import type { PreparedPrompt } from '../prepared-transition.ts'
import { textArray } from './binary-array.ts'

/** Whether the version exists already or a label was moved meanwhile. Whoever was first is waited for, and then seen. */
export async function isPromptRefused(
  client: pg.Client,
  [version, labels]: PreparedPrompt,
): Promise<boolean> {
  const names = [...new Set([...(version === null ? [] : [version[0]]), ...labels.map(([, name]) => name)])]
  // A row that does not exist cannot be locked, so the names are.
  const [, versions, labelled] = await Promise.all([
    client.query(LOCK, [textArray(names.toSorted())]),
    version === null
      ? undefined
      : client.query('SELECT 1 FROM prompt_versions WHERE name = $1 AND version = $2', [
          version[0],
          version[1],
        ]),
    client.query<{ name: string; label: string; version: number }>(
      'SELECT name, label, version FROM prompt_labels WHERE name = ANY($1::text[])',
      [textArray(names)],
    ),
  ])
  if (versions !== undefined && versions.rows.length > 0) return true
  const known = new Map(labelled.rows.map((row) => [`${row.name} ${row.label}`, row.version]))
  return labels.some(([replaces, name, label]) => (known.get(`${name} ${label}`) ?? null) !== replaces)
}

const LOCK = 'SELECT pg_advisory_xact_lock(1114990958, hashtext(name)) FROM unnest($1::text[]) AS n (name)'

export function promptStatements([version, labels]: PreparedPrompt): pg.QueryConfig[] {
  return [
    ...(version === null
      ? []
      : [
          {
            text: `INSERT INTO prompt_versions (name, version, digest, content, config, note, created_at, created_by)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
            values: [...version],
          },
        ]),
    ...labels.map((label) => ({
      text: `INSERT INTO prompt_labels (name, label, version, moved_at, moved_by) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (name, label) DO UPDATE SET version = $3, moved_at = $4, moved_by = $5`,
      values: label.slice(1),
    })),
  ]
}
