import type { FastifyRequest } from 'fastify'
import { BelayError } from '../../../errors/catalogue.ts'
import type { Authenticator, Principal } from '../authentication.ts'
import { readCookie, transportOf } from './login-cookies.ts'
import { permissionFor, permissionsOf } from './permissions.ts'
import { checkSameOrigin } from './same-origin.ts'
import type { Sessions } from './sessions.ts'

interface Who {
  readonly authenticator: Authenticator
  readonly sessions: Sessions
}

type Person = Extract<Principal, { kind: 'person' }>

/**
 * Who is calling: by the Authorization header where there is one, else by the cookie of a session, which browsers send
 * along unasked and which therefore needs proof that a page of ours is asking. Throws `auth:required`, `auth:csrf`.
 */
export async function identify(
  request: FastifyRequest,
  { authenticator, sessions }: Who,
): Promise<Principal> {
  if (request.headers.authorization !== undefined) return authenticator.authenticate(request)
  const { publicUrl } = sessions.rule
  const secret = readCookie(request.headers.cookie, 'session', transportOf(request, publicUrl))
  const login = secret === undefined ? undefined : await sessions.find(secret)
  if (login === undefined) throw new BelayError('auth:required')
  checkSameOrigin(request, login.secret, publicUrl)
  const { by } = login.row
  if (request.headers['belay-acting-as'] !== undefined)
    throw new BelayError('auth:forbidden', { who: by, what: 'act as somebody else' })
  return { kind: 'person', by, roles: login.roles, permissions: permissionsOf(login.roles), login }
}

/** Throws `auth:forbidden` when none of the person's roles allows the route. */
export function checkPermission(request: FastifyRequest, { by, permissions, roles }: Person): void {
  const { url } = request.routeOptions
  const needed = permissionFor(request.method, url)
  if (needed === 'public' || (needed !== null && permissions.includes(needed))) return
  throw new BelayError('auth:forbidden', {
    who: `${by} (${roles.join(', ')})`,
    what: `call ${request.method} ${url}`,
  })
}

/** For streams and long waits: throws `auth:required` when the caller may no longer be what he was. */
export async function confirm(principal: Principal, { authenticator, sessions }: Who): Promise<void> {
  if (principal.kind !== 'person') return authenticator.confirm(principal)
  if (!(await sessions.confirm(principal.login))) throw new BelayError('auth:required')
}
