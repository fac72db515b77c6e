import { fixedOf } from './action-row.ts'
import type { AbsenceRow, StandingRow } from './approvals.ts'
import type { Transition } from './store.ts'

/** What a transition changes around approvals, as it is written. */
export type PreparedApprovals = readonly [
  rewrite: PreparedRewrite | null,
  standing: PreparedStanding | null,
  use: PreparedUse | null,
  absence: PreparedAbsence | null,
]

/** What an update of an action leaves alone unless it is said to change. */
export type PreparedRewrite = readonly [action: string, measures: string, fixed: string]

export type PreparedStanding = readonly [
  replaces: number | null,
  id: string,
  version: number,
  agent: string,
  action: string,
  targets: string,
  bounds: string,
  maxCount: number,
  sumPath: string | null,
  maxSum: number | null,
  reason: string,
  grants: string,
  createdBy: string,
  createdAt: number,
  expiresAt: number,
  revokedAt: number | null,
  revokedBy: string | null,
]

export type PreparedUse = readonly [id: string, amount: number, at: number]

export type PreparedAbsence = readonly [
  replaces: number | null,
  id: string,
  version: number,
  person: string,
  substitute: string,
  from: number,
  until: number,
  reason: string | null,
  createdBy: string,
  createdAt: number,
  endedAt: number | null,
]

export function prepareApprovals({
  action,
  standing,
  standingUse,
  absence,
}: Transition): PreparedApprovals | null {
  const rewrites = action?.rewrites === true
  if (!rewrites && standing === undefined && standingUse === undefined && absence === undefined) return null
  return [
    rewrites ? [action.value.id, JSON.stringify(action.value.measures), fixedOf(action.value)] : null,
    standing === undefined ? null : prepareStanding(standing.value, standing.replaces),
    standingUse === undefined ? null : [standingUse.id, standingUse.amount, standingUse.at],
    absence === undefined ? null : prepareAbsence(absence.value, absence.replaces),
  ]
}

function prepareStanding(row: StandingRow, replaces: number | null): PreparedStanding {
  return [
    replaces,
    row.id,
    row.version,
    row.agent,
    row.action,
    JSON.stringify(row.targets),
    JSON.stringify(row.bounds),
    row.maxCount,
    row.maxSum?.path ?? null,
    row.maxSum?.limit ?? null,
    row.reason,
    JSON.stringify(row.grants),
    row.createdBy,
    row.createdAt,
    row.expiresAt,
    row.revokedAt,
    row.revokedBy,
  ]
}

function prepareAbsence(row: AbsenceRow, replaces: number | null): PreparedAbsence {
  const { id, version, person, substitute, from, until, reason, createdBy, createdAt, endedAt } = row
  return [replaces, id, version, person, substitute, from, until, reason, createdBy, createdAt, endedAt]
}
