import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import type { AbsenceRow } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { newAbsence } from './approval-schemas.ts'
import { actor, asPerson } from './approvals.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { id, object } from './schemas.ts'

interface NewAbsenceBody {
  readonly person?: string
  readonly substitute: string
  readonly from?: string
  readonly until: string
  readonly reason?: string
}

const absence = { $ref: 'Absence#' }

export function absenceRoutes(app: FastifyInstance, { flow, store }: ApiContext): void {
  const answer = (row: AbsenceRow): JsonObject => ({
    id: row.id,
    person: row.person,
    substitute: row.substitute,
    from: isoTime(row.from),
    until: isoTime(row.until),
    reason: row.reason,
    active: row.endedAt === null && row.from <= store.now(),
    created_by: row.createdBy,
    ended_at: row.endedAt === null ? null : isoTime(row.endedAt),
  })

  app.get(
    '/v1/absences',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Who is away or will be, and who decides in their place',
        tag: 'approvals',
        answers: {
          200: {
            description: 'Those that have not ended',
            schema: object({ items: { type: 'array', items: absence } }, ['items']),
          },
        },
      }),
    },
    async () => ({ items: (await flow.absences.list()).map(answer) }),
  )

  app.post<{ Body: NewAbsenceBody }>(
    '/v1/absences',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Be away for a while: somebody whom the policy permits decides in one’s place',
        tag: 'approvals',
        headers: asPerson,
        body: newAbsence,
        answers: { 201: { description: 'The absence', schema: absence } },
      }),
    },
    async (request, reply) => {
      const who = actor(principalOf(request))
      const { person = who.by, substitute, from, until, reason } = request.body
      const made = await flow.absences.declare({
        ...who,
        person,
        substitute,
        until: Date.parse(until),
        ...(from === undefined ? {} : { from: Date.parse(from) }),
        ...(reason === undefined ? {} : { reason }),
      })
      return reply.code(201).send(answer(made))
    },
  )

  app.delete<{ Params: { id: string } }>(
    '/v1/absences/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'End an absence early',
        tag: 'approvals',
        params: object({ id }, ['id']),
        headers: asPerson,
        answers: { 200: { description: 'The ended absence', schema: absence } },
      }),
    },
    async (request) => answer(await flow.absences.end(request.params.id, actor(principalOf(request)))),
  )
}
