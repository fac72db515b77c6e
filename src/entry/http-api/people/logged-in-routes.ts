import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import type { Role } from '../../../policy/compile-people.ts'
import type { LoginRow } from '../../../storage/store.ts'
import { isoTime } from '../action-answer.ts'
import type { ApiContext } from '../api-context.ts'
import { principalOf } from '../authentication.ts'
import type { Principal } from '../authentication.ts'
import { routeSchema } from '../route-schema.ts'
import { id, object, time } from '../schemas.ts'
import { dropCookie, transportOf } from './login-cookies.ts'
import { meAnswer, meSchema, roleName } from './me.ts'

const login = object(
  {
    id,
    kind: { type: 'string', enum: ['link', 'login'] },
    by: { type: 'string' },
    via: { type: 'string', enum: ['link', 'oidc'] },
    roles: { type: 'array', items: roleName },
    created_at: time,
    seen_at: time,
    expires_at: time,
    current: { type: 'boolean', description: 'whether it is the one of this request' },
  },
  ['id', 'kind', 'by', 'via', 'roles', 'created_at', 'seen_at', 'expires_at', 'current'],
)

/** Who is logged in, as each may know: oneself, or, with the permission `people`, everybody. */
export function loggedInRoutes(app: FastifyInstance, { logins }: ApiContext): void {
  app.get(
    '/v1/me',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Who is calling, and what he may do',
        tag: 'people',
        answers: { 200: { description: 'The caller', schema: meSchema } },
      }),
    },
    async (request) => meAnswer(principalOf(request)),
  )

  app.post(
    '/v1/logout',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'End the login of this request',
        tag: 'people',
        answers: { 200: { description: 'Its cookie is gone', schema: object({ ended: id }, ['ended']) } },
      }),
    },
    async (request, reply) => {
      const principal = principalOf(request)
      if (principal.kind !== 'person')
        throw new BelayError('auth:forbidden', { who: 'The admin token', what: 'log out' })
      const { row } = principal.login
      await logins.end(row.id, principal.by, { event: 'logged_out' })
      void reply.header('set-cookie', dropCookie('login', transportOf(request, logins.rule.publicUrl)))
      return { ended: row.id }
    },
  )

  app.get(
    '/v1/logins',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Logins, and log-in links that were not used: one’s own, or with `people` all',
        tag: 'people',
        answers: {
          200: {
            description: 'Oldest first',
            schema: object({ items: { type: 'array', items: login } }, ['items']),
          },
        },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const all = await logins.list()
      const seen = all.filter(({ row }) => managesPeople(principal) || row.by === principal.by)
      return { items: seen.map(({ row, roles }) => loginAnswer(row, roles, principal)) }
    },
  )

  app.delete<{ Params: { id: string } }>(
    '/v1/logins/:id',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'End a login or withdraw a link, at once and for good',
        tag: 'people',
        params: object({ id }, ['id']),
        answers: { 200: { description: 'What was ended', schema: object({ ended: id }, ['ended']) } },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      const own = managesPeople(principal) ? {} : { of: principal.by }
      const { id: ended } = await logins.end(request.params.id, principal.by, { ...own, event: 'revoked' })
      return { ended }
    },
  )
}

function managesPeople(principal: Principal): boolean {
  return (
    principal.kind === 'admin' || (principal.kind === 'person' && principal.permissions.includes('people'))
  )
}

function loginAnswer(row: LoginRow, roles: readonly Role[], principal: Principal): JsonObject {
  return {
    id: row.id,
    kind: row.kind,
    by: row.by,
    via: row.via,
    roles: [...roles],
    created_at: isoTime(row.createdAt),
    seen_at: isoTime(row.seenAt),
    expires_at: isoTime(row.expiresAt),
    current: principal.kind === 'person' && principal.login.row.id === row.id,
  }
}
