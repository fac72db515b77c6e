import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { Role } from '../../policy/compile-people.ts'
import type { Store } from '../../storage/store.ts'
import type { Permission } from './people/permissions.ts'
import type { LoggedIn } from './people/logins.ts'

/**
 * Who is calling. An agent's key speaks for one agent; the admin token for whom it says, or for `admin`; a login for
 * the person who logged in.
 */
export type Principal =
  | { readonly kind: 'admin'; readonly by: string; readonly actingAs: string | null }
  | { readonly kind: 'agent'; readonly agent: string; readonly by: string; readonly keyHash: string }
  | {
      readonly kind: 'person'
      readonly by: string
      readonly roles: readonly Role[]
      readonly permissions: readonly Permission[]
      readonly login: LoggedIn
    }

/** Who may call a route. A route that says nothing is for the admin token alone. */
export type Access = 'public' | 'agent' | 'admin'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** Every request carries its own proof (a signature, a signed link), so it may come under any name of the server. */
    selfAuthenticating?: boolean
  }
  interface FastifyRequest {
    principal: Principal | null
  }
}

/** How long a key's row is believed, ms: the longest that a key revoked by another replica still works here. */
const BELIEF_MS = 1_000
const MAX_BELIEFS = 10_000
const KEY = /^blk_[A-Za-z0-9_-]{43}$/
const PERSON = /^[\x21-\x7e]{1,200}$/

export class Authenticator {
  readonly #store: Store
  readonly #adminDigest: Buffer
  readonly #believed = new Map<string, { readonly agent: string; readonly until: number }>()
  /** Counts revocations: a look-up that began before one may not be believed after it. */
  #revocations = 0

  constructor(store: Store, adminToken: string) {
    if (adminToken.length < 16) throw new TypeError('the admin token needs at least 16 characters')
    this.#store = store
    this.#adminDigest = hash('sha256', adminToken, 'buffer')
  }

  /** Throws `auth:required` for anything but a valid key or the admin token. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const token = bearerOf(request.headers.authorization)
    const actingAs = request.headers['belay-acting-as']
    if (token === undefined) throw new BelayError('auth:required')
    if (timingSafeEqual(hash('sha256', token, 'buffer'), this.#adminDigest)) {
      const person = actingAs === undefined ? null : personOf(actingAs)
      return { kind: 'admin', by: person ?? 'admin', actingAs: person }
    }
    const agent = await this.agentOf(token)
    if (agent === undefined) throw new BelayError('auth:required')
    if (actingAs !== undefined)
      throw new BelayError('auth:forbidden', { who: `The agent ${agent}`, what: 'act as somebody else' })
    return { kind: 'agent', agent, by: `agent:${agent}`, keyHash: hash('sha256', token, 'hex') }
  }

  /**
   * Whose key it is; `undefined` for anything but a valid key of an agent, the admin token included. Answers without
   * a promise when the key was looked up within the last second. Rejects when the store cannot be read.
   */
  agentOf(token: string): string | undefined | Promise<string | undefined> {
    return KEY.test(token) ? this.#agentOf(hash('sha256', token, 'hex')) : undefined
  }

  /** For streams and long waits: throws `auth:required` when the key was revoked in the meantime. */
  async confirm(principal: Principal): Promise<void> {
    if (principal.kind === 'agent' && (await this.#agentOf(principal.keyHash)) !== principal.agent) {
      throw new BelayError('auth:required')
    }
  }

  /** Call after a revocation was committed. */
  forget(keyHash: string): void {
    this.#revocations++
    this.#believed.delete(keyHash)
  }

  #agentOf(keyHash: string): string | Promise<string | undefined> {
    const now = performance.now()
    const belief = this.#believed.get(keyHash)
    return belief !== undefined && now < belief.until ? belief.agent : this.#lookUp(keyHash, now)
  }

  async #lookUp(keyHash: string, now: number): Promise<string | undefined> {
    const revocations = this.#revocations
    const row = await this.#store.keyByHash(keyHash)
    if (row === undefined || row.revokedAt !== null) {
      this.#believed.delete(keyHash)
      return undefined
    }
    if (revocations === this.#revocations) {
      if (this.#believed.size >= MAX_BELIEFS) this.#believed.clear()
      this.#believed.set(keyHash, { agent: row.agent, until: now + BELIEF_MS })
    }
    return row.agent
  }
}

/** Throws `auth:required`: routes are guarded before they run, so nobody comes here without a principal. */
export function principalOf(request: Pick<FastifyRequest, 'principal'>): Principal {
  if (request.principal === null) throw new BelayError('auth:required')
  return request.principal
}

/** Whether the caller may know that something of this agent exists. */
export function maySee(principal: Principal, agent: string | null): boolean {
  return principal.kind !== 'agent' || principal.agent === agent
}

function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 1_024) return undefined
  return /^Bearer ([\x21-\x7e]+)$/i.exec(header)?.[1]
}

function personOf(header: string | string[]): string {
  if (typeof header === 'string' && PERSON.test(header)) return header
  throw new BelayError('input:invalid', {
    where: 'Belay-Acting-As',
    expected: 'one person, as the policy names its approvers',
    got: 'something else',
  })
}
