import type { Kysely, Selectable } from 'kysely'
import type { AlarmFilter, AlarmRow } from './alarms.ts'
import type { AlarmsTable, Tables } from './tables.ts'

/** Columns in the order in which they are written, the id first. */
export const ALARM_COLUMNS = [
  'id',
  'version',
  'key',
  'kind',
  'agent',
  'urgent',
  'title',
  'facts',
  'act',
  'session',
  'action',
  'raised_at',
  'last_at',
  'count',
  'told_at',
  'acknowledged_by',
  'acknowledged_at',
  'resolved_at',
  'resolved_by',
] as const satisfies readonly (keyof AlarmsTable)[]

/** In the order of `ALARM_COLUMNS`. */
export function alarmValues(row: AlarmRow): (string | number | null)[] {
  return [
    row.id,
    row.version,
    row.key,
    row.kind,
    row.agent,
    row.urgent ? 1 : 0,
    row.title,
    JSON.stringify(row.facts),
    row.act,
    row.session,
    row.action,
    row.raisedAt,
    row.lastAt,
    row.count,
    row.toldAt,
    row.acknowledgedBy,
    row.acknowledgedAt,
    row.resolvedAt,
    row.resolvedBy,
  ]
}

export async function readAlarms(
  db: Kysely<Tables>,
  { open, agent, kind, before, limit }: AlarmFilter,
): Promise<readonly AlarmRow[]> {
  let query = db.selectFrom('alarms').select(ALARM_COLUMNS).orderBy('id', 'desc').limit(limit)
  if (open !== undefined) query = query.where('resolved_at', open ? 'is' : 'is not', null)
  if (agent !== undefined) query = query.where('agent', '=', agent)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (before !== undefined) query = query.where('id', '<', before)
  return (await query.execute()).map(alarmFrom)
}

export async function readAlarm(
  db: Kysely<Tables>,
  by: { readonly id: string } | { readonly openKey: string },
): Promise<AlarmRow | undefined> {
  const query = db.selectFrom('alarms').select(ALARM_COLUMNS)
  const row = await (
    'id' in by
      ? query.where('id', '=', by.id)
      : query.where('key', '=', by.openKey).where('resolved_at', 'is', null)
  ).executeTakeFirst()
  return row === undefined ? undefined : alarmFrom(row)
}

function alarmFrom(row: Selectable<AlarmsTable>): AlarmRow {
  return {
    id: row.id,
    version: row.version,
    key: row.key,
    kind: row.kind,
    agent: row.agent,
    urgent: row.urgent === 1,
    title: row.title,
    facts: JSON.parse(row.facts) as string[],
    act: row.act,
    session: row.session,
    action: row.action,
    raisedAt: row.raised_at,
    lastAt: row.last_at,
    count: row.count,
    toldAt: row.told_at,
    acknowledgedBy: row.acknowledged_by,
    acknowledgedAt: row.acknowledged_at,
    resolvedAt: row.resolved_at,
    resolvedBy: row.resolved_by,
  }
}
