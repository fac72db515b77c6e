import { v7 as uuidv7 } from 'uuid'
import { digestOf } from '../action/digest.ts'
import type { JsonObject } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { Bound, Grant, NewRecord, StandingRow } from '../storage/store.ts'
import { fallbackGroups, stepOf } from './approve/approve.ts'
import { millionths } from './approve/bounds.ts'
import { coverOf, grantedFor, stateOf } from './approve/cover.ts'
import type { Cover, StandingState } from './approve/cover.ts'
import { riskOf } from './approve/risk.ts'
import { samePerson } from './approve/same-person.ts'
import { needReason } from './approve/vote.ts'
import type { JudgedCase } from './case.ts'
import type { Stages } from './stages.ts'

/** A yes in advance: recorded, visible, revocable, and counted with the start of every action that it covers. */
export interface StandingApprovals {
  /** Whoever proposes it grants it as far as they may; further people may have to. Throws `standing:not_allowed`. */
  propose(standing: NewStanding): Promise<StandingView>
  grant(id: string, by: { readonly by: string; readonly owner?: boolean }): Promise<StandingView>
  /** Anybody may whom the door lets: it only takes away. From then on it starts nothing. */
  revoke(id: string, by: string): Promise<StandingView>
  get(id: string): Promise<StandingView>
  list(filter: {
    readonly open?: boolean
    readonly before?: string
    readonly limit: number
  }): Promise<readonly StandingView[]>
}

export interface NewStanding {
  readonly by: string
  readonly owner?: boolean
  readonly agent: string
  readonly action: string
  /** What it may be done to, exactly. Default: only what names no target is covered. */
  readonly targets?: readonly string[]
  readonly bounds: Readonly<Record<string, Bound>>
  readonly maxCount: number
  readonly maxSum?: { readonly path: string; readonly limit: number }
  readonly reason: string
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface StandingView {
  readonly row: StandingRow
  /** `waiting`: not enough people have granted it for the policy in force. */
  readonly state: StandingState | 'waiting'
  readonly groups: readonly { readonly group: string; readonly quorum: number; readonly granted: number }[]
}

const LONGEST = 30 * 86_400_000
const MOST = 10_000
/** Of the same agent and action, this many are looked at for one action. */
const MAX_OPEN = 50

export function standingApprovals(stages: Stages): StandingApprovals {
  const { approvals } = stages.store
  return {
    async propose(standing) {
      const { by, owner = false, agent, action, expiresAt, reason } = standing
      const at = stages.store.now()
      refuseUnlessAllowed(stages, standing, at)
      const row: StandingRow = {
        id: `sta_${uuidv7()}`,
        version: 1,
        agent,
        action,
        targets: [...new Set(standing.targets)],
        bounds: standing.bounds,
        maxCount: standing.maxCount,
        maxSum: sumOf(standing),
        reason: reason.trim(),
        grants: [grantOf(by, owner, at)],
        createdBy: by,
        createdAt: at,
        expiresAt,
        revokedAt: null,
        revokedBy: null,
        used: 0,
        usedSum: 0,
      }
      const open = await approvals.standing({ agent, action, open: at, limit: MAX_OPEN })
      if (open.length >= MAX_OPEN) throw notAllowed(action, `${MAX_OPEN} of them are open already`)
      await write(stages, row, null, recordOf(row, 'granted', by, at))
      return viewOf(stages, row)
    },

    grant: (id, { by, owner = false }) =>
      change(stages, id, (row, at) => {
        const state = stateOf(row, at)
        if (state !== 'open') throw new BelayError('standing:ended', { id, state })
        if (row.grants.some((grant) => samePerson(grant.by, by)))
          throw new BelayError('approval:voted', { who: by })
        refuseUnlessMember(stages, row, by, owner)
        return ['granted', by, { ...row, grants: [...row.grants, grantOf(by, owner, at)] }]
      }),

    revoke: (id, by) =>
      change(stages, id, (row, at) => {
        const state = stateOf(row, at)
        if (state !== 'open') throw new BelayError('standing:ended', { id, state })
        return ['revoked', by, { ...row, revokedAt: at, revokedBy: by }]
      }),

    async get(id) {
      return viewOf(stages, await found(stages, id))
    },

    async list({ open = false, ...page }) {
      const rows = await approvals.standing({ ...page, ...(open && { open: stages.store.now() }) })
      return rows.map((row) => viewOf(stages, row))
    },
  }
}

/** The standing approval that covers an action which needs people to say yes. Reads the store: never for what needs nobody. */
export async function coverNow(
  stages: Pick<Stages, 'store'>,
  { proposal, approval, rule, at }: JudgedCase,
  input: JsonObject,
): Promise<Cover | undefined> {
  if (approval === null) return undefined
  const { agent, action } = proposal
  const rows = await stages.store.approvals.standing({ agent, action, open: at, limit: MAX_OPEN })
  const proposedBy = proposal.proposedBy ?? null
  return coverOf(rows, {
    agent,
    action,
    proposedBy,
    target: proposal.target ?? null,
    input,
    approval,
    standing: rule?.standing ?? false,
    at,
  })
}

function refuseUnlessAllowed(stages: Stages, standing: NewStanding, at: number): void {
  const { action, agent, by, owner = false } = standing
  const rule = stages.policies.current().action(action)
  if (rule === undefined) throw notAllowed(action, 'no entry of the policy matches it')
  if (riskOf(rule.effect, rule.cost, rule.risk) === 'high' && !rule.standing)
    throw notAllowed(action, 'its risk is high, and its entry does not say standing: true')
  if (samePerson(by, agent)) throw new BelayError('approval:four_eyes', { who: by, did: 'would ask for' })
  if (standing.expiresAt <= at || standing.expiresAt > at + LONGEST)
    throw notAllowed(action, 'it must end within 30 days')
  if (standing.maxCount > MOST) throw notAllowed(action, `it may count up to ${MOST} at most`)
  if (Object.keys(standing.bounds).some((path) => path === '' || path.split('.').includes('')))
    throw notAllowed(action, 'a path is empty')
  needReason(standing.reason, 'approve in advance')
  refuseUnlessMember(stages, standing, by, owner)
}

function refuseUnlessMember(
  stages: Stages,
  { action }: { readonly action: string },
  by: string,
  owner: boolean,
): void {
  const steps = stepsOf(stages, action)
  if (owner || steps.some(({ members }) => members.includes(by))) return
  const group = steps.map((step) => step.group).join(' or ')
  const members = [...new Set(steps.flatMap((step) => step.members))].join(', ')
  throw new BelayError('approval:not_a_member', { who: by, group, members })
}

/** Every group that the entry names may be asked, whatever its conditions say of one input. */
function stepsOf(stages: Stages, action: string) {
  const policy = stages.policies.current()
  const groups = new Set(fallbackGroups(policy, policy.action(action)))
  return [...groups].map((group) => stepOf(policy, group))
}

function viewOf(stages: Stages, row: StandingRow): StandingView {
  const asked = { agent: row.agent, proposedBy: null }
  const groups = stepsOf(stages, row.action).map((step) => ({
    group: step.group,
    quorum: step.quorum,
    granted: grantedFor(step, row.grants, asked),
  }))
  const state = stateOf(row, stages.store.now())
  const waiting = state === 'open' && groups.some(({ quorum, granted }) => granted < quorum)
  return { row, state: waiting ? 'waiting' : state, groups }
}

async function change(
  stages: Stages,
  id: string,
  step: (row: StandingRow, at: number) => readonly ['granted' | 'revoked', string, StandingRow],
): Promise<StandingView> {
  for (let attempt = 1; ; attempt++) {
    const row = await found(stages, id)
    const at = stages.store.now()
    const [event, by, changed] = step(row, at)
    const next = { ...changed, version: row.version + 1 }
    try {
      await write(stages, next, row.version, recordOf(next, event, by, at))
      return viewOf(stages, next)
    } catch (error) {
      const again = error instanceof BelayError && error.code === 'action:conflict' && attempt < 10
      if (!again) throw error
    }
  }
}

async function write(
  stages: Stages,
  value: StandingRow,
  replaces: number | null,
  record: NewRecord,
): Promise<void> {
  const result = await stages.store.commit({ standing: { value, replaces }, records: [record] })
  if (result.status !== 'committed') throw new BelayError('action:conflict', { id: value.id })
}

async function found(stages: Stages, id: string): Promise<StandingRow> {
  const row = await stages.store.approvals.standingById(id)
  if (row === undefined) throw new BelayError('standing:not_found', { id })
  return row
}

/** Bounds and targets hold values of actions, so the record has their digests: records outlive erasure. */
function recordOf(row: StandingRow, event: 'granted' | 'revoked', by: string, at: number): NewRecord {
  return {
    kind: 'standing',
    at,
    action: null,
    agent: row.agent,
    body: {
      id: row.id,
      event,
      by,
      name: row.action,
      targets_digest: digestOf(row.targets),
      bounds_digest: digestOf(row.bounds),
      max_count: row.maxCount,
      max_sum: row.maxSum === null ? null : { path: row.maxSum.path, limit_millionths: row.maxSum.limit },
      expires_at: row.expiresAt,
      granted_by: row.grants.map((grant) => grant.by),
      reason: row.reason,
    },
  }
}

function grantOf(by: string, owner: boolean, at: number): Grant {
  return { by, at, ...(owner && { owner: true as const }) }
}

function sumOf({ action, maxSum }: NewStanding): StandingRow['maxSum'] {
  if (maxSum === undefined) return null
  const limit = millionths(maxSum.limit)
  if (limit === undefined) throw notAllowed(action, 'the sum cannot be counted')
  return { path: maxSum.path, limit }
}

function notAllowed(action: string, cause: string): BelayError {
  return new BelayError('standing:not_allowed', { action, cause })
}
