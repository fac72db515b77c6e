import { hash } from 'node:crypto'
import type { JsonObject } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { eventId, type ExportedRecord } from './sink.ts'

/** Codes of reasons that are faults of ours or of a check, not of what the agent asked for. */
const FAULTS = [
  'verify:check_failed',
  'verify:check_timeout',
  'verify:check_nonsense',
  'verify:edit_failed',
  'breaker:',
]

/**
 * What somebody should look at, as an event of Sentry; `null` for what is no failure. Failed and unknown outcomes,
 * actions denied because a check itself failed, and agents that their breaker paused.
 */
export function sentryEvent(
  record: ExportedRecord,
  {
    environment,
    version,
    origin,
  }: { readonly environment: string | null; readonly version: string; readonly origin: string },
): JsonObject | null {
  const failure = failureOf(record)
  if (failure === null) return null
  const { said, at, agent, action, decision, payload } = record
  const name = textIn(said, 'name') ?? 'agent'
  const trace = isJsonObject(decision?.['trace']) ? decision['trace'] : null
  const session = textIn(decision ?? said, 'session_id')
  return {
    event_id: hash('sha256', eventId(record), 'hex').slice(0, 32),
    timestamp: at / 1_000,
    platform: 'other',
    level: failure.level,
    logger: 'belay',
    server_name: origin,
    ...(environment !== null && { environment }),
    release: `belay@${version}`,
    transaction: name,
    logentry: { formatted: failure.message },
    fingerprint: ['belay', failure.code, name, agent ?? ''],
    tags: {
      kind: record.kind,
      code: failure.code,
      action: name,
      ...(agent !== null && { agent }),
      ...(textIn(decision ?? {}, 'agent_release') !== null && {
        agent_release: textIn(decision ?? {}, 'agent_release'),
      }),
    },
    contexts: {
      ...(trace !== null && {
        trace: { trace_id: trace['trace_id'] ?? '', span_id: trace['span_id'] ?? '' },
      }),
      belay: {
        action_id: action,
        session_id: session,
        record: eventId(record),
        record_hash: record.hash,
        policy_version: textIn(decision ?? said, 'policy_version'),
      },
    },
    ...(payload !== null && { extra: { content: payload.body } }),
  }
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly level: 'error' | 'warning'
}

function failureOf({ kind, said, agent }: ExportedRecord): Failure | null {
  const name = textIn(said, 'name') ?? 'an action'
  if (kind === 'outcome') {
    const outcome = textIn(said, 'outcome')
    if (outcome !== 'failed' && outcome !== 'unknown') return null
    return {
      code: `outcome:${outcome}`,
      message: `${name} of ${agent ?? 'an agent'}: ${outcome}`,
      level: 'error',
    }
  }
  if (kind === 'decision') {
    const { reasons } = said
    const codes = (Array.isArray(reasons) ? reasons : [])
      .filter(isJsonObject)
      .map((reason) => textIn(reason, 'code') ?? '')
    const code = codes.find((each) => FAULTS.some((fault) => each.startsWith(fault)))
    if (code === undefined || said['effective'] !== 'deny') return null
    return { code, message: `${name} of ${agent ?? 'an agent'} was denied: ${code}`, level: 'error' }
  }
  if (kind === 'agent' && said['by'] === 'breaker' && said['state'] !== 'active')
    return {
      code: 'breaker:open',
      message: `The agent ${agent ?? ''} was ${textIn(said, 'state') ?? 'paused'} by its circuit breaker`,
      level: 'error',
    }
  return null
}

function textIn(from: JsonObject, key: string): string | null {
  const value = from[key]
  return typeof value === 'string' ? value : null
}
