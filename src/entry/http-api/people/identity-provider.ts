import type { OidcRule } from '../../../policy/compile-people.ts'

/** Whom an identity provider vouches for. */
export interface Identity {
  /** As approvers name the person. */
  readonly name: string
  /** Groups or roles. */
  readonly claims: readonly string[]
}

/** One log-in on its way, known to the browser alone: state, nonce and code verifier are made of its secret. */
export interface LoginAttempt {
  readonly secret: string
  /** Where the provider sends the browser back to, as it is registered there. */
  readonly redirectUri: string
}

/** The part of OpenID Connect that Belay uses: authorization code with PKCE, state and nonce. */
export interface IdentityProvider {
  /** Where to send the browser. Rejects when the provider cannot be asked. */
  addressFor(rule: OidcRule, attempt: LoginAttempt): Promise<URL>
  /** Whom the provider sent back. `query` is what came with the browser. Rejects with `IdentityRefused`, or a fault. */
  identify(rule: OidcRule, attempt: LoginAttempt, query: string): Promise<Identity>
}

/** The provider, or what it said of the person, lets nobody in. The message is for the record. */
export class IdentityRefused extends Error {}
