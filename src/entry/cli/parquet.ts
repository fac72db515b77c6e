import type { DuckDBConnection } from '@duckdb/node-api'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { TAG_NAME } from '../../action/tags.ts'
import { CommandFailure } from './failure.ts'

const DAY_MS = 86_400_000

/** The columns of a record, and of which type. What a kind does not have is null. */
const COLUMNS = {
  day: 'DATE',
  chain: 'VARCHAR',
  seq: 'BIGINT',
  hash: 'VARCHAR',
  at_ms: 'BIGINT',
  kind: 'VARCHAR',
  action: 'VARCHAR',
  agent: 'VARCHAR',
  name: 'VARCHAR',
  session: 'VARCHAR',
  state: 'VARCHAR',
  decision: 'VARCHAR',
  effective: 'VARCHAR',
  reason: 'VARCHAR',
  outcome: 'VARCHAR',
  release: 'VARCHAR',
  model: 'VARCHAR',
  responded: 'VARCHAR',
  prompt: 'VARCHAR',
  prompt_version: 'VARCHAR',
  cost_usd: 'DOUBLE',
  input_tokens: 'BIGINT',
  output_tokens: 'BIGINT',
  tags: 'MAP(VARCHAR, VARCHAR)',
  text: 'VARCHAR',
} as const

/**
 * Writes the records of an exported ledger as Parquet, one folder a day: `day=2026-11-23/data_0.parquet`. Only days
 * that are over unless `today` is wanted too. Answers how many records were written.
 */
export async function writeParquet(
  exported: Readable,
  folder: string,
  options: { readonly today: boolean; readonly now: number },
): Promise<number> {
  const until = options.today ? Infinity : Math.floor(options.now / DAY_MS) * DAY_MS
  const connection = await openDuckDb()
  const scratch = mkdtempSync(join(tmpdir(), 'belay-parquet-'))
  try {
    const file = join(scratch, 'records.ndjson')
    const rows = createWriteStream(file, { mode: 0o600 })
    let count = 0
    for await (const line of createInterface({ input: exported, crlfDelay: Infinity })) {
      const row = rowOf(line)
      if (row === undefined || (row['at_ms'] as number) >= until) continue
      count++
      if (!rows.write(`${JSON.stringify(row)}\n`)) await once(rows, 'drain')
    }
    rows.end()
    await finished(rows)
    if (count === 0) return 0
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const types = Object.entries(COLUMNS).map(([name, type]) => `${name}: '${type}'`)
    await connection.run(
      `COPY (SELECT * FROM read_ndjson(${quoted(file)}, columns = {${types.join(', ')}}) ORDER BY chain, seq)
       TO ${quoted(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day), OVERWRITE_OR_IGNORE)`,
    )
    return count
  } finally {
    connection.closeSync()
    rmSync(scratch, { recursive: true })
  }
}

/** Runs a query over a folder of Parquet: its records are `records`, its actions with their outcomes `actions`. */
export async function queryParquet(folder: string, query: string): Promise<readonly JsonObject[]> {
  const connection = await openDuckDb()
  try {
    const files = quoted(join(folder, '**', '*.parquet'))
    await connection.run(
      `CREATE VIEW records AS SELECT * FROM read_parquet(${files}, hive_partitioning = true, union_by_name = true)`,
    )
    await connection.run(ACTIONS)
    const reader = await connection.runAndReadAll(query)
    return reader.getRowObjectsJson().map((row) => row as JsonObject)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(`The query over ${folder} failed: ${cause.split('\n')[0]}`)
  } finally {
    connection.closeSync()
  }
}

const ACTIONS = `CREATE VIEW actions AS
  SELECT d.* EXCLUDE (outcome, cost_usd, input_tokens, output_tokens, responded, state),
    o.outcome, o.cost_usd, o.input_tokens, o.output_tokens, o.responded, coalesce(o.state, d.state) AS state
  FROM (FROM records WHERE kind = 'decision') d
  LEFT JOIN (
    SELECT * FROM records WHERE kind = 'outcome' QUALIFY row_number() OVER (PARTITION BY action ORDER BY at_ms DESC, seq DESC) = 1
  ) o ON o.action = d.action`

const GROUPS: Readonly<Record<string, string>> = {
  hour: "strftime(make_timestamp(at_ms * 1000), '%Y-%m-%dT%H:00:00Z')",
  agent: 'agent',
  action: 'name',
  model: 'model',
  prompt: "coalesce(prompt || '@' || prompt_version, prompt)",
  release: 'release',
  decision: 'decision',
  effective: 'effective',
  reason: 'reason',
}

const FILTERS = ['agent', 'action', 'model', 'prompt', 'release', 'decision', 'reason'] as const

/** Which actions are summed, as the options of `belay stats` name them. */
export interface StatsFilter {
  readonly by?: string
  readonly tag?: string
  readonly agent?: string
  readonly action?: string
  readonly model?: string
  readonly prompt?: string
  readonly release?: string
  readonly decision?: string
  readonly reason?: string
  /** How far back, ms. */
  readonly since?: number
}

/** The sums of `belay stats`, as a query over `actions`. */
export function statsQuery({ by, tag, since, ...filter }: StatsFilter, now: number): string {
  const names = by === undefined ? [] : by.split(',')
  const conditions: string[] = []
  for (const name of FILTERS) {
    const wanted = filter[name]
    // One prompt in all its versions.
    const column = name === 'prompt' ? 'prompt' : GROUPS[name]
    if (wanted !== undefined) conditions.push(`${column} = ${quoted(wanted)}`)
  }
  if (since !== undefined) conditions.push(`at_ms >= ${Math.round(now - since)}`)
  const keys = names.map((name) => {
    const tagName = name.startsWith('tag:') ? name.slice('tag:'.length) : undefined
    const key = tagName !== undefined && TAG_NAME.test(tagName) ? tagOf(tagName) : GROUPS[name]
    if (key === undefined)
      throw new CommandFailure(`Nothing is grouped by ${name}.`, {
        advice: `Group by ${Object.keys(GROUPS).join(', ')} or tag:NAME.`,
      })
    // As in the sums of a harness: an action without the tag is in no row.
    if (tagName !== undefined) conditions.push(`${key} IS NOT NULL`)
    return `${key} AS "${name}"`
  })
  if (tag !== undefined) {
    const [, name = '', value = ''] = /^([a-z0-9_-]{1,32})=(.+)$/s.exec(tag) ?? []
    if (name === '') throw new CommandFailure(`${tag} is no tag.`, { advice: 'Write --tag campaign=spring.' })
    conditions.push(`${tagOf(name)} = ${quoted(value)}`)
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  return `SELECT ${[...keys, SUMS].join(', ')} FROM actions ${where} ${keys.length === 0 ? '' : 'GROUP BY ALL'} ORDER BY actions DESC`
}

/** `name` is of the characters that names of tags have. */
const tagOf = (name: string): string => `map_extract(tags, ${quoted(name)})[1]`

const SUMS = `count(*)::DOUBLE AS actions, count_if(decision = 'deny')::DOUBLE AS denied,
  count_if(outcome = 'succeeded')::DOUBLE AS succeeded, count_if(outcome = 'failed')::DOUBLE AS failed,
  count_if(outcome = 'unknown')::DOUBLE AS unknown, coalesce(sum(cost_usd), 0) AS cost_usd,
  coalesce(sum(input_tokens), 0)::DOUBLE AS input_tokens, coalesce(sum(output_tokens), 0)::DOUBLE AS output_tokens`

async function openDuckDb(): Promise<DuckDBConnection> {
  let duckdb: typeof import('@duckdb/node-api')
  try {
    duckdb = await import('@duckdb/node-api')
  } catch {
    throw new CommandFailure('Parquet needs DuckDB, which is not installed.', {
      advice: 'npm install @duckdb/node-api',
    })
  }
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  return instance.connect()
}

function rowOf(line: string): JsonObject | undefined {
  const match = /^\{"hash":"([0-9a-f]{64})","record":(.*)\}$/s.exec(line)
  const [, hash = '', text = ''] = match ?? []
  if (match === null) return undefined
  const said = JSON.parse(text) as JsonValue
  // Of a purged record there is nothing to ask.
  if (!isJsonObject(said) || typeof said['at'] !== 'number') return undefined
  const facts = within(said, 'facts')
  const [model, prompt, usage] = ['model', 'prompt', 'usage'].map((name) => within(facts, name))
  const reasons = Array.isArray(said['reasons']) ? said['reasons'] : []
  const tags = facts['tags']
  return {
    day: new Date(said['at']).toISOString().slice(0, 10),
    ...pick(said, ['chain', 'seq', 'kind', 'action', 'agent', 'name', 'state']),
    ...pick(said, ['decision', 'effective', 'outcome', 'cost_usd']),
    hash,
    at_ms: said['at'],
    session: said['session_id'] ?? null,
    release: said['agent_release'] ?? null,
    reason: isJsonObject(reasons[0]) ? (reasons[0]['code'] ?? null) : null,
    model: model?.['requested'] ?? null,
    responded: model?.['responded'] ?? null,
    prompt: prompt?.['name'] ?? prompt?.['digest'] ?? null,
    prompt_version: prompt?.['version'] ?? null,
    input_tokens: usage?.['input_tokens'] ?? null,
    output_tokens: usage?.['output_tokens'] ?? null,
    tags: tags !== undefined && isJsonObject(tags) ? tags : null,
    text,
  }
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, from[name] ?? null]))
}

function within(from: JsonObject, name: string): JsonObject {
  const value = from[name]
  return isJsonObject(value) ? value : {}
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
