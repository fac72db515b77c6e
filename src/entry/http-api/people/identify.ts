import type { FastifyRequest } from 'fastify'
import { BelayError } from '../../../errors/catalogue.ts'
import type { Authenticator, Principal } from '../authentication.ts'
import { readCookie, transportOf } from './login-cookies.ts'
import { permissionFor, permissionsOf } from './permissions.ts'
import { checkSameOrigin } from './same-origin.ts'
import type { Logins } from './logins.ts'

interface Who {
  readonly authenticator: Authenticator
  readonly logins: Logins
}

type Person = Extract<Principal, { kind: 'person' }>

/**
 * Who is calling: by the Authorization header where there is one, else by the cookie of a login, which browsers send
 * along unasked and which therefore needs proof that a page of ours is asking. Throws `auth:required`, `auth:csrf`.
 */
export async function identify(request: FastifyRequest, { authenticator, logins }: Who): Promise<Principal> {
  if (request.headers.authorization !== undefined) return authenticator.authenticate(request)
  const { publicUrl } = logins.rule
  const secret = readCookie(request.headers.cookie, 'login', transportOf(request, publicUrl))
  const login = secret === undefined ? undefined : await logins.find(secret)
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
export async function confirm(principal: Principal, { authenticator, logins }: Who): Promise<void> {
  if (principal.kind !== 'person') return authenticator.confirm(principal)
  if (!(await logins.confirm(principal.login))) throw new BelayError('auth:required')
}
