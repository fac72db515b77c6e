import type { FastifyInstance, FastifyRequest } from 'fastify'
import { nanoFromUsd } from '../../action/money.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { sessionAnswer, sessionTree } from '../../flow/audit/sessions/session-tree.ts'
import { stats } from '../../flow/audit/sessions/stats.ts'
import { TAG_NAME, TAG_VALUE } from '../../action/tags.ts'
import {
  GROUPINGS,
  type Grouping,
  type SessionQuery,
  type StatsFilter,
  type Tag,
  type TagGrouping,
} from '../../storage/store.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { actionName, agentName, costUsd, decisionName, id, object, sessionName, time } from './schemas.ts'

const DAY_MS = 86_400_000
/** A longer time would keep the process from answering agents while it adds up. */
const MOST_DAYS = 31
const SPANS_A_PAGE = 2_000
const MOST_TAG_NAMES = 64
/** How long an answer waits for what was just recorded to be counted, ms. */
const CATCH_UP_MS = 1_000

interface Filter {
  readonly agent?: string
  readonly model?: string
  readonly prompt?: string
  readonly prompt_version?: string
  readonly release?: string
  readonly decision?: string
  readonly reason?: string
  readonly from?: string
  readonly to?: string
}

interface StatsParameters extends Filter {
  readonly by?: string
  readonly tag?: string
  readonly action?: string
}

interface ListParameters extends Filter {
  readonly min_cost_usd?: number
  readonly before?: string
  readonly limit?: number
}

const word = (description: string) => ({ type: 'string', minLength: 1, maxLength: 200, description }) as const
/** A moment that is asked for; read by `timeIn`. */
const moment = { type: 'string', minLength: 1, maxLength: 40, description: 'ISO 8601' } as const
const filter = {
  agent: agentName,
  model: word('as it was asked for'),
  prompt: word("a prompt's name"),
  release: word('of the agent'),
  decision: decisionName,
  reason: word('a code'),
  from: moment,
  to: moment,
}
const number = { type: 'number' }
const integer = { type: 'integer' }
const text = { type: 'string' }
const maybe = (type: string) => ({ type: [type, 'null'] })
const tokens = object({ input: integer, output: integer }, ['input', 'output'])

const row = {
  type: 'object',
  additionalProperties: true,
  properties: {
    key: { description: 'what the row is about; a list where several groupings were joined' },
    at: { ...time, description: 'beginning of the hour, when grouped by hour' },
    actions: integer,
    decisions: object({ allow: integer, transform: integer, require_approval: integer, deny: integer }),
    approvals: object({ held: integer, approved: integer, rejected: integer }),
    outcomes: object({ succeeded: integer, failed: integer, unknown: integer }),
    undone: integer,
    cost_usd: number,
    tokens,
    latency_ms: object({ p50: maybe('number'), p95: maybe('number'), mean: maybe('number') }),
  },
}

const session = object(
  {
    id: text,
    agent: text,
    started_at: time,
    ended_at: { ...time, description: 'of its newest record' },
    actions: integer,
    model_calls: integer,
    denied: integer,
    held: integer,
    failed: { ...integer, description: 'failed, or of unknown outcome' },
    cost_usd: number,
    tokens,
    models: { type: 'array', items: text },
    prompts: {
      type: 'array',
      items: text,
      description: 'name@version, or the digest of an unregistered one',
    },
    releases: { type: 'array', items: text },
    decisions: { type: 'array', items: text },
    reasons: { type: 'array', items: text },
  },
  ['id', 'agent', 'started_at', 'ended_at', 'actions', 'denied', 'held', 'failed', 'cost_usd', 'tokens'],
)

const span = {
  type: 'object',
  additionalProperties: true,
  required: ['id', 'parent', 'kind', 'name', 'agent', 'state', 'decision', 'started_at', 'ended_at'],
  properties: {
    id: text,
    parent: maybe('string'),
    kind: { type: 'string', enum: ['session', 'model', 'tool', 'approval', 'undo'] },
    name: text,
    agent: text,
    state: maybe('string'),
    decision: maybe('string'),
    started_at: time,
    ended_at: maybe('string'),
    cost_usd: number,
    tokens,
  },
}

/** Runs of agents as trees, and sums of what happened. */
export function sessionRoutes(app: FastifyInstance, { store, rollups }: ApiContext): void {
  const spanOf = ({
    from,
    to,
  }: Pick<Filter, 'from' | 'to'>): { readonly from: number; readonly to: number } => {
    const end = to === undefined ? store.now() : timeIn(to, 'to')
    const start = from === undefined ? end - DAY_MS : timeIn(from, 'from')
    if (start < end && end - start <= MOST_DAYS * DAY_MS) return { from: start, to: end }
    throw new BelayError('input:invalid', {
      where: 'query.from',
      expected: `a time before to, at most ${MOST_DAYS} days`,
      got: from ?? 'none',
    })
  }

  app.get<{ Querystring: StatsParameters }>(
    '/v1/stats',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary:
          'Counts, decisions, outcomes, cost, tokens and durations, by the hour and by what you ask for',
        tag: 'sessions',
        querystring: object({
          ...filter,
          action: actionName,
          prompt_version: word("of the prompt's"),
          by: {
            type: 'string',
            maxLength: 100,
            description: `one of ${GROUPINGS.join(', ')}, tag:NAME (only actions with that tag), or several joined with commas; without it one row for all`,
          },
          tag: { type: 'string', maxLength: 140, description: 'only actions with this tag: campaign=spring' },
        }),
        answers: {
          200: {
            description: `The busiest first, a series by the hour in its order; at most ${MOST_DAYS} days`,
            schema: object({
              from: time,
              to: time,
              by: { type: 'array', items: text },
              rows: { type: 'array', items: row },
            }),
          },
        },
      }),
    },
    async (request) => {
      const {
        from: _from,
        to: _to,
        by,
        tag,
        prompt_version: promptVersion,
        agent: _,
        ...rest
      } = request.query
      const span = spanOf(request.query)
      await caughtUp(rollups)
      const asked: StatsFilter = {
        ...rest,
        ...own(request),
        ...(promptVersion !== undefined && { promptVersion }),
      }
      const grouped = groupingsIn(by)
      const tagged = tag === undefined ? undefined : tagIn(tag, grouped)
      return stats(store, { ...asked, ...(tagged && { tag: tagged }), ...span, by: grouped })
    },
  )

  app.get<{ Querystring: Pick<Filter, 'agent' | 'from' | 'to'> }>(
    '/v1/stats/tags',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Names of the tags that actions were given, the dearest first',
        tag: 'sessions',
        querystring: object({ agent: agentName, from: moment, to: moment }),
        answers: {
          200: {
            description: `At most ${MOST_TAG_NAMES}, of the last 24 hours unless told`,
            schema: object({ items: { type: 'array', items: text } }, ['items']),
          },
        },
      }),
    },
    async (request) => {
      await caughtUp(rollups)
      return {
        items: await store.rollups.tagNames({ ...own(request), ...spanOf(request.query) }, MOST_TAG_NAMES),
      }
    },
  )

  app.get<{ Querystring: ListParameters }>(
    '/v1/sessions',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Runs of agents, by their last sign of life, newest first',
        tag: 'sessions',
        querystring: object({
          ...filter,
          min_cost_usd: { ...costUsd, description: 'that cost at least so much' },
          before: { type: 'string', minLength: 1, maxLength: 1_000, description: 'next of the page before' },
          limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
        }),
        answers: {
          200: {
            description: 'One page',
            schema: object({ items: { type: 'array', items: session }, next: maybe('string') }, [
              'items',
              'next',
            ]),
          },
        },
      }),
    },
    async (request) => {
      const { from, to, before, min_cost_usd: minCost, limit = 50, agent: _, ...rest } = request.query
      await caughtUp(rollups)
      const found = await store.rollups.sessions({
        ...rest,
        ...own(request),
        ...(from !== undefined && { from: timeIn(from, 'from') }),
        ...(to !== undefined && { to: timeIn(to, 'to') }),
        ...(minCost !== undefined && { minCost: nanoFromUsd(minCost, 'query.min_cost_usd') }),
        ...(before !== undefined && { before: placeIn(before) }),
        limit: limit + 1,
      })
      const items = found.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.map(sessionAnswer),
        next: found.length > limit && last !== undefined ? placeAfter(last) : null,
      }
    },
  )

  app.get<{ Params: { id: string }; Querystring: { agent?: string; after?: string } }>(
    '/v1/sessions/:id',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'One run of an agent as a tree of model calls, actions, approvals and undos',
        tag: 'sessions',
        params: object({ id: sessionName }, ['id']),
        querystring: object({
          agent: { ...agentName, description: "whose session; with an agent's key it may be left out" },
          after: { ...id, description: 'next of the page before' },
        }),
        answers: {
          200: {
            description: `A page of up to ${SPANS_A_PAGE} actions with what belongs to them; parents come first`,
            schema: object({ session, spans: { type: 'array', items: span }, next: maybe('string') }, [
              'session',
              'spans',
              'next',
            ]),
          },
        },
      }),
    },
    async (request) => {
      const { agent } = own(request)
      const { id: name } = request.params
      if (agent === undefined)
        throw new BelayError('input:invalid', {
          where: 'query.agent',
          expected: 'whose session it is',
          got: 'nothing',
        })
      await caughtUp(rollups)
      const page = { after: request.query.after ?? null, limit: SPANS_A_PAGE }
      const tree = await sessionTree(store, { agent, session: name }, page)
      if (tree === null) throw new BelayError('session:not_found', { id: name })
      return tree
    },
  )
}

/** Whose data is asked for. An agent's key sees its own alone, so that another's looks as if there were none. */
function own(request: FastifyRequest): { readonly agent?: string } {
  const principal = principalOf(request)
  const { agent } = request.query as { agent?: string }
  if (principal.kind !== 'agent') return agent === undefined ? {} : { agent }
  if (agent !== undefined && agent !== principal.agent)
    throw new BelayError('auth:forbidden', {
      who: `The agent ${principal.agent}`,
      what: 'read what another agent did',
    })
  return { agent: principal.agent }
}

/** What was recorded a moment ago counts; when counting is far behind, the answer is what is counted so far. */
export async function caughtUp(rollups: ApiContext['rollups']): Promise<void> {
  if (rollups === null) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CATCH_UP_MS)))
  await Promise.race([rollups.caughtUp().catch(() => undefined), late])
  clearTimeout(timer)
}

function timeIn(value: string, name: string): number {
  const at = Date.parse(value)
  if (Number.isFinite(at)) return at
  throw new BelayError('input:invalid', { where: `query.${name}`, expected: 'an ISO 8601 time', got: value })
}

const TAG_GROUPING = /^tag:[a-z0-9_-]{1,32}$/

function groupingsIn(by: string | undefined): readonly (Grouping | TagGrouping)[] {
  if (by === undefined) return []
  const names = by.split(',')
  const unknown = names.find(
    (name) => !(GROUPINGS as readonly string[]).includes(name) && !TAG_GROUPING.test(name),
  )
  const tags = names.filter((name) => name.startsWith('tag:'))
  if (unknown !== undefined || new Set(names).size < names.length || tags.length > 1)
    throw new BelayError('input:invalid', {
      where: 'query.by',
      expected: `${GROUPINGS.join(', ')} or one tag:NAME, each once`,
      got: unknown ?? by,
    })
  return names as (Grouping | TagGrouping)[]
}

/** `campaign=spring`. An action is summed up by each of its tags alone, so one tag cannot be grouped within another. */
function tagIn(tag: string, by: readonly string[]): Tag {
  const equals = tag.indexOf('=')
  const found = { name: tag.slice(0, Math.max(0, equals)), value: tag.slice(equals + 1) }
  const other = by.find((name) => name.startsWith('tag:') && name !== `tag:${found.name}`)
  if (TAG_NAME.test(found.name) && TAG_VALUE.test(found.value) && other === undefined) return found
  throw new BelayError('input:invalid', {
    where: 'query.tag',
    expected: 'name=value, of the tag that it is grouped by',
    got: tag,
  })
}

type Place = NonNullable<SessionQuery['before']>

function placeAfter({ seenAt, agent, session: name }: Place): string {
  return Buffer.from(JSON.stringify([seenAt, agent, name])).toString('base64url')
}

function placeIn(cursor: string): Place {
  try {
    const place = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
    const [seenAt, agent, name] = Array.isArray(place) ? (place as unknown[]) : []
    if (Number.isSafeInteger(seenAt) && typeof agent === 'string' && typeof name === 'string')
      return { seenAt: seenAt as number, agent, session: name }
  } catch {
    // Told below.
  }
  throw new BelayError('input:invalid', {
    where: 'query.before',
    expected: 'next of the page before',
    got: 'something else',
  })
}
