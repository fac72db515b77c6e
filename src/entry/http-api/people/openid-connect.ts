import { hash } from 'node:crypto'
import * as openid from 'openid-client'
import type { OidcRule } from '../../../policy/compile-people.ts'
import { IdentityRefused } from './identity-provider.ts'
import type { Identity, IdentityProvider, LoginAttempt } from './identity-provider.ts'

const TIMEOUT_SECONDS = 10
const MAX_CLAIMS = 500
/** How long what a provider says of itself is believed, ms. */
const BELIEF_MS = 3_600_000

/** OpenID Connect Core 1.0 with PKCE (RFC 7636), by the issuer's own description of itself. */
export function openIdConnect(
  env: Readonly<Record<string, string | undefined>> = process.env,
): IdentityProvider {
  let known: {
    readonly rule: OidcRule
    readonly until: number
    readonly found: Promise<openid.Configuration>
  } | null = null
  const configurationOf = (rule: OidcRule): Promise<openid.Configuration> => {
    if (known !== null && known.rule === rule && performance.now() < known.until) return known.found
    const found = discover(rule, env)
    known = { rule, until: performance.now() + BELIEF_MS, found }
    found.catch(() => {
      if (known?.found === found) known = null
    })
    return found
  }
  return {
    async addressFor(rule, attempt) {
      const configuration = await configurationOf(rule)
      return openid.buildAuthorizationUrl(configuration, {
        response_type: 'code',
        redirect_uri: attempt.redirectUri,
        scope: ['openid', ...rule.scopes].join(' '),
        state: derived('state', attempt),
        nonce: derived('nonce', attempt),
        code_challenge: await openid.calculatePKCECodeChallenge(derived('verifier', attempt)),
        code_challenge_method: 'S256',
      })
    },
    async identify(rule, attempt, query) {
      const configuration = await configurationOf(rule)
      const claims = await claimsOf(configuration, rule, attempt, query)
      return identityOf(rule, claims)
    },
  }
}

async function discover(
  rule: OidcRule,
  env: Readonly<Record<string, string | undefined>>,
): Promise<openid.Configuration> {
  const secret = rule.secretVariable === null ? null : env[rule.secretVariable]
  if (secret === undefined || secret === '')
    throw new Error(`the environment variable ${rule.secretVariable} is not set`)
  const issuer = new URL(rule.issuer)
  const insecure = issuer.protocol === 'http:'
  const found = await openid.discovery(issuer, rule.clientId, undefined, openid.None(), {
    timeout: TIMEOUT_SECONDS,
    // The policy takes http only for this machine.
    ...(insecure ? { execute: [openid.allowInsecureRequests] } : {}),
  })
  const server = found.serverMetadata()
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  const asClient =
    secret === null
      ? openid.None()
      : methods.includes('client_secret_basic')
        ? openid.ClientSecretBasic(secret)
        : openid.ClientSecretPost(secret)
  const configuration = new openid.Configuration(server, rule.clientId, undefined, asClient)
  configuration.timeout = TIMEOUT_SECONDS
  if (insecure) openid.allowInsecureRequests(configuration)
  // The ID token's signature is checked too, not only the connection over which it came.
  openid.enableNonRepudiationChecks(configuration)
  return configuration
}

type Claims = Readonly<Record<string, unknown>>

async function claimsOf(
  configuration: openid.Configuration,
  rule: OidcRule,
  attempt: LoginAttempt,
  query: string,
): Promise<Claims> {
  const callback = new URL(attempt.redirectUri)
  callback.search = query
  const tokens = await openid
    .authorizationCodeGrant(configuration, callback, {
      pkceCodeVerifier: derived('verifier', attempt),
      expectedState: derived('state', attempt),
      expectedNonce: derived('nonce', attempt),
      idTokenExpected: true,
    })
    .catch((error: unknown) => {
      throw refusalOf(error)
    })
  const inToken = tokens.claims()
  if (inToken === undefined) throw new IdentityRefused('the identity provider sent no ID token')
  const complete = valueAt(inToken, rule.rolesClaim) !== undefined && inToken[rule.nameClaim] !== undefined
  if (complete || configuration.serverMetadata().userinfo_endpoint === undefined) return inToken
  // Many providers tell the rest only when they are asked for it.
  const more = await openid.fetchUserInfo(configuration, tokens.access_token, inToken.sub)
  return { ...more, ...inToken }
}

/** What is about this log-in is a refusal; that the provider cannot be reached is a fault. */
function refusalOf(error: unknown): unknown {
  if (error instanceof openid.AuthorizationResponseError)
    return new IdentityRefused('the identity provider refused the person')
  if (error instanceof openid.ResponseBodyError)
    return new IdentityRefused('the identity provider refused the code')
  const code = (error as { readonly code?: unknown }).code
  if (typeof code === 'string' && code.startsWith('OAUTH_') && code !== 'OAUTH_TIMEOUT')
    return new IdentityRefused('what came back does not belong to this log-in')
  return error
}

function identityOf(rule: OidcRule, claims: Claims): Identity {
  const name = claims[rule.nameClaim]
  if (typeof name !== 'string' || name === '')
    throw new IdentityRefused(`the identity provider gave no ${rule.nameClaim}`)
  // Whoever may type in any address must not become its owner by that.
  if (rule.nameClaim === 'email' && claims['email_verified'] !== true)
    throw new IdentityRefused('the identity provider does not say that the e-mail address is verified')
  const said = valueAt(claims, rule.rolesClaim)
  const values = (Array.isArray(said) ? said : [said]).filter(
    (value): value is string => typeof value === 'string' && value !== '' && value.length <= 200,
  )
  return { name, claims: values.slice(0, MAX_CLAIMS) }
}

/** A claim by its name, which may have dots, or by its path: `realm_access.roles`. */
function valueAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Claims)[part]
  }
  return value
}

function derived(what: 'state' | 'nonce' | 'verifier', { secret }: LoginAttempt): string {
  return hash('sha256', `belay login ${what} ${secret}`, 'base64url')
}
