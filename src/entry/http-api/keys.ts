import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import type { KeyRow } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import { createKey, revokeKey } from './agent-keys.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, id, object } from './schemas.ts'

const key = { $ref: 'Key#' }

export function keyRoutes(app: FastifyInstance, { store, authenticator }: ApiContext): void {
  app.post<{ Body: { agent: string } }>(
    '/v1/keys',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Make a key for an agent',
        tag: 'keys',
        body: object({ agent: agentName }, ['agent']),
        answers: { 201: { description: 'The key, shown this once', schema: key } },
      }),
    },
    async (request, reply) => {
      const made = await createKey(store, request.body.agent, principalOf(request).by)
      return reply.code(201).send({ ...keyAnswer(made.row), key: made.key })
    },
  )

  app.get(
    '/v1/keys',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'All keys, without their secrets',
        tag: 'keys',
        answers: {
          200: {
            description: 'All keys',
            schema: object({ items: { type: 'array', items: key } }, ['items']),
          },
        },
      }),
    },
    async () => ({ items: (await store.keys()).map(keyAnswer) }),
  )

  app.delete<{ Params: { id: string } }>(
    '/v1/keys/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Revoke a key, at once and for good',
        tag: 'keys',
        params: object({ id }, ['id']),
        answers: { 200: { description: 'The revoked key', schema: key } },
      }),
    },
    async (request) => {
      const revoked = await revokeKey(store, request.params.id, principalOf(request).by)
      authenticator.forget(revoked.hash)
      return keyAnswer(revoked)
    },
  )
}

function keyAnswer(row: KeyRow): JsonObject {
  return {
    id: row.id,
    agent: row.agent,
    created_at: isoTime(row.createdAt),
    revoked_at: row.revokedAt === null ? null : isoTime(row.revokedAt),
  }
}
