import type { FastifyRequest } from 'fastify'
import type { Proposal } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { nanoFromUsd } from '../../action/money.ts'
import { LONGEST_TAG, MOST_TAGS, type Tags } from '../../action/tags.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { checkTags, withTags } from '../tags.ts'
import { PROMPT_REF } from '../prompts/prompt.ts'
import type { PromptRegistry } from '../prompts/prompt-registry.ts'
import { readTraceParent } from '../telemetry/trace-parent.ts'
import { principalOf } from './authentication.ts'
import type { Principal } from './authentication.ts'
import { actionName, agentName, costUsd, object, sessionName, targetName, words } from './schemas.ts'

export interface ProposeBody {
  readonly agent?: string
  readonly action: string
  readonly input: JsonObject
  readonly session?: string
  readonly reason?: string
  readonly confidence?: number
  readonly cost_usd?: number
  readonly idempotency_key?: string
  readonly provenance?: JsonObject
  readonly subjects?: readonly string[]
  readonly release?: string
  readonly target?: string
  readonly tool_schema_version?: string
  readonly prompt?: string
  readonly tags?: Tags
  readonly start?: boolean
}

const tagsSchema = {
  type: 'object',
  maxProperties: MOST_TAGS,
  additionalProperties: { type: 'string', minLength: 1, maxLength: LONGEST_TAG },
  description:
    'what it is for, such as {"campaign": "spring"}: cost is summed up by it; names of a-z, 0-9, _ and -; not secret, no personal data',
} as const

/** What `POST /v1/actions` takes. */
export const proposal = object(
  {
    agent: { ...agentName, description: `${agentName.description}; with an agent's key it may be left out` },
    action: actionName,
    input: { type: 'object', additionalProperties: true },
    session: sessionName,
    reason: words(10_000, "the agent's own reason"),
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    cost_usd: costUsd,
    idempotency_key: { ...sessionName, maxLength: 255, description: 'visible ASCII characters' },
    provenance: { type: 'object', additionalProperties: true },
    subjects: { type: 'array', maxItems: 100, items: { type: 'string', minLength: 1, maxLength: 200 } },
    release: sessionName,
    target: targetName,
    tool_schema_version: sessionName,
    prompt: {
      type: 'string',
      pattern: PROMPT_REF,
      description: 'name@version or name@label of the prompt that led to it; the record names the version',
    },
    tags: tagsSchema,
    start: { type: 'boolean', description: 'start at once when the action is allowed' },
  },
  ['action', 'input'],
)

/** The body as a proposal of whoever calls. Throws `auth:forbidden`, `input:invalid`, `prompt:not_found`. */
export async function proposalOf(
  request: Pick<FastifyRequest, 'headers' | 'principal'> & { readonly body: ProposeBody },
  prompts: Pick<PromptRegistry, 'factsOf'>,
): Promise<Proposal> {
  const { body } = request
  const principal = principalOf(request)
  const trace = readTraceParent(request.headers['traceparent'])
  const prompt = body.prompt === undefined ? undefined : await prompts.factsOf(body.prompt)
  return {
    agent: principal.kind === 'agent' ? ownAgent(principal, body.agent) : namedAgent(body.agent),
    action: body.action,
    input: body.input,
    ...(body.session === undefined ? {} : { session: body.session }),
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...(body.confidence === undefined ? {} : { confidence: body.confidence }),
    ...(body.cost_usd === undefined ? {} : { cost: nanoFromUsd(body.cost_usd, 'body.cost_usd') }),
    ...(body.idempotency_key === undefined ? {} : { idempotencyKey: body.idempotency_key }),
    ...(body.provenance === undefined ? {} : { provenance: body.provenance }),
    ...(body.subjects === undefined ? {} : { subjects: body.subjects }),
    ...(body.release === undefined ? {} : { release: body.release }),
    ...(body.target === undefined ? {} : { target: body.target }),
    ...(body.tool_schema_version === undefined ? {} : { toolSchemaVersion: body.tool_schema_version }),
    ...withTags(prompt && { prompt }, body.tags && checkTags(body.tags, 'body.tags')),
    ...(trace === undefined ? {} : { trace }),
    // Whoever asks as a person may not also be the one who approves.
    ...(principal.kind === 'admin' && principal.actingAs !== null ? { proposedBy: principal.actingAs } : {}),
  }
}

/** An agent's key speaks for that agent alone. */
export function ownAgent(
  principal: Extract<Principal, { kind: 'agent' }>,
  named: string | undefined,
): string {
  if (named === undefined || named === principal.agent) return principal.agent
  throw new BelayError('auth:forbidden', {
    who: `The agent ${principal.agent}`,
    what: 'speak for another agent',
  })
}

function namedAgent(named: string | undefined): string {
  if (named !== undefined) return named
  throw new BelayError('input:invalid', {
    where: 'body.agent',
    expected: 'the name of the agent',
    got: 'nothing',
  })
}
