import { v7 as uuidv7 } from 'uuid'
import { BelayError } from '../errors/catalogue.ts'
import type { AbsenceRow, NewRecord } from '../storage/store.ts'
import type { Stages } from './stages.ts'

/** Who is away, until when, and who decides in their place where the policy permits it. */
export interface Absences {
  /** By the person themselves or the owner. Throws `approval:not_permitted` for a substitute whom no group permits. */
  declare(absence: NewAbsence): Promise<AbsenceRow>
  /** Ends it early. */
  end(id: string, by: { readonly by: string; readonly owner?: boolean }): Promise<AbsenceRow>
  /** Those that have not ended, also those still to begin. */
  list(): Promise<readonly AbsenceRow[]>
}

export interface NewAbsence {
  readonly by: string
  readonly owner?: boolean
  readonly person: string
  readonly substitute: string
  /** Epoch ms; now unless told. */
  readonly from?: number
  readonly until: number
  readonly reason?: string
}

const LONGEST = 366 * 86_400_000
/** Of one person, not ended: all that are open are read with every vote and every look at what waits. */
const MAX_OPEN = 20

export function absences(stages: Stages): Absences {
  const { store } = stages
  return {
    async declare({ by, owner = false, person, substitute, reason, ...times }) {
      const at = store.now()
      const { from = at, until } = times
      if (by !== person && !owner)
        throw new BelayError('auth:forbidden', { who: by, what: `say that ${person} is away` })
      // A time that is none is in no order.
      if (!(until > Math.max(at, from) && until <= at + LONGEST))
        throw new BelayError('input:invalid', {
          where: 'until',
          expected: 'a time after the begin of the absence and within a year',
          got: Number.isNaN(until) ? 'no time' : new Date(until).toISOString(),
        })
      refuseUnlessPermitted(stages, person, substitute)
      const open = (await store.approvals.absences(at)).filter((each) => each.person === person).length
      if (open >= MAX_OPEN)
        throw new BelayError('input:invalid', {
          where: 'person',
          expected: `somebody with fewer than ${MAX_OPEN} absences that have not ended`,
          got: person,
        })
      const row: AbsenceRow = {
        id: `abs_${uuidv7()}`,
        version: 1,
        person,
        substitute,
        from,
        until,
        reason: reason ?? null,
        createdBy: by,
        createdAt: at,
        endedAt: null,
      }
      const result = await store.commit({
        absence: { value: row, replaces: null },
        records: [recordOf(row, 'declared', by, at)],
      })
      if (result.status !== 'committed') throw new BelayError('action:conflict', { id: row.id })
      return row
    },

    async end(id, { by, owner = false }) {
      const row = await store.approvals.absence(id)
      const at = store.now()
      if (row === undefined || row.endedAt !== null || row.until <= at)
        throw new BelayError('absence:not_found', { id })
      if (by !== row.person && !owner)
        throw new BelayError('auth:forbidden', { who: by, what: `end the absence of ${row.person}` })
      const next: AbsenceRow = { ...row, version: row.version + 1, endedAt: at }
      const result = await store.commit({
        absence: { value: next, replaces: row.version },
        records: [recordOf(next, 'ended', by, at)],
      })
      if (result.status !== 'committed') throw new BelayError('absence:not_found', { id })
      return next
    },

    list: () => store.approvals.absences(store.now()),
  }
}

function refuseUnlessPermitted(stages: Stages, person: string, substitute: string): void {
  const groups = Object.entries(stages.policies.current().approvers).filter(([, { members }]) =>
    members.includes(person),
  )
  const permitted = groups.some(
    ([, { members, mayDelegateTo }]) => members.includes(substitute) || mayDelegateTo.includes(substitute),
  )
  if (permitted && person !== substitute) return
  const group = groups.length === 0 ? `any group of ${person}` : groups.map(([name]) => name).join(' or ')
  throw new BelayError('approval:not_permitted', { who: substitute, group })
}

function recordOf(
  { id, person, substitute, from, until }: AbsenceRow,
  event: string,
  by: string,
  at: number,
): NewRecord {
  return {
    kind: 'absence',
    at,
    action: null,
    agent: null,
    body: { id, event, by, person, substitute, from, until },
  }
}
