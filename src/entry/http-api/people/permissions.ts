import { ROLES } from '../../../policy/compile-people.ts'
import type { Role } from '../../../policy/compile-people.ts'

/** What a person may do. */
export const PERMISSIONS = ['self', 'read', 'operate', 'approve', 'audit', 'erase', 'keys', 'people'] as const
export type Permission = (typeof PERMISSIONS)[number]

/** No role holds another: whoever writes the policy or gives out keys does not approve by that. */
const OF_ROLE: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['self', 'read'],
  operator: ['self', 'read', 'operate'],
  approver: ['self', 'read', 'approve'],
  auditor: ['self', 'read', 'audit', 'erase'],
  admin: ['self', 'read', 'keys', 'people'],
}

/** What the roles allow together, in the order of `PERMISSIONS`. */
export function permissionsOf(roles: readonly Role[]): readonly Permission[] {
  return PERMISSIONS.filter((permission) => roles.some((role) => OF_ROLE[role].includes(permission)))
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}

/**
 * What a person needs for each route; `public` ones need nobody, `null` ones are for agents and the admin token. A
 * route that is not here is none for people.
 */
const NEEDS: Readonly<Record<string, Permission | 'public' | null>> = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /openapi.json': 'public',
  'GET /metrics': 'read',

  'GET /login': 'public',
  'GET /v1/login': 'public',
  'POST /v1/login': 'public',
  'GET /v1/login/oidc': 'public',
  'GET /v1/login/oidc/callback': 'public',
  'POST /v1/login-links': 'people',
  'POST /v1/logout': 'self',
  'GET /v1/me': 'self',
  'GET /v1/people': 'people',
  'GET /v1/logins': 'self',
  'DELETE /v1/logins/:id': 'self',

  'POST /v1/actions': null,
  'GET /v1/actions': 'read',
  'GET /v1/actions/:id': 'read',
  'GET /v1/actions/:id/explain': 'read',
  'POST /v1/actions/:id/start': null,
  'POST /v1/actions/:id/outcome': null,
  'POST /v1/actions/:id/exchanges': null,
  'POST /v1/actions/:id/undo': 'operate',
  'POST /v1/actions/:id/cancel': 'operate',
  'POST /v1/undos': 'operate',
  'GET /v1/actions/:id/pictures/:when': 'read',

  'POST /v1/browsers': null,
  'GET /v1/browsers': 'read',
  'POST /v1/browsers/:id/calls': null,
  'GET /v1/browsers/:id/calls/:action': null,
  'DELETE /v1/browsers/:id': null,

  'GET /v1/approvals': 'read',
  'GET /v1/approvals/:id': 'read',
  'POST /v1/approvals/:id': 'approve',
  'POST /v1/approvals/:id/edit': 'approve',
  'POST /v1/approvals/:id/delegate': 'approve',
  'POST /v1/approvals/:id/break-glass': 'approve',
  'POST /v1/approvals/batch': 'approve',
  'GET /v1/standing-approvals': 'read',
  'GET /v1/standing-approvals/:id': 'read',
  'POST /v1/standing-approvals': 'approve',
  'POST /v1/standing-approvals/:id/grant': 'approve',
  'DELETE /v1/standing-approvals/:id': 'approve',
  'GET /v1/absences': 'read',
  'POST /v1/absences': 'approve',
  'DELETE /v1/absences/:id': 'approve',

  'GET /v1/alarms': 'read',
  'GET /v1/alarms/:id': 'read',
  'POST /v1/alarms/:id': 'operate',
  'GET /v1/quality/scores': 'read',
  'GET /v1/quality/agreement': 'read',

  'GET /v1/agents': 'read',
  'PATCH /v1/agents/:name': 'operate',
  'GET /v1/agents/:name/budget': 'read',
  'GET /v1/agents/:name/logs': 'read',
  'POST /v1/snippets': null,
  'GET /v1/agents/:name/baseline': 'read',
  'POST /v1/agents/:name/baseline/accept': 'operate',
  'GET /v1/budgets': 'read',
  'GET /v1/events': 'read',
  'GET /v1/stats': 'read',
  'GET /v1/stats/tags': 'read',
  'GET /v1/sessions': 'read',
  'GET /v1/sessions/:id': 'read',
  'POST /v1/sessions/:id/undo': 'operate',
  'GET /v1/policy': 'read',
  'GET /v1/policy/file': 'read',
  'POST /v1/policy/lint': 'read',
  'GET /v1/sessions/:id/recordings': 'audit',
  'POST /v1/policy/backtest': 'read',

  'GET /v1/ledger/logs': 'read',
  'GET /v1/ledger/checkpoint': 'read',
  'GET /v1/ledger/log/:chain/checkpoint': 'read',
  'GET /v1/ledger/log/:chain/tile/*': 'read',
  'GET /v1/ledger/proof/:action': 'read',
  'GET /v1/ledger/export': 'audit',
  'POST /v1/ledger/verify': 'audit',
  'POST /v1/ledger/erase': 'erase',
  'POST /v1/ledger/purge': 'erase',
  'POST /v1/ledger/erase/preview': 'erase',

  'GET /v1/channels': 'people',
  'POST /v1/channels/:name/test': 'people',

  'GET /v1/prompts': 'read',
  'POST /v1/prompts': 'operate',
  'GET /v1/prompts/:name': 'read',
  'GET /v1/prompts/:name/versions/:version': 'read',
  'PUT /v1/prompts/:name/labels/:label': 'operate',
  'POST /v1/prompts/:name/render': 'read',

  'GET /v1/keys': 'keys',
  'POST /v1/keys': 'keys',
  'DELETE /v1/keys/:id': 'keys',
}

/** The permission that a person needs; `null` where no person may call. `route` is as it was declared. */
export function permissionFor(method: string, route: string | undefined): Permission | 'public' | null {
  const name = `${method} ${route}`
  return Object.hasOwn(NEEDS, name) ? (NEEDS[name] ?? null) : null
}

/** Every route that the table names, as `METHOD /path/:parameter`. */
export const KNOWN_ROUTES: readonly string[] = Object.keys(NEEDS)
