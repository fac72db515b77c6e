import { DECISIONS } from '../../action/decision.ts'
import { STATES } from '../../action/action.ts'
import { CATALOGUE } from '../../errors/catalogue.ts'

type Schema = Readonly<Record<string, unknown>>

/** Bounds of everything that is taken from outside; one place, so that doors and documentation agree. */
export const agentName = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  pattern: '^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$',
  description: 'a name of letters, digits and _ . : @ -',
} as const satisfies Schema

export const actionName = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '^[A-Za-z0-9_][A-Za-z0-9_.:/@-]*$',
  description: 'a name of letters, digits and _ . : / @ -',
} as const satisfies Schema

export const sessionName = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'a name of visible ASCII characters',
} as const satisfies Schema

export const targetName = {
  type: 'string',
  minLength: 1,
  maxLength: 2_000,
  description: 'what the action is done to, where the input does not say',
} as const satisfies Schema

export const id = {
  type: 'string',
  minLength: 1,
  maxLength: 100,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'an id of letters, digits, _ and -',
} as const satisfies Schema

export const words = (maxLength: number, description: string) =>
  ({ type: 'string', maxLength, description }) as const

export const costUsd = {
  type: 'number',
  minimum: 0,
  maximum: 9_000_000,
  description: 'US dollars',
} as const satisfies Schema

export const stateName = { type: 'string', enum: STATES } as const satisfies Schema
export const decisionName = { type: 'string', enum: DECISIONS } as const satisfies Schema
export const time = {
  type: 'string',
  format: 'date-time',
  description: 'ISO 8601, UTC',
} as const satisfies Schema

export const sinceText = {
  type: 'string',
  maxLength: 40,
  description: 'an ISO 8601 time with its zone, or a duration such as 1h',
} as const satisfies Schema

export const object = (properties: Schema, required: readonly string[] = []) =>
  ({ type: 'object', additionalProperties: false, required, properties }) as const

const reason = object(
  {
    code: { type: 'string' },
    message: { type: 'string' },
    check: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' } },
  },
  ['code', 'message'],
)

export const approvalOfAction = object(
  {
    id,
    expires_at: time,
    step: { type: 'integer', description: 'index of the step that waits' },
    steps: {
      type: 'array',
      items: object(
        { group: { type: 'string' }, quorum: { type: 'integer' }, approved: { type: 'integer' } },
        ['group', 'quorum', 'approved'],
      ),
    },
  },
  ['id', 'expires_at', 'step', 'steps'],
)

const undoProgress = object(
  {
    status: { type: 'string', enum: ['requested', 'executing', 'failed', 'unknown', 'undone'] },
    by: { type: 'string' },
    at: time,
    deadline: { ...time, description: 'while it is under way: when it becomes unknown' },
    error: { type: 'string' },
  },
  ['status', 'by', 'at'],
)

/** Schemas that answers refer to by `$ref`. */
export const SHARED_SCHEMAS = [
  {
    $id: 'Problem',
    description: 'RFC 9457 problem details',
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code', 'instance', 'details'],
    properties: {
      type: { type: 'string', description: 'urn:belay:error: and the code' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'string', enum: Object.keys(CATALOGUE) },
      instance: { type: 'string', description: 'urn:uuid: and the id of the request' },
      details: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
  {
    $id: 'Action',
    ...object(
      {
        id,
        agent: { type: 'string' },
        action: { type: 'string' },
        effect: {
          type: 'string',
          enum: ['read', 'write', 'irreversible'],
          description: 'what it does to the world, worst case',
        },
        session: { type: ['string', 'null'] },
        proposed_by: { type: 'string', description: 'the person who asked through the agent, where one did' },
        repeated: {
          type: 'boolean',
          description: 'the idempotency key was known: the permission belongs to whoever proposed first',
        },
        decision: decisionName,
        effective: decisionName,
        mode: { type: 'string', enum: ['observe', 'enforce'] },
        reasons: { type: 'array', items: reason },
        state: stateName,
        version: { type: 'integer' },
        input: {
          type: ['object', 'null'],
          additionalProperties: true,
          description: 'what may be executed; null when it was erased',
        },
        result: { description: 'as it was reported' },
        judged: {
          type: 'object',
          additionalProperties: true,
          description:
            'what the checks of results made of it, where they did not just allow it: decision, effective, reasons; in the answer to an outcome with judge also the result that the agent may read',
        },
        cost_usd: { type: 'number' },
        confidence: { type: ['number', 'null'] },
        proposed_at: time,
        updated_at: time,
        policy_version: { type: 'string' },
        approval: approvalOfAction,
        approval_wait_seconds: {
          type: 'number',
          description: 'while held, in the answer to the proposal: how long a door that cannot say so waits',
        },
        target: { type: 'string' },
        tool_schema_version: { type: 'string' },
        undo: undoProgress,
        deadline: { ...time, description: 'when an outstanding report becomes unknown' },
        expires_at: { ...time, description: 'until when the permission to execute may be taken' },
        cause: { type: 'string', description: 'why the outcome is unknown' },
      },
      [
        'id',
        'agent',
        'action',
        'effect',
        'session',
        'decision',
        'effective',
        'mode',
        'reasons',
        'state',
        'version',
        'input',
        'cost_usd',
        'confidence',
        'proposed_at',
        'updated_at',
        'policy_version',
      ],
    ),
  },
  {
    $id: 'Agent',
    ...object(
      {
        name: { type: 'string' },
        state: { type: 'string', enum: ['active', 'paused', 'stopped'] },
        reason: { type: ['string', 'null'] },
        changed_by: { type: ['string', 'null'] },
        changed_at: { type: ['string', 'null'] },
        version: { type: 'integer' },
        process: {
          type: 'object',
          additionalProperties: true,
          description: 'what runs for it in a sandbox, where the policy gives it a command',
        },
      },
      ['name', 'state', 'reason', 'changed_by', 'changed_at', 'version'],
    ),
  },
  {
    $id: 'Key',
    ...object(
      {
        id,
        agent: { type: 'string' },
        created_at: time,
        revoked_at: { type: ['string', 'null'] },
        key: { type: 'string', description: 'the secret, in the answer that creates it and never again' },
      },
      ['id', 'agent', 'created_at', 'revoked_at'],
    ),
  },
] as const satisfies readonly Schema[]
