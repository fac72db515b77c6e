import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { eventId, type ExportedRecord } from './sink.ts'

/** Open Cybersecurity Schema Framework, the version that the events say they follow. */
const OCSF_VERSION = '1.8.0'

const API_ACTIVITY = {
  category_uid: 6,
  class_uid: 6003,
  category_name: 'Application Activity',
  class_name: 'API Activity',
}
const DETECTION_FINDING = {
  category_uid: 2,
  class_uid: 2004,
  category_name: 'Findings',
  class_name: 'Detection Finding',
}
const AUTHENTICATION = {
  category_uid: 3,
  class_uid: 3002,
  category_name: 'Identity & Access Management',
  class_name: 'Authentication',
}

type Activity = readonly [id: number, name: string]
const OTHER = (name: string): Activity => [99, name]
/** What a record of each kind does, in the words of API Activity. */
const ACTIVITIES: Readonly<Record<string, Activity>> = {
  key: [1, 'Create'],
  prompt: [3, 'Update'],
  policy: [3, 'Update'],
  agent: [3, 'Update'],
  erasure: [4, 'Delete'],
}
const EFFECTS: Readonly<Record<string, Activity>> = { read: [2, 'Read'], write: [3, 'Update'] }
const SEVERITIES = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical']
const STATUSES: Readonly<Record<string, Activity>> = {
  succeeded: [1, 'Success'],
  failed: [2, 'Failure'],
  denied: [2, 'Failure'],
}

/**
 * A record of the ledger as OCSF events: a log-in is Authentication, everything else API Activity; a refusal and an
 * agent that its breaker paused are a Detection Finding beside it.
 */
export function ocsfEvents(record: ExportedRecord, origin: string, version: string): readonly JsonObject[] {
  const base = { record, origin, version }
  if (record.kind === 'login') return [authentication(base)]
  const finding = findingOf(record)
  return finding === null ? [activity(base)] : [activity(base), detection(base, finding)]
}

interface Base {
  readonly record: ExportedRecord
  readonly origin: string
  readonly version: string
}

function activity(base: Base): JsonObject {
  const { record } = base
  const { said, kind } = record
  const [activityId, activityName] = activityOf(record)
  const [statusId, status] = statusOf(record)
  const denied = textIn(said, 'effective') === 'deny'
  const refused = kind === 'decision' && denied
  const name = textIn(said, 'name')
  return {
    ...common(base, API_ACTIVITY, activityId, activityName, refused ? 3 : statusId === 2 ? 2 : 1),
    message: messageOf(record),
    status_id: statusId,
    status,
    ...(firstReason(said) !== null && { status_code: firstReason(said) }),
    ...durationOf(record),
    actor: actorOf(record),
    api: {
      operation: kind === 'decision' || kind === 'outcome' ? (name ?? kind) : `belay.${kind}`,
      service: { name: 'Belay', uid: base.origin },
      ...(record.action !== null && { request: { uid: record.action } }),
      ...(kind === 'outcome' && { response: { message: textIn(said, 'outcome') ?? 'unknown' } }),
    },
    src_endpoint: { name: record.agent ?? 'belay', uid: record.chain },
    ...(name !== null && { resources: [{ name, ...(record.action !== null && { uid: record.action }) }] }),
    // Of a purged record nothing is left that says what was decided.
    ...(kind === 'decision' &&
      textIn(said, 'effective') !== null && {
        action_id: denied ? 2 : said['effective'] === 'require_approval' ? 99 : 1,
        action: denied
          ? 'Denied'
          : said['effective'] === 'require_approval'
            ? 'Held for approval'
            : 'Allowed',
        disposition_id: denied
          ? 2
          : said['effective'] === 'require_approval'
            ? 14
            : said['effective'] === 'transform'
              ? 11
              : 1,
        disposition: denied
          ? 'Blocked'
          : said['effective'] === 'require_approval'
            ? 'Delayed'
            : said['effective'] === 'transform'
              ? 'Corrected'
              : 'Allowed',
        is_alert: denied,
      }),
  }
}

function detection(base: Base, finding: Finding): JsonObject {
  const { record } = base
  return {
    ...common(base, DETECTION_FINDING, 1, 'Create', finding.severity),
    message: messageOf(record),
    status_id: 1,
    status: 'New',
    is_alert: true,
    finding_info: {
      uid: `${eventId(record)}#finding`,
      title: finding.title,
      created_time: record.at,
      types: [...finding.types],
      analytic: { name: finding.code, type_id: 1, type: 'Rule' },
    },
    resources: [
      {
        name: textIn(record.said, 'name') ?? record.agent ?? 'agent',
        ...(record.action !== null && { uid: record.action }),
      },
    ],
  }
}

function authentication(base: Base): JsonObject {
  const { said, at } = base.record
  const event = textIn(said, 'event') ?? ''
  const off = event === 'logged_out' || event === 'revoked'
  const refused = event === 'refused'
  const on = refused || event === 'opened'
  const [id, name]: Activity = off ? [2, 'Logoff'] : on ? [1, 'Logon'] : OTHER(event === '' ? 'Login' : event)
  const openId = textIn(said, 'via') === 'oidc'
  return {
    ...common(base, AUTHENTICATION, id, name, refused ? 3 : 1),
    message: `${textIn(said, 'by') ?? 'somebody'}: ${event}`,
    status_id: refused ? 2 : 1,
    status: refused ? 'Failure' : 'Success',
    ...(refused && textIn(said, 'reason') !== null && { status_detail: textIn(said, 'reason') }),
    user: { name: textIn(said, 'for') ?? textIn(said, 'by') ?? 'unknown', type_id: 1, type: 'User' },
    service: { name: 'Belay', uid: base.origin },
    auth_protocol_id: openId ? 4 : 99,
    auth_protocol: openId ? 'OpenID' : 'Link',
    is_remote: true,
    ...(textIn(said, 'login_id') !== null && {
      session: { uid: textIn(said, 'login_id'), created_time: at },
    }),
  }
}

function common(
  { record, origin, version }: Base,
  of: typeof API_ACTIVITY,
  activityId: number,
  activityName: string,
  severity: number,
): JsonObject {
  const finding = of.class_uid === DETECTION_FINDING.class_uid
  return {
    ...of,
    activity_id: activityId,
    activity_name: activityName,
    type_uid: of.class_uid * 100 + activityId,
    type_name: `${of.class_name}: ${activityName}`,
    severity_id: severity,
    severity: SEVERITIES[severity] ?? 'Unknown',
    time: record.at,
    metadata: {
      version: OCSF_VERSION,
      uid: finding ? `${eventId(record)}#finding` : eventId(record),
      product: { name: 'Belay', vendor_name: 'Belay', version, uid: origin },
      log_name: 'ledger',
      log_provider: record.chain,
      original_time: new Date(record.at).toISOString(),
      ...(record.action !== null && { correlation_uid: record.action }),
      ...(of.class_uid === API_ACTIVITY.class_uid && { profiles: ['security_control'] }),
    },
    unmapped: {
      record_hash: record.hash,
      record_kind: record.kind,
      ...record.said,
      ...(record.payload !== null && { content: record.payload as unknown as JsonValue }),
    },
  }
}

interface Finding {
  readonly code: string
  readonly title: string
  readonly severity: number
  readonly types: readonly string[]
}

function findingOf({ kind, said, agent }: ExportedRecord): Finding | null {
  if (kind === 'decision' && said['effective'] === 'deny') {
    const reasons = Array.isArray(said['reasons']) ? said['reasons'].filter(isJsonObject) : []
    const tags = reasons.flatMap(({ tags: each }) => (Array.isArray(each) ? each : []))
    const code = firstReason(said) ?? 'policy:denied'
    const types = [code, ...tags.filter((tag): tag is string => typeof tag === 'string')]
    return {
      code,
      title: `${textIn(said, 'name') ?? 'An action'} of ${agent ?? 'an agent'} was refused`,
      severity: 3,
      types,
    }
  }
  if (kind === 'agent' && said['by'] === 'breaker' && said['state'] !== 'active')
    return {
      code: 'breaker:open',
      title: `The agent ${agent ?? ''} was ${textIn(said, 'state') ?? 'paused'} by its circuit breaker`,
      severity: 4,
      types: ['breaker:open'],
    }
  return null
}

function activityOf({ kind, said, decision }: ExportedRecord): Activity {
  if (kind === 'decision' || kind === 'outcome') {
    const effect = textIn(said, 'effect') ?? textIn(decision ?? {}, 'effect') ?? 'write'
    return EFFECTS[effect] ?? OTHER(effect === 'irreversible' ? 'Irreversible' : effect)
  }
  if (kind === 'key' && said['event'] === 'revoked') return [4, 'Delete']
  return ACTIVITIES[kind] ?? OTHER(kind)
}

function statusOf({ kind, said }: ExportedRecord): Activity {
  if (kind === 'outcome') return STATUSES[textIn(said, 'outcome') ?? ''] ?? [0, 'Unknown']
  if (kind === 'decision') return STATUSES[textIn(said, 'state') ?? ''] ?? [0, 'Unknown']
  return [1, 'Success']
}

function durationOf({ at, startedAt }: ExportedRecord): JsonObject {
  return startedAt === null
    ? {}
    : { duration: Math.max(0, at - startedAt), start_time: startedAt, end_time: at }
}

function actorOf({ agent, said }: ExportedRecord): JsonObject {
  const by = textIn(said, 'by')
  return {
    app_name: agent ?? 'belay',
    ...(by !== null && by !== '' && { user: { name: by, type_id: 1, type: 'User' } }),
    ...(textIn(said, 'session_id') !== null && { session: { uid: textIn(said, 'session_id') } }),
  }
}

function messageOf({ kind, said, agent }: ExportedRecord): string {
  const name = textIn(said, 'name')
  const what =
    textIn(said, 'effective') ??
    textIn(said, 'outcome') ??
    textIn(said, 'event') ??
    textIn(said, 'state') ??
    ''
  return [kind, name, agent === null ? null : `by ${agent}`, what === '' ? null : `→ ${what}`]
    .filter((part) => part !== null)
    .join(' ')
}

function firstReason(said: JsonObject): string | null {
  const { reasons } = said
  const first: unknown = Array.isArray(reasons) ? reasons[0] : undefined
  return isJsonObject(first) ? textIn(first, 'code') : null
}

function textIn(from: JsonObject, key: string): string | null {
  const value = from[key]
  return typeof value === 'string' ? value : null
}
