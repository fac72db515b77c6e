import { STATES, type Action, type ProposalPayload, type StateName } from '../../action/action.ts'
import { DECISIONS, type Decision } from '../../action/decision.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { nanoFromUsd, type NanoUsd } from '../../action/money.ts'
import type { AgentState, ScoreRow, StoredRecord } from '../../storage/store.ts'
import { scoresIn } from '../quality/score.ts'

/** A decision as the ledger has it. */
export interface PastDecision {
  readonly kind: 'decision'
  readonly id: string
  /** When it was proposed, epoch ms. */
  readonly at: number
  readonly agent: string
  readonly name: string
  readonly session: string | null
  readonly confidence: number | null
  readonly release: string | null
  readonly decision: Decision
  readonly effective: Decision
  readonly codes: readonly string[]
  /** The most that it might cost, as it was reserved. */
  readonly cost: NanoUsd
  /** What judges made of it then. */
  readonly scores: readonly ScoreRow[]
  /** `null` when it was erased. */
  readonly payload: ProposalPayload | null
}

/** What became of an action, or of an agent, at a time. */
export type PastStep =
  | PastDecision
  | {
      readonly kind: 'end'
      readonly id: string
      readonly at: number
      readonly state: Extract<
        StateName,
        'succeeded' | 'failed' | 'unknown' | 'denied' | 'expired' | 'cancelled'
      >
      /** What it cost; `null` where it did not run. */
      readonly cost: NanoUsd | null
    }
  | {
      readonly kind: 'agent'
      readonly at: number
      readonly agent: string
      readonly state: AgentState
      readonly reason: string | null
      readonly by: string | null
    }

const ENDED = ['succeeded', 'failed', 'unknown', 'denied', 'expired', 'cancelled'] as const
const AGENT_STATES = ['active', 'paused', 'stopped'] as const

/** Reads a record for a backtest; `null` for what changes neither an action nor an agent. */
export function pastStep(record: StoredRecord, payload: string | null): PastStep | null {
  const said = JSON.parse(record.text) as JsonObject
  const { action: id, agent, at } = record
  if (record.kind === 'agent' && agent !== null) {
    const state = AGENT_STATES.find((one) => one === said['state'])
    if (state === undefined) return null
    return { kind: 'agent', at, agent, state, reason: textOf(said['reason']), by: textOf(said['by']) }
  }
  if (id === null || agent === null) return null
  if (record.kind === 'decision') return decisionOf(record, said, id, agent, payload)
  const state = ENDED.find((one) => one === said['state'])
  const known = STATES.find((one) => one === said['state'])
  if (state === undefined || known === undefined || record.kind === 'undo') return null
  const ran = state === 'succeeded' || state === 'failed' || state === 'unknown'
  return { kind: 'end', id, at, state, cost: ran ? nanoOf(said['cost_usd']) : null }
}

function decisionOf(
  record: StoredRecord,
  said: JsonObject,
  id: string,
  agent: string,
  payload: string | null,
): PastDecision | null {
  const decision = DECISIONS.find((one) => one === said['decision'])
  const effective = DECISIONS.find((one) => one === said['effective'])
  const { name, session_id: session, confidence, agent_release: release, issued_at: issued, reasons } = said
  if (decision === undefined || effective === undefined || typeof name !== 'string') return null
  return {
    kind: 'decision',
    id,
    at: typeof issued === 'number' ? issued : record.at,
    agent,
    name,
    session: textOf(session),
    confidence: typeof confidence === 'number' ? confidence : null,
    release: textOf(release),
    decision,
    effective,
    codes: Array.isArray(reasons)
      ? reasons.filter(isJsonObject).map((reason) => textOf(reason['code']) ?? '')
      : [],
    cost: nanoOf(said['cost_usd']),
    scores: scoresIn(record, said),
    payload: payload === null ? null : (JSON.parse(payload) as ProposalPayload),
  }
}

/** An input with nothing but the numbers that the record of an erased one still has. */
export function inputOfMeasures(measures: Action['measures']): JsonObject {
  const input: Record<string, JsonValue> = {}
  for (const [path, value] of Object.entries(measures)) {
    const keys = path.split('.').slice(1)
    const last = keys.pop()
    if (last === undefined) continue
    let place: Record<string, JsonValue> = input
    for (const key of keys) {
      const below = place[key]
      place = (isJsonObject(below ?? null) ? below : (place[key] = {})) as Record<string, JsonValue>
    }
    place[last] = value
  }
  return input
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function nanoOf(value: JsonValue | undefined): NanoUsd {
  return typeof value === 'number' && value >= 0 ? nanoFromUsd(value) : 0
}
