import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { Flow, HowToUndoMany, UndoSummary, WhatToUndo } from '../../flow/flow.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { actionName, agentName, id, object, sessionName, sinceText, time } from './schemas.ts'
import { isoTime } from './action-answer.ts'

interface UndosBody {
  readonly agent?: string
  readonly action?: string
  readonly since?: string
  readonly ids?: readonly string[]
  readonly preview?: boolean
  readonly overwrite?: readonly string[]
}

interface SessionUndoBody {
  readonly agent: string
  readonly preview?: boolean
  readonly overwrite?: readonly string[]
  readonly past?: boolean
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const ids = { type: 'array', items: id }
const refused = {
  type: 'array',
  items: object(
    {
      id,
      action: { type: 'string' },
      code: { type: 'string' },
      message: { type: 'string' },
      changed: {
        type: 'array',
        description:
          'what is there now differs from what the action left: somebody may have changed it since',
        items: object({ path: { type: 'string' }, was: {}, is: {} }, ['path', 'was', 'is']),
      },
    },
    ['id', 'action', 'code', 'message'],
  ),
}
const undoable = {
  type: 'array',
  items: object(
    {
      id,
      action: { type: 'string' },
      how: {
        type: 'string',
        enum: ['belay', 'agent'],
        description: 'agent: the agent will be asked to undo it',
      },
      until: time,
      compared: {
        type: 'boolean',
        description: 'what is there now was compared with what the action left, and is the same',
      },
    },
    ['id', 'action', 'how', 'until', 'compared'],
  ),
}
/** Taken by every way of undoing many. */
const how = {
  preview: { type: 'boolean', description: 'only say what could be undone now, and do nothing' },
  overwrite: {
    ...ids,
    maxItems: 1_000,
    description: 'of these actions, what has changed since is overwritten',
  },
}

function answers(words: string) {
  return {
    200: {
      description: words,
      schema: {
        anyOf: [
          object(
            {
              undone: ids,
              requested: ids,
              refused,
              left: { ...ids, description: 'not tried, because it stopped before' },
              stopped_at: { type: ['string', 'null'] },
            },
            ['undone', 'requested', 'refused', 'left', 'stopped_at'],
          ),
          object(
            {
              undoable,
              refused,
              more: { type: 'boolean', description: 'there are more than the 1,000 that are named' },
              stops_at: { type: ['string', 'null'], description: 'where it would stop' },
            },
            ['undoable', 'refused', 'more', 'stops_at'],
          ),
        ],
      },
    },
  }
}

export function undoRoutes(app: FastifyInstance, { flow, store }: ApiContext): void {
  app.post<{ Body: UndosBody | undefined }>(
    '/v1/undos',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Undo what an agent did since a time, or exactly these actions, newest first',
        tag: 'actions',
        body: object({
          agent: agentName,
          action: actionName,
          since: sinceText,
          ids: {
            ...ids,
            minItems: 1,
            maxItems: 1_000,
            description: 'these actions, in the place of agent, action and since',
          },
          ...how,
        }),
        answers: answers(
          'What was undone, what was asked of the agent, and what could not be undone and why',
        ),
      }),
    },
    async (request) => {
      const { preview = false, overwrite = [], ...body } = request.body ?? {}
      const what = whatToUndo(body, store.now())
      return undoOrPreview(flow, what, principalOf(request).by, preview, { overwrite })
    },
  )

  app.post<{ Params: { id: string }; Body: SessionUndoBody }>(
    '/v1/sessions/:id/undo',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Undo a session, the last effect first; it stops at what cannot be undone',
        tag: 'sessions',
        params: object({ id: sessionName }, ['id']),
        body: object(
          {
            agent: { ...agentName, description: 'whose session' },
            ...how,
            past: { type: 'boolean', description: 'go on past what cannot be undone' },
          },
          ['agent'],
        ),
        answers: answers('What was undone, where it stopped and why, and what is left'),
      }),
    },
    async (request) => {
      const { agent, preview = false, overwrite = [], past = false } = request.body
      const what = { agent, session: request.params.id }
      const [known] = await store.actions({ ...what, limit: 1 })
      if (known === undefined) throw new BelayError('session:not_found', { id: what.session })
      return undoOrPreview(flow, what, principalOf(request).by, preview, { overwrite, past })
    },
  )
}

async function undoOrPreview(
  flow: Flow,
  what: WhatToUndo,
  by: string,
  preview: boolean,
  how: HowToUndoMany,
): Promise<object> {
  if (!preview) {
    const { undone, requested, refused: not, left, stoppedAt } = await flow.undoAll(what, by, how)
    return { undone, requested, refused: not.map(refusalAnswer), left, stopped_at: stoppedAt }
  }
  const { undoable: can, refused: not, more, stopsAt } = await flow.previewUndo(what, how)
  const named = can.map(({ name, until, ...rest }) => ({ ...rest, action: name, until: isoTime(until) }))
  return { undoable: named, refused: not.map(refusalAnswer), more, stops_at: stopsAt }
}

function refusalAnswer({ name, ...rest }: UndoSummary['refused'][number]): object {
  return { ...rest, action: name }
}

function whatToUndo({ agent, action, since, ids }: UndosBody, now: number): WhatToUndo {
  const named = agent !== undefined && since !== undefined
  if (ids !== undefined && agent === undefined && action === undefined && since === undefined) return { ids }
  if (ids === undefined && named)
    return { agent, since: readSince(since, now), ...(action === undefined ? {} : { action }) }
  throw new BelayError('input:invalid', {
    where: 'body',
    expected: 'agent and since, or ids alone',
    got: ids === undefined ? 'neither' : 'both',
  })
}

/** An ISO 8601 time with its zone, or how long before `now`. Epoch ms; throws `input:invalid`, naming `where`. */
export function readSince(text: string, now: number, where = 'body.since'): number {
  const duration = /^(\d{1,9})([smhdw])$/.exec(text)
  if (duration !== null) return Math.max(0, now - Number(duration[1]) * UNITS[duration[2]!]!)
  const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
  const time = zoned ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  const expected = 'an ISO 8601 time with its zone, or a duration such as 1h (s, m, h, d, w)'
  throw new BelayError('input:invalid', { where, expected, got: JSON.stringify(text) })
}
