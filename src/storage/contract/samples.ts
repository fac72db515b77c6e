import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { Action } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import type { BudgetAccount, NewRecord, LoginRow, Store, Transition } from '../store.ts'

/** One database under test. */
export interface StoreUnderTest {
  readonly store: Store
  /** Ends the open store and opens the same database again, as a new replica. */
  reopen(): Promise<Store>
  /** Closes whatever is open and removes the database. */
  close(): Promise<void>
}

/** An action as the flow would make it; `changes` override it. */
export function sampleAction(id: string, changes: Partial<Action> = {}): Action {
  return {
    id,
    version: 1,
    interceptionPoint: 'pre_tool_call',
    agent: 'clerk',
    name: 'social.comment',
    session: null,
    effect: 'write',
    mode: 'enforce',
    decision: 'allow',
    effective: 'allow',
    reasons: [],
    policyDigest: 'sha256:00',
    inputIdentity: 'sha256:01',
    enforcedIdentity: 'sha256:01',
    actionDigest: 'sha256:02',
    confidence: null,
    release: null,
    target: null,
    toolSchemaVersion: null,
    trace: null,
    venue: 'agent',
    replica: 'r-test',
    idempotency: null,
    proposedBy: null,
    proposedAt: 1000,
    updatedAt: 1000,
    dueAt: null,
    cost: 0,
    reservations: [],
    measures: {},
    subjects: [],
    state: { name: 'ready', expiresAt: 2000 },
    ...changes,
  }
}

export function executing(id: string, replica: string, venue: 'belay' | 'agent'): Action {
  return sampleAction(id, {
    venue,
    replica,
    dueAt: 60_000,
    state: { name: 'executing', startedAt: 1000, deadline: 60_000 },
  })
}

export function insertOf(action: Action): Transition {
  return { action: { value: action, replaces: null }, records: [record('decision', action.id, 'proposal')] }
}

/** Two payloads of one kind: no database takes that. */
export function faulty(id: string): Transition {
  const twice = record('decision', id, 'proposal')
  return { action: { value: sampleAction(id), replaces: null }, records: [twice, twice] }
}

export function record(
  kind: NewRecord['kind'],
  action: string | null,
  payload?: string,
  body: JsonObject = {},
  subjects: readonly string[] = [],
): NewRecord {
  const base = { kind, at: 1000, action, agent: action === null ? null : 'clerk', body }
  return payload === undefined
    ? base
    : { ...base, payload: { kind: payload, body: { input: { text: 'Grüße' } }, subjects } }
}

export function agentRow(version: number, state: 'active' | 'paused') {
  return { name: 'clerk', version, state, reason: 'because', changedBy: 'admin', changedAt: 5 } as const
}

export function loginRow(id: string, changes: Partial<LoginRow> = {}): LoginRow {
  return {
    id,
    version: 1,
    kind: 'link',
    hash: sha256(id),
    by: 'lead@example.com',
    via: 'link',
    roles: ['approver', 'viewer'],
    claims: [],
    createdAt: 5,
    seenAt: 5,
    expiresAt: 1000,
    endedAt: null,
    ...changes,
  }
}

export function accountOf(limit: number): BudgetAccount {
  return {
    key: 'agent:clerk/usd/day/2026-11-23',
    agent: 'clerk',
    unit: 'nano_usd',
    window: 'day',
    startsAt: 0,
    endsAt: 100,
    limit,
  }
}

export function charge(account: BudgetAccount, reserved: number, spent: number): Transition {
  return { charges: [{ account: account.key, reserved, spent }], records: [] }
}

/** Leases until nothing is left; answers what it got. */
export async function takeAll(store: Store, account: BudgetAccount): Promise<number> {
  let taken = 0
  for (;;) {
    const more = await store.lease(account, 1)
    if (more === 0) return taken
    taken += more
  }
}

/** Recomputes every chain by the rule in `NewRecord`, with nothing of the store's own code. */
export async function expectChainsToHold(store: Store) {
  const all = []
  for (const head of await store.chains()) {
    const records = await store.records(head.chain, 0, 100_000)
    let previous = Buffer.alloc(32)
    for (const [index, { text, hash, seq, chain, at, kind, action, agent }] of records.entries()) {
      const inner = createHash('sha256').update(text).digest()
      previous = createHash('sha256').update(previous).update(inner).digest()
      expect(hash).toBe(previous.toString('hex'))
      expect(seq).toBe(index + 1)
      expect(JSON.parse(text)).toMatchObject({ v: 1, chain, seq, at, kind, action, agent })
    }
    expect(records.at(-1)).toMatchObject({ seq: head.seq, hash: head.hash })
    all.push(...records)
  }
  return all
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
