import { RISKS } from '../../action/action.ts'
import {
  actionName,
  agentName,
  approvalOfAction,
  costUsd,
  id,
  object,
  targetName,
  time,
  words,
} from './schemas.ts'

type Schema = Readonly<Record<string, unknown>>

const person = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  description: 'as the policy names its approvers',
}
const people = { type: 'array', items: { type: 'string' } }
const count = { type: 'integer' }

export const digest = {
  type: 'string',
  pattern: '^sha256:[0-9a-f]{64}$',
  description: 'the digest of what was looked at; when it is another by now, nothing is recorded',
} as const satisfies Schema

export const reasonWords = words(4_000, 'why; needed to approve what is of high risk')
export const decisionOutcome = { type: 'string', enum: ['approve', 'reject'] } as const satisfies Schema
export const personName = person

const vote = object({ by: { type: 'string' }, outcome: decisionOutcome, at: time, for: { type: 'string' } }, [
  'by',
  'outcome',
  'at',
])

const step = object(
  {
    group: { type: 'string' },
    quorum: count,
    approved: count,
    members: {
      ...people,
      description: 'who may decide, with whoever has joined by escalation; for people only',
    },
    votes: { type: 'array', items: vote },
    delegations: {
      type: 'array',
      items: object({ from: { type: 'string' }, to: { type: 'string' }, at: time }, ['from', 'to', 'at']),
    },
    escalated_to: { ...people, description: 'groups that have joined because it waited too long' },
    escalations: {
      type: 'array',
      description: 'groups still to join, the next first; `at` for the step that waits',
      items: object({ after_seconds: { type: 'number' }, to: people, at: time }, ['after_seconds', 'to']),
    },
  },
  ['group', 'quorum', 'approved'],
)

/** Who decided what, when and by which way, for the answers about one approval. */
export const decisionsSchema = {
  type: 'array',
  description: 'once it no longer waits: who decided what, in order; for people only',
  items: object(
    {
      by: { type: 'string' },
      for: { type: 'string', description: 'the member in whose place' },
      outcome: decisionOutcome,
      at: time,
      via: { type: 'string', description: 'the way it came, such as console, slack or email' },
    },
    ['by', 'outcome', 'at'],
  ),
} as const

/** Answers about approvals, by `$ref`. */
export const APPROVAL_SCHEMAS = [
  {
    $id: 'Approval',
    ...object(
      {
        ...approvalOfAction.properties,
        steps: { type: 'array', items: step },
        state: { type: 'string', enum: ['pending', 'closed'] },
        risk: { type: 'string', enum: RISKS },
        reason_needed: {
          type: 'boolean',
          description: 'whether a form in which people decide asks for a reason to approve it',
        },
        digest: { ...digest, description: 'of the action that is decided on; goes back with a decision' },
        escalates_at: { type: ['string', 'null'], description: 'when further groups may decide as well' },
        next: {
          ...object({ group: { type: 'string' }, people, then: people }, ['group', 'people', 'then']),
          description: 'who may decide now, and the groups after that',
        },
        may_decide: { type: 'boolean', description: 'whether the caller may vote on it now' },
        plain: { type: 'string', description: 'what will happen, in one sentence' },
        undoable: { type: 'boolean' },
        undo: { type: 'string', description: 'whether it can be taken back, in words' },
        pictures: {
          type: 'array',
          items: { type: 'string' },
          description: 'paths of pictures of the page that it is about',
        },
        cost_usd: { type: 'number', description: 'the most that it can cost' },
        reason: {
          type: ['string', 'null'],
          description: "the agent's own reason; null also once it was erased",
        },
        confidence: { type: ['number', 'null'] },
        held_since: { ...time, description: 'when the step that waits began to wait' },
        edited_by: people,
        proposed_input: {
          type: ['object', 'null'],
          additionalProperties: true,
          description: 'the input as the agent proposed it, where a check or a person changed it',
        },
        break_glass: {
          anyOf: [
            { type: 'null' },
            object({ groups: people, asked_by: people, may: { type: 'boolean' } }, [
              'groups',
              'asked_by',
              'may',
            ]),
          ],
          description: 'who may release it out of turn, two people together; null: nobody',
        },
        standing_allowed: {
          type: 'boolean',
          description: 'whether actions like it may be approved in advance',
        },
        decisions: decisionsSchema,
        action: { $ref: 'Action#' },
      },
      ['id', 'state', 'expires_at', 'step', 'steps', 'risk', 'digest', 'action'],
    ),
  },
  {
    $id: 'StandingApproval',
    ...object(
      {
        id,
        agent: { type: 'string' },
        action: { type: 'string' },
        targets: { ...people, description: 'what it may be done to; empty: nothing that names a target' },
        input: { type: 'object', additionalProperties: true, description: 'bounds by dotted path' },
        max_count: count,
        used: count,
        max_sum: {
          anyOf: [
            { type: 'null' },
            object({ path: { type: 'string' }, limit: { type: 'number' }, used: { type: 'number' } }, [
              'path',
              'limit',
              'used',
            ]),
          ],
        },
        reason: { type: 'string' },
        state: { type: 'string', enum: ['waiting', 'open', 'used up', 'expired', 'revoked'] },
        groups: {
          type: 'array',
          description: 'who must have granted it for it to count, by the policy in force',
          items: object({ group: { type: 'string' }, quorum: count, granted: count }, [
            'group',
            'quorum',
            'granted',
          ]),
        },
        granted_by: { type: 'array', items: object({ by: { type: 'string' }, at: time }, ['by', 'at']) },
        created_by: { type: 'string' },
        created_at: time,
        expires_at: time,
        revoked_at: { type: ['string', 'null'] },
        revoked_by: { type: ['string', 'null'] },
      },
      [
        'id',
        'agent',
        'action',
        'targets',
        'input',
        'max_count',
        'used',
        'max_sum',
        'reason',
        'state',
        'expires_at',
      ],
    ),
  },
  {
    $id: 'Absence',
    ...object(
      {
        id,
        person: { type: 'string' },
        substitute: { type: 'string' },
        from: time,
        until: time,
        reason: { type: ['string', 'null'] },
        active: { type: 'boolean', description: 'whether it has begun' },
        created_by: { type: 'string' },
        ended_at: { type: ['string', 'null'] },
      },
      ['id', 'person', 'substitute', 'from', 'until', 'active'],
    ),
  },
] as const satisfies readonly Schema[]

const scalar = { type: ['string', 'number', 'boolean', 'null'], maxLength: 10_000 }

const bound = {
  description:
    'what the value may be: {equals}, {one_of}, {min?, max?} for numbers, {max_length} for texts, or {any: true}',
  anyOf: [
    object({ equals: {} }, ['equals']),
    object({ one_of: { type: 'array', minItems: 1, maxItems: 100, items: scalar } }, ['one_of']),
    { ...object({ min: { type: 'number' }, max: { type: 'number' } }), minProperties: 1 },
    object({ max_length: { type: 'integer', minimum: 0, maximum: 1_000_000 } }, ['max_length']),
    object({ any: { const: true } }, ['any']),
  ],
}

const path = '^[^.]{1,100}(\\.[^.]{1,100}){0,7}$'

export const newStanding = object(
  {
    agent: agentName,
    action: { ...actionName, description: 'one exact name' },
    targets: {
      type: 'array',
      maxItems: 100,
      items: targetName,
      description:
        'what it may be done to, exactly; without any, only actions that name no target are covered',
    },
    input: {
      type: 'object',
      description: 'bounds by dotted path; a value of the input that lies in none of them is not covered',
      maxProperties: 50,
      propertyNames: { type: 'string', pattern: path, maxLength: 400 },
      additionalProperties: bound,
    },
    max_count: { type: 'integer', minimum: 1, maximum: 10_000 },
    max_sum: object(
      {
        path: { type: 'string', pattern: path, maxLength: 400 },
        limit: { ...costUsd, description: 'of all uses' },
      },
      ['path', 'limit'],
    ),
    expires_in: {
      type: 'string',
      pattern: '^[1-9][0-9]{0,6}(s|m|h|d)$',
      description: 'from now, such as 8h; at most 30d',
    },
    reason: { ...words(4_000, 'why'), minLength: 1 },
  },
  ['agent', 'action', 'input', 'max_count', 'expires_in', 'reason'],
)

const moment = {
  type: 'string',
  maxLength: 40,
  pattern:
    '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$',
  description: 'an ISO 8601 time with its zone',
}

export const newAbsence = object(
  {
    person: { ...person, description: 'who is away; the caller unless the admin token says otherwise' },
    substitute: person,
    from: { ...moment, description: `${moment.description}; now unless told` },
    until: moment,
    reason: words(1_000, 'why; not in the ledger'),
  },
  ['substitute', 'until'],
)
