import type { Action } from '../action/action.ts'
import { canonicalJson } from '../action/digest.ts'
import type { JsonValue } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { AgentRow, Charge, KeyRow, NewRecord, PayloadRef, Transition } from './store.ts'

/**
 * A transition in the form in which it is written: everything serialised once, as flat tuples, because the
 * SQLite writer gets it through a structured clone and pays for every object and every key of one.
 */
export type PreparedTransition = readonly [
  action: PreparedAction | null,
  agent: PreparedAgent | null,
  agentUnchanged: readonly [name: string, version: number] | null,
  key: PreparedKey | null,
  charges: readonly PreparedCharge[],
  records: readonly PreparedRecord[],
  erase: readonly (readonly [action: string, kind: string])[],
]

export type PreparedAction = readonly [
  replaces: number | null,
  id: string,
  version: number,
  agent: string,
  name: string,
  session: string | null,
  state: string,
  decision: string,
  approvalId: string | null,
  idempotencyKey: string | null,
  dueAt: number | null,
  replica: string,
  proposedAt: number,
  measures: string,
  body: string,
]

export type PreparedAgent = readonly [
  replaces: number | null,
  name: string,
  version: number,
  state: string,
  reason: string | null,
  changedBy: string | null,
  changedAt: number,
]

export type PreparedKey = readonly [
  replaces: 'absent' | 'present',
  id: string,
  hash: string,
  agent: string,
  createdAt: number,
  revokedAt: number | null,
]

export type PreparedCharge = readonly [account: string, reserved: number, spent: number]

/**
 * A record whose canonical text lacks only what is known when it takes its place. The text is
 * `beforeChain + chain + beforePayload + payload + beforeSeq + seq + rest`.
 */
export type PreparedRecord = readonly [
  at: number,
  kind: string,
  action: string | null,
  agent: string | null,
  beforeChain: string,
  beforePayload: string,
  beforeSeq: string,
  rest: string,
  payload: PreparedPayload | null,
]

export type PreparedPayload = readonly [kind: string, text: string, subjects: readonly string[]]

/** Serialises a transition. Throws `store:unavailable` when something in it has no canonical form. */
export function prepareTransition(transition: Transition): PreparedTransition {
  const { action, agent, agentUnchanged, key } = transition
  try {
    return [
      action === undefined ? null : prepareAction(action.value, action.replaces),
      agent === undefined ? null : prepareAgent(agent.value, agent.replaces),
      agentUnchanged === undefined ? null : [agentUnchanged.name, agentUnchanged.version],
      key === undefined ? null : prepareKey(key.value, key.replaces),
      (transition.charges ?? []).map(prepareCharge),
      transition.records.map(prepareRecord),
      (transition.erase ?? []).map(({ action: id, kind }: PayloadRef) => [id, kind] as const),
    ]
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new BelayError('store:unavailable', { cause }, { cause: error })
  }
}

function prepareAction(value: Action, replaces: number | null): PreparedAction {
  const { state } = value
  const approval = state.name === 'held' || state.name === 'ready' ? state.approval : undefined
  return [
    replaces,
    value.id,
    value.version,
    value.agent,
    value.name,
    value.session,
    state.name,
    value.decision,
    approval?.id ?? null,
    value.idempotency?.key ?? null,
    value.dueAt,
    value.replica,
    value.proposedAt,
    JSON.stringify(value.measures),
    JSON.stringify(value),
  ]
}

function prepareAgent(value: AgentRow, replaces: number | null): PreparedAgent {
  return [replaces, value.name, value.version, value.state, value.reason, value.changedBy, value.changedAt]
}

function prepareKey(value: KeyRow, replaces: 'absent' | 'present'): PreparedKey {
  return [replaces, value.id, value.hash, value.agent, value.createdAt, value.revokedAt]
}

function prepareCharge({ account, reserved, spent }: Charge): PreparedCharge {
  if (!Number.isSafeInteger(reserved) || !Number.isSafeInteger(spent)) {
    throw new RangeError(`the charge on ${account} is not in whole units`)
  }
  return [account, reserved, spent]
}

const RESERVED_NAMES = new Set(['v', 'chain', 'seq', 'at', 'kind', 'action', 'agent', 'payload'])

/** RFC 8785 orders names by UTF-16 code units, as JavaScript's own sort does. */
export function prepareRecord(record: NewRecord): PreparedRecord {
  const { at, kind, action, agent, body, payload } = record
  if (payload !== undefined && action === null) throw new TypeError('a payload needs an action')
  const names = Object.keys(body).filter((name) => body[name] !== undefined)
  const members: Record<string, JsonValue> = {
    v: 1,
    at,
    kind,
    action,
    agent,
    chain: null,
    payload: null,
    seq: null,
  }
  for (const name of names) {
    if (RESERVED_NAMES.has(name)) throw new TypeError(`a record's body may not have a member ${name}`)
    Object.defineProperty(members, name, { value: body[name], enumerable: true })
  }
  const pieces: string[] = []
  let piece = '{'
  let first = true
  for (const name of Object.keys(members).toSorted()) {
    piece += `${first ? '' : ','}${canonicalString(name)}:`
    first = false
    if (name === 'chain' || name === 'payload' || name === 'seq') {
      pieces.push(piece)
      piece = ''
    } else piece += canonicalValue(members[name] as JsonValue)
  }
  const [beforeChain = '', beforePayload = '', beforeSeq = ''] = pieces
  return [
    at,
    kind,
    action,
    agent,
    beforeChain,
    beforePayload,
    beforeSeq,
    `${piece}}`,
    payload === undefined ? null : [payload.kind, JSON.stringify(payload.body), payload.subjects],
  ]
}

function canonicalValue(value: JsonValue): string {
  if (typeof value === 'string') return canonicalString(value)
  if (value === null) return 'null'
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : canonicalJson(value)
}

/** `JSON.stringify` escapes exactly what RFC 8785 demands, save that lone surrogates must be refused. */
export function canonicalString(value: string): string {
  return value.isWellFormed() ? JSON.stringify(value) : canonicalJson(value)
}
