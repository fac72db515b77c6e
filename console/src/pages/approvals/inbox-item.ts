import type { Action, ApprovalBrief, Me } from '../../api/answers.ts'
import type { Batchable } from './like-actions.ts'

export type Risk = 'low' | 'medium' | 'high'

export interface Vote {
  readonly by: string
  readonly outcome: 'approve' | 'reject'
  readonly at: string
  /** The member in whose place it was cast. */
  readonly for?: string
}

export interface Step {
  readonly group: string
  readonly quorum: number
  readonly approved: number
  readonly members?: readonly string[]
  readonly votes?: readonly Vote[]
  readonly delegations?: readonly { readonly from: string; readonly to: string }[]
  readonly escalated_to?: readonly string[]
  readonly escalations?: readonly { readonly to: readonly string[]; readonly at?: string }[]
}

export type ActionOfApproval = Action & {
  readonly effect?: 'read' | 'write' | 'irreversible'
  readonly proposed_by?: string
}

/** An approval that waits, as `/v1/approvals` answers it. */
export interface PendingApproval extends Omit<ApprovalBrief, 'steps'> {
  readonly state: 'pending' | 'closed'
  readonly action: ActionOfApproval
  readonly steps: readonly Step[]
  readonly risk: Risk
  readonly reason_needed?: boolean
  readonly digest: string
  readonly plain?: string
  readonly reason?: string | null
  readonly confidence?: number | null
  readonly cost_usd?: number
  readonly undoable?: boolean
  /** Whether it can be taken back, in words. */
  readonly undo?: string
  /** Paths of pictures of the page that it is about. */
  readonly pictures?: readonly string[]
  readonly held_since?: string
  readonly escalates_at?: string | null
  readonly next?: {
    readonly group: string
    readonly people: readonly string[]
    readonly then: readonly string[]
  }
  readonly may_decide?: boolean
  /** Who may release it out of turn, two people together; null: nobody. */
  readonly break_glass?: {
    readonly groups: readonly string[]
    readonly asked_by: readonly string[]
    readonly may: boolean
  } | null
  readonly edited_by?: readonly string[]
  readonly proposed_input?: Readonly<Record<string, unknown>> | null
  readonly decisions?: readonly Decision[]
}

/** A vote, with the way it came: `console`, `slack`, `email` … */
export interface Decision extends Vote {
  readonly via?: string
}

/** One that was decided, expired or withdrawn has no more than this. */
export interface ClosedApproval {
  readonly id: string
  readonly state: 'closed'
  readonly action: ActionOfApproval
  readonly decisions?: readonly Decision[]
}

export type ApprovalAnswer = PendingApproval | ClosedApproval

/** One approval of the inbox. */
export interface InboxItem extends Batchable {
  readonly id: string
  readonly details: PendingApproval | null
  readonly of: ActionOfApproval
  /** Of one that no longer waits: who decided, and by which way. */
  readonly decisions: readonly Decision[]
  readonly risk: Risk
  /** Epoch ms; of closed ones not known. */
  readonly expiresAt: number
  readonly sentence: string
  /** Waits, as far as the server has said. */
  readonly pending: boolean
}

export function inboxItem(approval: ApprovalAnswer): InboxItem {
  const { id, action } = approval
  const details = 'steps' in approval ? approval : null
  return {
    id,
    details,
    of: action,
    decisions: approval.decisions ?? [],
    agent: action.agent,
    action: action.action,
    target: action.target ?? null,
    risk: details?.risk ?? 'medium',
    reasons: action.reasons,
    groups: details?.steps.map(({ group }) => group) ?? [],
    step: details?.step ?? 0,
    input: action.input,
    expiresAt: details === null ? Number.POSITIVE_INFINITY : Date.parse(details.expires_at),
    sentence: details?.plain ?? `${action.agent} wanted to run ${action.action}.`,
    pending: approval.state === 'pending',
  }
}

/** The soonest to expire first: what can wait would otherwise hide what is lost in a minute. */
export function inOrder(items: readonly InboxItem[]): readonly InboxItem[] {
  return items.toSorted((one, other) => one.expiresAt - other.expiresAt || (one.id < other.id ? -1 : 1))
}

export function needsReason({ details, risk }: InboxItem): boolean {
  return details?.reason_needed ?? risk === 'high'
}

/** Why this person cannot decide on it, in a sentence; `null` when they can, as far as is known here. */
export function whyNot(item: InboxItem, me: Me, expired: boolean): string | null {
  const { details } = item
  if (!item.pending || details === null) return fateOf(item)
  if (expired) return 'It has expired: nobody can decide it any more, and it will not run.'
  if (!me.permissions.includes('approve'))
    return `Only approvers decide. You are ${rolesOf(me)}; an administrator gives the role approver.`
  if (details.may_decide !== false) return null
  const step = details.steps[details.step]
  const { by } = me
  if (item.of.proposed_by === by) return 'You asked for this action, so somebody else has to decide it.'
  if (details.edited_by?.includes(by) === true)
    return 'You edited this action, so somebody else has to decide it.'
  if (step?.votes?.some((vote) => vote.by === by) === true)
    return `Your approval is recorded. Still needed: ${step.quorum - step.approved} of ${step.group}.`
  const passedOn = step?.delegations?.find(({ from }) => from === by)
  if (passedOn !== undefined) return `You passed your vote on to ${passedOn.to}.`
  const people = details.next?.people ?? step?.members ?? []
  const who = people.length === 0 ? 'nobody is left who could' : people.join(', ')
  return `The policy lets ${step?.group ?? 'others'} decide now: ${who}. You are ${by}.`
}

/** What became of one that no longer waits. */
export function fateOf({ of: action, decisions }: Pick<InboxItem, 'of' | 'decisions'>): string {
  const by = deciders(decisions, 'approve')
  switch (action.state) {
    case 'held':
      return 'It was changed since and waits again, as another approval.'
    case 'ready':
      return `Approved${by}. The agent may run it now.`
    case 'executing':
      return `Approved${by}. It is running.`
    case 'succeeded':
      return `Approved${by}. It has run.`
    case 'failed':
      return `Approved${by}. It ran and failed.`
    case 'unknown':
      return `Approved${by}. It started; its outcome is not known.`
    case 'undone':
      return `Approved${by}. It ran and was undone.`
    case 'denied':
      return decisions.some(({ outcome }) => outcome === 'reject')
        ? `Rejected${deciders(decisions, 'reject')}. It will not run.`
        : (action.reasons[0]?.message ?? 'It was refused.')
    case 'expired':
      return 'Nobody decided in time: it expired and will not run.'
    case 'cancelled':
      return 'It was withdrawn and will not run.'
  }
}

/** One word for the list. */
export function fateWord(action: ActionOfApproval): string {
  switch (action.state) {
    case 'held':
      return 'changed'
    case 'denied':
      return action.reasons[0]?.code === 'approval:rejected' ? 'rejected' : 'refused'
    case 'expired':
    case 'cancelled':
      return action.state
    case 'ready':
    case 'executing':
    case 'succeeded':
    case 'failed':
    case 'unknown':
    case 'undone':
      return 'approved'
  }
}

function deciders(decisions: readonly Decision[], outcome: Decision['outcome']): string {
  const people = decisions
    .filter((one) => one.outcome === outcome)
    .map(({ by, for: place, via }) => `${by}${place === undefined ? '' : ` for ${place}`}${wayOf(via)}`)
  return people.length === 0 ? '' : ` by ${[...new Set(people)].join(', ')}`
}

const WAYS: Readonly<Record<string, string>> = {
  slack: ' on Slack',
  discord: ' on Discord',
  email: ' by e-mail',
  console: ' in the console',
  mcp: ' at an MCP client',
}

function wayOf(via: string | undefined): string {
  return via !== undefined && Object.hasOwn(WAYS, via) ? WAYS[via]! : ''
}

function rolesOf({ roles }: Me): string {
  return roles.length === 0 ? 'here without a role' : `here as ${roles.join(', ')}`
}
