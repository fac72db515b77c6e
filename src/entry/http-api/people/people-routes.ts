import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../../errors/catalogue.ts'
import { ROLES } from '../../../policy/compile-people.ts'
import type { Role } from '../../../policy/compile-people.ts'
import { isoTime } from '../action-answer.ts'
import type { ApiContext } from '../api-context.ts'
import { principalOf } from '../authentication.ts'
import type { Principal } from '../authentication.ts'
import { routeSchema } from '../route-schema.ts'
import { id, object, time } from '../schemas.ts'
import { isPersonName } from './logins.ts'
import { roleName } from './me.ts'
import { permissionsOf } from './permissions.ts'

const names = { type: 'array', items: { type: 'string' } }

interface LinkBody {
  readonly for?: string
  readonly roles?: readonly Role[]
}

/** Who may log in by the policy, and links for those whom it does not name. */
export function peopleRoutes(app: FastifyInstance, { logins, policies }: ApiContext): void {
  app.get(
    '/v1/people',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Who has which role, and who approves, as the policy in force says',
        tag: 'people',
        answers: {
          200: {
            description: 'Names and values of the roles claim; nobody else may log in but with a link',
            schema: object(
              {
                oidc: {
                  ...object({ issuer: { type: 'string' } }, ['issuer']),
                  type: ['object', 'null'],
                },
                public_url: { type: ['string', 'null'] },
                login: object({ idle_seconds: { type: 'number' }, longest_seconds: { type: 'number' } }, [
                  'idle_seconds',
                  'longest_seconds',
                ]),
                roles: object(Object.fromEntries(ROLES.map((role) => [role, names])), [...ROLES]),
                approvers: { type: 'object', additionalProperties: names },
              },
              ['oidc', 'public_url', 'login', 'roles', 'approvers'],
            ),
          },
        },
      }),
    },
    async () => {
      const { oidc, publicUrl, login, roles } = logins.rule
      const groups = Object.entries(policies.current().approvers)
      return {
        oidc: oidc === null ? null : { issuer: oidc.issuer },
        public_url: publicUrl,
        login: { idle_seconds: login.idle / 1_000, longest_seconds: login.longest / 1_000 },
        roles: Object.fromEntries(ROLES.map((role) => [role, roles[role] ?? []])),
        approvers: Object.fromEntries(groups.map(([name, { members }]) => [name, members])),
      }
    },
  )

  app.post<{ Body: LinkBody | undefined }>(
    '/v1/login-links',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Make a link that logs somebody in, once, within ten minutes',
        tag: 'people',
        body: object({
          for: {
            type: 'string',
            maxLength: 200,
            description: 'whom; a person must say it, for the admin token it is whom that speaks for',
          },
          roles: {
            type: 'array',
            items: roleName,
            minItems: 1,
            maxItems: ROLES.length,
            description: 'a person must say them, gives no more than they may do, and never `approver`',
          },
        }),
        answers: {
          201: {
            description: 'The link, shown this once',
            schema: object(
              {
                id,
                by: { type: 'string', description: 'whom it logs in' },
                roles: { type: 'array', items: roleName },
                expires_at: time,
                token: { type: 'string' },
                url: { type: 'string' },
              },
              ['id', 'by', 'roles', 'expires_at', 'token', 'url'],
            ),
          },
        },
      }),
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const wanted = linkFor(principal, request.body ?? {})
      const { row, token } = await logins.createLink(wanted.for, wanted.roles, principal.by)
      const origin = logins.rule.publicUrl ?? `http://${request.headers.host}`
      return reply.code(201).send({
        id: row.id,
        by: row.by,
        roles: wanted.roles,
        expires_at: isoTime(row.expiresAt),
        token,
        url: `${origin}/login#${token}`,
      })
    },
  )
}

/**
 * What the caller may give out. A person gives nobody more than they have, and never the right to decide: whoever
 * manages people could otherwise vote in the name of any approver.
 */
function linkFor(
  principal: Principal,
  body: LinkBody,
): { readonly for: string; readonly roles: readonly Role[] } {
  if (principal.kind === 'agent')
    throw new BelayError('auth:forbidden', { who: 'An agent', what: 'give out links' })
  const chosen = body.roles ?? (principal.kind === 'admin' ? ROLES : undefined)
  if (body.for !== undefined && !isPersonName(body.for))
    throw new BelayError('input:invalid', {
      where: 'body.for',
      expected: 'the name of a person, without spaces or a colon',
      got: 'something else',
    })
  const name = body.for ?? (principal.kind === 'admin' ? principal.by : undefined)
  if (name === undefined || chosen === undefined)
    throw new BelayError('input:invalid', {
      where: name === undefined ? 'body.for' : 'body.roles',
      expected: 'whom the link logs in, and with which roles',
      got: 'nothing',
    })
  const roles = ROLES.filter((role) => chosen.includes(role))
  if (principal.kind === 'person') {
    const { by, permissions } = principal
    const beyond = roles.find(
      (role) => role === 'approver' || permissionsOf([role]).some((each) => !permissions.includes(each)),
    )
    if (beyond !== undefined)
      throw new BelayError('auth:forbidden', { who: by, what: `give out the role ${beyond}` })
  }
  return { for: name, roles }
}
