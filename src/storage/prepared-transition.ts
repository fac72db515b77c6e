import type { Action } from '../action/action.ts'
import { canonicalJson } from '../action/digest.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import { prepareApprovals } from './prepared-approvals.ts'
import type { PreparedApprovals } from './prepared-approvals.ts'
import { approvalOf, fixedOf, progressOf } from './action-row.ts'
import type { PromptChange } from './prompts.ts'
import type { AgentRow, Charge, KeyRow, NewRecord, PayloadRef, LoginRow, Transition } from './store.ts'

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
  login: PreparedLogin | null,
  prompt: PreparedPrompt | null,
  approvals: PreparedApprovals | null,
]

export type PreparedAction = readonly [
  replaces: number | null,
  id: string,
  version: number,
  state: string,
  decision: string,
  approvalId: string | null,
  dueAt: number | null,
  replica: string,
  progress: string,
  insert: PreparedInsert | null,
]

/** What only an insert writes. */
export type PreparedInsert = readonly [
  agent: string,
  name: string,
  session: string | null,
  idempotencyKey: string | null,
  proposedAt: number,
  measures: string,
  fixed: string,
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

export type PreparedLogin = readonly [
  replaces: number | null,
  id: string,
  version: number,
  kind: string,
  hash: string,
  person: string,
  via: string,
  roles: string,
  claims: string,
  createdAt: number,
  seenAt: number,
  expiresAt: number,
  endedAt: number | null,
]

export type PreparedPrompt = readonly [
  version: PreparedPromptVersion | null,
  labels: readonly PreparedPromptLabel[],
]

export type PreparedPromptVersion = readonly [
  name: string,
  version: number,
  digest: string,
  content: string,
  config: string,
  note: string | null,
  createdAt: number,
  createdBy: string,
]

export type PreparedPromptLabel = readonly [
  replaces: number | null,
  name: string,
  label: string,
  version: number,
  movedAt: number,
  movedBy: string,
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
  const { action, agent, agentUnchanged, key, login, prompt } = transition
  try {
    return [
      action === undefined ? null : prepareAction(action.value, action.replaces),
      agent === undefined ? null : prepareAgent(agent.value, agent.replaces),
      agentUnchanged === undefined ? null : [agentUnchanged.name, agentUnchanged.version],
      key === undefined ? null : prepareKey(key.value, key.replaces),
      (transition.charges ?? []).map(prepareCharge),
      transition.records.map(prepareRecord),
      (transition.erase ?? []).map(({ action: id, kind }: PayloadRef) => [id, kind] as const),
      login === undefined ? null : prepareLogin(login.value, login.replaces),
      prompt === undefined ? null : preparePrompt(prompt),
      prepareApprovals(transition),
    ]
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new BelayError('store:unavailable', { cause }, { cause: error })
  }
}

function prepareAction(value: Action, replaces: number | null): PreparedAction {
  return [
    replaces,
    value.id,
    value.version,
    value.state.name,
    value.decision,
    approvalOf(value.state)?.id ?? null,
    value.dueAt,
    value.replica,
    progressOf(value),
    replaces === null
      ? [
          value.agent,
          value.name,
          value.session,
          value.idempotency?.key ?? null,
          value.proposedAt,
          JSON.stringify(value.measures),
          fixedOf(value),
        ]
      : null,
  ]
}

function prepareAgent(value: AgentRow, replaces: number | null): PreparedAgent {
  return [replaces, value.name, value.version, value.state, value.reason, value.changedBy, value.changedAt]
}

function prepareKey(value: KeyRow, replaces: 'absent' | 'present'): PreparedKey {
  return [replaces, value.id, value.hash, value.agent, value.createdAt, value.revokedAt]
}

function prepareLogin(value: LoginRow, replaces: number | null): PreparedLogin {
  return [
    replaces,
    value.id,
    value.version,
    value.kind,
    value.hash,
    value.by,
    value.via,
    JSON.stringify(value.roles),
    JSON.stringify(value.claims),
    value.createdAt,
    value.seenAt,
    value.expiresAt,
    value.endedAt,
  ]
}

function preparePrompt({ version, labels = [] }: PromptChange): PreparedPrompt {
  return [
    version === undefined
      ? null
      : [
          version.name,
          version.version,
          version.digest,
          JSON.stringify(version.content),
          JSON.stringify(version.config),
          version.note,
          version.createdAt,
          version.createdBy,
        ],
    labels.map(({ value, replaces }) => [
      replaces,
      value.name,
      value.label,
      value.version,
      value.movedAt,
      value.movedBy,
    ]),
  ]
}

function prepareCharge({ account, reserved, spent }: Charge): PreparedCharge {
  if (!Number.isSafeInteger(reserved) || !Number.isSafeInteger(spent)) {
    throw new RangeError(`the charge on ${account} is not in whole units`)
  }
  return [account, reserved, spent]
}

const RESERVED_NAMES = ['v', 'chain', 'seq', 'at', 'kind', 'action', 'agent', 'payload']

/** Splits a record's canonical text around what is known only when the record takes its place. */
function prepareRecord(record: NewRecord): PreparedRecord {
  const { at, kind, action, agent, body, payload } = record
  if (payload !== undefined && action === null) throw new TypeError('a payload needs an action')
  const pieces: string[] = []
  let piece = '{'
  for (const { name, label } of membersInOrder(body)) {
    switch (name) {
      case 'chain':
      case 'payload':
      case 'seq':
        pieces.push(piece + label)
        piece = ''
        break
      case 'v':
        piece += `${label}1`
        break
      case 'at':
        piece += label + canonicalValue(at)
        break
      case 'kind':
        piece += label + canonicalString(kind)
        break
      case 'action':
        piece += label + canonicalValue(action)
        break
      case 'agent':
        piece += label + canonicalValue(agent)
        break
      default:
        piece += label + canonicalValue(body[name] as JsonValue)
    }
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

interface Member {
  readonly name: string
  /** What stands before the value: a comma, save for the first, the name and a colon. */
  readonly label: string
}

/** Orders worked out before, by the body's names: records of one kind mostly have the same ones. */
const knownOrders = new Map<string, readonly Member[]>()
const MAX_KNOWN_ORDERS = 256

/** RFC 8785 orders names by UTF-16 code units, as JavaScript's own sort does. */
function membersInOrder(body: JsonObject): readonly Member[] {
  const names = Object.keys(body).filter((name) => body[name] !== undefined)
  const id = JSON.stringify(names)
  const known = knownOrders.get(id)
  if (known !== undefined) return known
  const reserved = names.find((name) => RESERVED_NAMES.includes(name))
  if (reserved !== undefined) throw new TypeError(`a record's body may not have a member ${reserved}`)
  const members = [...RESERVED_NAMES, ...names]
    .toSorted()
    .map((name, index) => ({ name, label: `${index === 0 ? '' : ','}${canonicalString(name)}:` }))
  if (knownOrders.size === MAX_KNOWN_ORDERS) knownOrders.clear()
  knownOrders.set(id, members)
  return members
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
