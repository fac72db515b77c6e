import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { WhatToUndo } from '../../flow/flow.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { actionName, agentName, id, object, sinceText, time } from './schemas.ts'
import { isoTime } from './action-answer.ts'

interface UndosBody {
  readonly agent?: string
  readonly action?: string
  readonly since?: string
  readonly ids?: readonly string[]
  readonly preview?: boolean
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
  items: object({ id, code: { type: 'string' }, message: { type: 'string' } }, ['id', 'code', 'message']),
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
          preview: { type: 'boolean', description: 'only say what could be undone now, and do nothing' },
        }),
        answers: {
          200: {
            description: 'What was undone, what was asked of the agent, and what could not be undone and why',
            schema: {
              anyOf: [
                object({ undone: ids, requested: ids, refused }, ['undone', 'requested', 'refused']),
                object(
                  {
                    undoable: {
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
                        },
                        ['id', 'action', 'how', 'until'],
                      ),
                    },
                    refused,
                    more: { type: 'boolean', description: 'there are more than the 1,000 that are named' },
                  },
                  ['undoable', 'refused', 'more'],
                ),
              ],
            },
          },
        },
      }),
    },
    async (request) => {
      const body = request.body ?? {}
      const what = whatToUndo(body, store.now())
      if (body.preview !== true) return flow.undoAll(what, principalOf(request).by)
      const { undoable, refused, more } = await flow.previewUndo(what)
      const named = undoable.map(({ id, name, how, until }) => ({
        id,
        action: name,
        how,
        until: isoTime(until),
      }))
      return { undoable: named, refused, more }
    },
  )
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
