import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What people may be, from the one who looks to the one who decides who may. */
export const ROLES = ['viewer', 'operator', 'approver', 'auditor', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** `people:`. Times are ms. */
export interface PeopleRule {
  readonly oidc: OidcRule | null
  /** Of each role: e-mail addresses, which have an @, and values of the roles claim, which have none. */
  readonly roles: Readonly<Partial<Record<Role, readonly string[]>>>
  /** The origin at which people reach Belay: `https://belay.example.com`. */
  readonly publicUrl: string | null
  readonly login: { readonly idle: number; readonly longest: number }
}

export interface OidcRule {
  readonly issuer: string
  readonly clientId: string
  /** Name of the environment variable; `null` for a public client. */
  readonly secretVariable: string | null
  readonly rolesClaim: string
  readonly nameClaim: string
  readonly scopes: readonly string[]
}

/** What `people:` may hold, after the schema was held against it. */
export interface PeopleEntry {
  readonly oidc?: {
    readonly issuer: string
    readonly client_id: string
    readonly client_secret?: string
    readonly roles_claim?: string
    readonly name_claim?: string
    readonly scopes?: readonly string[]
  }
  readonly roles?: Readonly<Partial<Record<Role, readonly string[]>>>
  readonly public_url?: string
  readonly login?: { readonly idle?: string; readonly longest?: string }
}

const IDLE = 8 * 3_600_000
const LONGEST = 7 * 24 * 3_600_000
const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/
const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** What holds where nobody said anything: nobody but who was given a link. */
export const NOBODY: PeopleRule = compilePeople({}, () => undefined)

/** Compiles `people:`. Faults never quote the client's secret. */
export function compilePeople(entry: PeopleEntry, report: Report): PeopleRule {
  const path: DocumentPath = ['people']
  const { idle, longest } = entry.login ?? {}
  return Object.freeze({
    oidc: entry.oidc === undefined ? null : compileOidc(entry.oidc, [...path, 'oidc'], report),
    roles: Object.freeze({ ...entry.roles }),
    publicUrl:
      entry.public_url === undefined ? null : originOf(entry.public_url, [...path, 'public_url'], report),
    login: Object.freeze({
      idle: positive(idle, IDLE, [...path, 'login', 'idle'], report),
      longest: positive(longest, LONGEST, [...path, 'login', 'longest'], report),
    }),
  })
}

function compileOidc(oidc: NonNullable<PeopleEntry['oidc']>, path: DocumentPath, report: Report): OidcRule {
  const { client_secret: secret, scopes = ['email', 'profile'] } = oidc
  const issuer = urlOf(oidc.issuer)
  if (issuer === null || issuer.search !== '' || issuer.hash !== '' || issuer.username !== '')
    report([...path, 'issuer'], 'policy:people', 'an https address without a query', 'another text')
  if (secret !== undefined && !VARIABLE.test(secret))
    report([...path, 'client_secret'], 'policy:people', '$NAME of an environment variable', 'another text')
  scopes.forEach((scope, index) => {
    if (!SCOPE.test(scope))
      report([...path, 'scopes', index], 'policy:people', 'one scope', 'a text that is none')
  })
  return Object.freeze({
    issuer: oidc.issuer,
    clientId: oidc.client_id,
    secretVariable: secret?.slice(1) ?? null,
    rolesClaim: oidc.roles_claim ?? 'groups',
    nameClaim: oidc.name_claim ?? 'email',
    scopes: Object.freeze([...scopes]),
  })
}

function originOf(text: string, path: DocumentPath, report: Report): string | null {
  const url = urlOf(text)
  if (url !== null && (text === url.origin || text === `${url.origin}/`)) return url.origin
  report(path, 'policy:people', 'an https address without a path, such as https://belay.example.com', text)
  return null
}

/** What travels there are credentials, so it is https, or stays on this machine. */
function urlOf(text: string): URL | null {
  const url = URL.parse(text)
  const secure = url?.protocol === 'https:'
  return secure || (url?.protocol === 'http:' && THIS_MACHINE.test(url.hostname)) ? url : null
}

function positive(text: string | undefined, otherwise: number, path: DocumentPath, report: Report): number {
  const ms = text === undefined ? otherwise : parseDuration(text)
  if (ms === undefined || ms < 1000) report(path, 'policy:people', 'at least 1s', text ?? '')
  return ms ?? otherwise
}
