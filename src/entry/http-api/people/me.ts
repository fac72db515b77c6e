import type { JsonObject } from '../../../action/json.ts'
import { ROLES } from '../../../policy/compile-people.ts'
import { isoTime } from '../action-answer.ts'
import type { Principal } from '../authentication.ts'
import { id, object, time } from '../schemas.ts'
import { PERMISSIONS, permissionsOf } from './permissions.ts'
import { csrfTokenOf } from './same-origin.ts'
import type { LoggedIn } from './logins.ts'

export const roleName = { type: 'string', enum: ROLES } as const

export const meSchema = object(
  {
    kind: { type: 'string', enum: ['person', 'admin', 'agent'] },
    by: { type: 'string', description: 'as records name the caller' },
    agent: { type: 'string', description: "of an agent's key" },
    roles: { type: 'array', items: roleName },
    permissions: { type: 'array', items: { type: 'string', enum: PERMISSIONS } },
    csrf: { type: 'string', description: 'of a login: goes as Belay-CSRF with every change' },
    login: object({ id, via: { type: 'string', enum: ['link', 'oidc'] }, expires_at: time }, [
      'id',
      'via',
      'expires_at',
    ]),
  },
  ['kind', 'by', 'roles', 'permissions'],
)

export function personAnswer({ row, roles, secret }: LoggedIn): JsonObject {
  return {
    kind: 'person',
    by: row.by,
    roles: [...roles],
    permissions: [...permissionsOf(roles)],
    csrf: csrfTokenOf(secret),
    login: { id: row.id, via: row.via, expires_at: isoTime(row.expiresAt) },
  }
}

/** Who is calling, and what he may do. The admin token may do everything that a person may. */
export function meAnswer(principal: Principal): JsonObject {
  if (principal.kind === 'person') return personAnswer(principal.login)
  if (principal.kind === 'agent')
    return { kind: 'agent', by: principal.by, agent: principal.agent, roles: [], permissions: [] }
  return { kind: 'admin', by: principal.by, roles: [...ROLES], permissions: [...PERMISSIONS] }
}
