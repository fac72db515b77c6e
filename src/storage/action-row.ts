import type { Selectable } from 'kysely'
import type { Action, ActionState, Approval } from '../action/action.ts'
import type { ActionsTable } from './tables.ts'

/**
 * What never changes after the proposal, in no column of its own: written once. Members that are `null` or say
 * nothing new are left out.
 */
type Fixed = Omit<
  Action,
  | keyof Progress
  | 'id'
  | 'version'
  | 'agent'
  | 'name'
  | 'session'
  | 'decision'
  | 'dueAt'
  | 'replica'
  | 'proposedAt'
  | 'measures'
>

/** What the later steps of an action may change, in no column of its own. */
type Progress = Pick<
  Action,
  'effective' | 'reasons' | 'policyDigest' | 'updatedAt' | 'cost' | 'reservations' | 'state'
>

type Sparse<T> = { readonly [K in keyof T]: NonNullable<T[K]> | undefined }

/** The columns from which an action is put together again. */
export const ACTION_COLUMNS = [
  'id',
  'version',
  'agent',
  'name',
  'session',
  'decision',
  'due_at',
  'replica',
  'proposed_at',
  'measures',
  'fixed',
  'progress',
] as const satisfies readonly (keyof ActionsTable)[]

export function fixedOf(value: Action): string {
  const fixed: Sparse<Fixed> = {
    interceptionPoint: value.interceptionPoint,
    proposedBy: value.proposedBy ?? undefined,
    effect: value.effect,
    mode: value.mode,
    inputIdentity: value.inputIdentity,
    enforcedIdentity: value.enforcedIdentity === value.inputIdentity ? undefined : value.enforcedIdentity,
    actionDigest: value.actionDigest,
    confidence: value.confidence ?? undefined,
    release: value.release ?? undefined,
    target: value.target ?? undefined,
    toolSchemaVersion: value.toolSchemaVersion ?? undefined,
    trace: value.trace ?? undefined,
    venue: value.venue,
    idempotency: value.idempotency ?? undefined,
    subjects: value.subjects.length === 0 ? undefined : value.subjects,
  }
  return JSON.stringify(fixed)
}

export function progressOf(value: Action): string {
  const progress: Sparse<Progress> = {
    effective: value.effective === value.decision ? undefined : value.effective,
    reasons: value.reasons.length === 0 ? undefined : value.reasons,
    policyDigest: value.policyDigest,
    updatedAt: value.updatedAt,
    cost: value.cost,
    reservations: value.reservations,
    state: value.state,
  }
  return JSON.stringify(progress)
}

export function approvalOf(state: ActionState): Approval | undefined {
  return state.name === 'held' || state.name === 'ready' ? state.approval : undefined
}

export function actionFrom(row: Pick<Selectable<ActionsTable>, (typeof ACTION_COLUMNS)[number]>): Action {
  const fixed = JSON.parse(row.fixed) as Omit<Fixed, 'enforcedIdentity'>
  const progress = JSON.parse(row.progress) as Omit<Progress, 'effective' | 'reasons'>
  return {
    id: row.id,
    version: row.version,
    agent: row.agent,
    name: row.name,
    session: row.session,
    decision: row.decision,
    effective: row.decision,
    reasons: [],
    dueAt: row.due_at,
    replica: row.replica,
    proposedAt: row.proposed_at,
    measures: measuresFrom(row.measures),
    ...ABSENT,
    enforcedIdentity: fixed.inputIdentity,
    ...fixed,
    ...progress,
  }
}

const ABSENT = {
  proposedBy: null,
  confidence: null,
  release: null,
  target: null,
  toolSchemaVersion: null,
  trace: null,
  idempotency: null,
  subjects: [],
} as const satisfies Partial<Fixed>

const NO_MEASURES: Readonly<Record<string, number>> = Object.freeze({})

export function measuresFrom(text: string): Readonly<Record<string, number>> {
  return text === '{}' ? NO_MEASURES : (JSON.parse(text) as Record<string, number>)
}
