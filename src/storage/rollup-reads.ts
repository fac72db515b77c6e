import { sql, type Kysely, type RawBuilder } from 'kysely'
import { DECISIONS } from '../action/decision.ts'
import {
  columnOf,
  COUNT_COLUMNS,
  countsFrom,
  joinParts,
  LATENCY_COLUMNS,
  partFrom,
  spanFrom,
  sumFrom,
  tagFrom,
  type Row,
} from './rollup-rows.ts'
import type {
  CostOfHour,
  CostQuery,
  Grouping,
  HourlySum,
  Rollups,
  RollupStep,
  SessionKey,
  SessionPart,
  SessionQuery,
  SessionSummary,
  Span,
  StatsFilter,
  StatsGroup,
  StatsQuery,
  SumKey,
  Tag,
  TagGrouping,
} from './rollups.ts'
import type { Tables } from './tables.ts'

/** Under this name the position of what is here is kept. */
export const ROLLUPS = 'rollups'

const COLUMNS_OF: Readonly<Record<Grouping, readonly string[]>> = {
  hour: ['hour'],
  agent: ['agent'],
  action: ['action'],
  model: ['model'],
  prompt: ['prompt_name', 'prompt_version', 'prompt_digest'],
  release: ['release'],
  decision: ['decision'],
  effective: ['effective'],
  reason: ['reason'],
}

/** What both dialects read alike; only how a step is written differs. */
export abstract class RollupReads implements Rollups {
  protected readonly db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.db = db
  }

  abstract apply(step: RollupStep): Promise<boolean>

  async position(chain: string): Promise<number> {
    const [row] = await this.#rows(
      sql`SELECT seq FROM follower_positions WHERE name = ${ROLLUPS} AND chain = ${chain}`,
    )
    return (row?.['seq'] as number | undefined) ?? 0
  }

  async spans(ids: readonly string[]): Promise<readonly Span[]> {
    if (ids.length === 0) return []
    return (await this.#rows(sql`SELECT * FROM spans WHERE id IN (${sql.join(ids)})`)).map(spanFrom)
  }

  async tagsIn(chain: string, hour: number, limit: number): Promise<readonly Tag[]> {
    const rows = await this.#rows(sql`SELECT DISTINCT tag_name, tag_value FROM rollups
      WHERE hour = ${hour} AND chain = ${chain} AND tag_name IS NOT NULL LIMIT ${limit}`)
    return rows.flatMap((row) => tagFrom(row) ?? [])
  }

  async sums(chain: string, keys: readonly SumKey[]): Promise<readonly HourlySum[]> {
    if (keys.length === 0) return []
    const pairs = keys.map(({ hour, key }) => sql`(cast(${hour} as bigint), ${key})`)
    const rows = await this.#rows(
      sql`SELECT * FROM rollups WHERE chain = ${chain} AND (hour, key) IN (VALUES ${sql.join(pairs)})`,
    )
    return rows.map(sumFrom)
  }

  async sessionParts(chain: string, keys: readonly SessionKey[]): Promise<readonly SessionPart[]> {
    if (keys.length === 0) return []
    const pairs = keys.map(({ agent, session }) => sql`(${agent}, ${session})`)
    const rows = await this.#rows(
      sql`SELECT * FROM agent_sessions WHERE chain = ${chain} AND (agent, session) IN (VALUES ${sql.join(pairs)})`,
    )
    return rows.map(partFrom)
  }

  async stats(query: StatsQuery): Promise<readonly StatsGroup[]> {
    const groups = query.by.flatMap((by) => (isTag(by) ? ['tag_value'] : COLUMNS_OF[by]))
    // PostgreSQL sums bigints into a numeric, which would arrive as a string.
    const sums = [...COUNT_COLUMNS, ...LATENCY_COLUMNS].map(
      (name) => `cast(sum(${name}) as bigint) AS ${name}`,
    )
    const decided = DECISIONS.map(
      (name) =>
        `cast(sum(CASE WHEN decision = '${name}' THEN actions ELSE 0 END) as bigint) AS decided_${name}`,
    )
    const selected = sql.raw([...groups, ...sums, ...decided].join(', '))
    const grouped = groups.length === 0 ? sql`` : sql`GROUP BY ${sql.raw(groups.join(', '))}`
    // A series is in the order of time; what is busiest comes first otherwise.
    const order = sql.raw(query.by[0] === 'hour' ? 'hour' : ['sum(actions) DESC', ...groups].join(', '))
    const rows = await this.#rows(sql`
      SELECT ${selected} FROM rollups WHERE ${sql.join(statsConditions(query), sql` AND `)}
      ${grouped} HAVING sum(actions) > 0 ORDER BY ${order} LIMIT ${query.limit}`)
    return rows.map((row) => ({
      keys: query.by.map((by) => keyOf(by, row)),
      decisions: Object.fromEntries(
        DECISIONS.map((name) => [name, row[`decided_${name}`] as number]),
      ) as StatsGroup['decisions'],
      ...countsFrom(row),
    }))
  }

  async costs({ from, to, agent }: CostQuery): Promise<readonly CostOfHour[]> {
    const conditions = statsConditions({ from, to, by: [], limit: 0, ...(agent !== undefined && { agent }) })
    const rows = await this.#rows(sql`SELECT hour, agent, cast(sum(cost) as bigint) AS cost FROM rollups
      WHERE ${sql.join(conditions, sql` AND `)} GROUP BY hour, agent HAVING sum(cost) > 0 ORDER BY hour, agent`)
    return rows.map((row) => ({
      hour: row['hour'] as number,
      agent: row['agent'] as string,
      cost: row['cost'] as number,
    }))
  }

  async tagNames({ from, to, agent }: CostQuery, limit: number): Promise<readonly string[]> {
    const rows = await this.#rows(sql`SELECT tag_name FROM rollups
      WHERE hour >= ${from} AND hour < ${to} AND tag_name IS NOT NULL
        ${agent === undefined ? sql`` : sql`AND agent = ${agent}`}
      GROUP BY tag_name ORDER BY sum(cost) DESC, tag_name LIMIT ${limit}`)
    return rows.map((row) => row['tag_name'] as string)
  }

  async sessions(query: SessionQuery): Promise<readonly SessionSummary[]> {
    const { before } = query
    const conditions = [
      // A session that several chains know of is found once: by the chain that saw it last.
      sql`NOT EXISTS (SELECT 1 FROM agent_sessions o WHERE o.agent = s.agent AND o.session = s.session
        AND (o.seen_at, o.chain) > (s.seen_at, s.chain))`,
      ...(query.agent === undefined ? [] : [sql`s.agent = ${query.agent}`]),
      ...(query.from === undefined ? [] : [sql`s.seen_at >= ${query.from}`]),
      ...(query.to === undefined ? [] : [sql`s.seen_at < ${query.to}`]),
      ...(before === undefined
        ? []
        : [sql`(s.seen_at, s.agent, s.session) < (${before.seenAt}, ${before.agent}, ${before.session})`]),
      ...anyPart(query),
    ]
    const found = await this.#rows(sql`
      SELECT s.agent, s.session FROM agent_sessions s WHERE ${sql.join(conditions, sql` AND `)}
      ORDER BY s.seen_at DESC, s.agent DESC, s.session DESC LIMIT ${query.limit}`)
    return this.#joined(
      found.map((row) => ({ agent: row['agent'] as string, session: row['session'] as string })),
    )
  }

  async session(key: SessionKey): Promise<SessionSummary | undefined> {
    return (await this.#joined([key]))[0]
  }

  async spansOf(
    { agent, session }: SessionKey,
    after: string | null,
    limit: number,
  ): Promise<readonly Span[]> {
    // Ids are ordered by the time of the proposal.
    const rows = await this.#rows(sql`SELECT * FROM spans WHERE agent = ${agent} AND session = ${session}
      AND id > ${after ?? ''} ORDER BY id LIMIT ${limit}`)
    return rows.map(spanFrom)
  }

  async #joined(keys: readonly SessionKey[]): Promise<readonly SessionSummary[]> {
    if (keys.length === 0) return []
    const pairs = keys.map(({ agent, session }) => sql`(${agent}, ${session})`)
    const rows = await this.#rows(
      sql`SELECT * FROM agent_sessions WHERE (agent, session) IN (VALUES ${sql.join(pairs)})`,
    )
    const parts = rows.map(partFrom)
    return keys.flatMap(({ agent, session }) => {
      const own = parts.filter((part) => part.agent === agent && part.session === session)
      return own.length === 0 ? [] : [joinParts(own)]
    })
  }

  async #rows(query: RawBuilder<unknown>): Promise<readonly Row[]> {
    return (await query.execute(this.db)).rows as readonly Row[]
  }
}

function isTag(by: Grouping | TagGrouping): by is TagGrouping {
  return by.startsWith('tag:')
}

function keyOf(by: Grouping | TagGrouping, row: Row): string | number | null {
  if (isTag(by)) return row['tag_value'] ?? null
  if (by !== 'prompt') return row[columnOf(by)] ?? null
  const [name, version, digest] = [row['prompt_name'], row['prompt_version'], row['prompt_digest']]
  if (name == null) return digest ?? null
  return version == null ? name : `${name}@${version}`
}

const FILTERS: readonly (readonly [keyof StatsFilter, string])[] = [
  ['agent', 'agent'],
  ['action', 'action'],
  ['model', 'model'],
  ['prompt', 'prompt_name'],
  ['promptVersion', 'prompt_version'],
  ['release', 'release'],
  ['decision', 'decision'],
  ['reason', 'reason'],
]

function statsConditions(query: StatsQuery): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [sql`hour >= ${query.from}`, sql`hour < ${query.to}`]
  const grouped = query.by.find(isTag)?.slice('tag:'.length)
  const name = query.tag?.name ?? grouped
  conditions.push(name === undefined ? sql`tag_name IS NULL` : sql`tag_name = ${name}`)
  if (query.tag !== undefined) conditions.push(sql`tag_value = ${query.tag.value}`)
  for (const [name, column] of FILTERS) {
    const value = query[name]
    if (value !== undefined) conditions.push(sql`${sql.raw(column)} = ${value}`)
  }
  return conditions
}

/** Conditions on what any chain knows of the session. */
function anyPart(query: SessionQuery): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  const lists = [
    ['models', query.model],
    ['prompts', query.prompt],
    ['releases', query.release],
    ['decisions', query.decision],
    ['reasons', query.reason],
  ] as const
  for (const [column, value] of lists) {
    if (value === undefined) continue
    // The list is JSON of texts, so a whole member is found between its quotes; a prompt also without its version.
    const text = JSON.stringify(value)
    const needles = column === 'prompts' ? [text, `${text.slice(0, -1)}@`] : [text]
    const holds = needles.map((needle) => sql`${position(column, needle)} > 0`)
    conditions.push(sql`EXISTS (SELECT 1 FROM agent_sessions o WHERE o.agent = s.agent AND o.session = s.session
      AND (${sql.join(holds, sql` OR `)}))`)
  }
  if (query.minCost !== undefined) {
    conditions.push(sql`(SELECT sum(o.cost) FROM agent_sessions o WHERE o.agent = s.agent
      AND o.session = s.session) >= ${query.minCost}`)
  }
  return conditions
}

/** Where the text begins in the column, without patterns: what is sought may hold any character. */
function position(column: string, needle: string): RawBuilder<unknown> {
  return sql`(length(o.${sql.raw(column)}) - length(replace(o.${sql.raw(column)}, ${needle}, '')))`
}
