import { RISKS } from '../action/action.ts'
import type { JsonObject } from '../action/json.ts'
import { described, duration, expression, listOf, map, name } from './schema-words.ts'

const groups = (description: string): JsonObject => ({
  description,
  type: 'array',
  items: name,
  minItems: 1,
  maxItems: 10,
})

const escalation = map(
  {
    after: duration('From when the step began to wait.'),
    to: groups('Groups that may decide as well from then on.'),
  },
  ['after', 'to'],
)

/** `approve:` of an action. `code` and `message` are those of every line of a policy. */
export const approveSchema = (words: {
  readonly code: JsonObject
  readonly message: JsonObject
}): JsonObject =>
  listOf(
    'Who must say yes, and when.',
    map(
      {
        when: expression('When approval is needed; without it, always.'),
        by: groups('Groups of approvers; with several, a chain in order.'),
        expires: duration('How long the approval may take. Default: 24h. Time-out denies.'),
        escalate: {
          description: 'Who may decide as well when a step waits too long; several in order.',
          anyOf: [escalation, { type: 'array', items: escalation, minItems: 1, maxItems: 10 }],
        },
        code: words.code,
        message: words.message,
      },
      ['by'],
    ),
  )

export const riskSchema: JsonObject = {
  description:
    'How much care an approval needs, in the place of what `effect` says of it. Whoever approves what is of high risk types a reason.',
  enum: [...RISKS],
}

export const standingSchema: JsonObject = {
  description: 'Whether a standing approval counts although the risk is high. Default: false.',
  type: 'boolean',
}

export const breakGlassSchema: JsonObject = described(
  'Who may release a held action out of turn: two different people together, each with a reason.',
  map({ by: groups('Groups of which both are.') }, ['by']),
)

export const approversSchema: JsonObject = map(
  {
    members: listOf('E-mail addresses or user names.', { type: 'string', minLength: 1, maxLength: 200 }),
    quorum: {
      description: 'How many of them must approve. Default: 1.',
      type: 'integer',
      minimum: 1,
      maximum: 1000,
    },
    may_delegate_to: listOf(
      'To whom outside the group a member may pass on a vote, and who may stand in for an absent one: people, or groups for all their members.',
      { type: 'string', minLength: 1, maxLength: 200 },
    ),
    editors_decide: {
      description: 'Whether who edits the input of an action may vote on it. Default: false.',
      type: 'boolean',
    },
  },
  ['members'],
)
