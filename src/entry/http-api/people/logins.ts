import { hash, randomBytes } from 'node:crypto'
import { v7 as uuid } from 'uuid'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import { NOBODY, ROLES } from '../../../policy/compile-people.ts'
import type { PeopleRule, Role } from '../../../policy/compile-people.ts'
import type { CommitResult, NewRecord, LoginRow, Store } from '../../../storage/store.ts'
import { isRole } from './permissions.ts'

/** How long a log-in link works, ms. */
const LINK_MS = 10 * 60_000
/** How long a login or a link that is over stays in the store, ms. */
const KEEP_ENDED = 7 * 86_400_000
const HOUR = 3_600_000
const MAX_TRIES = 5
const SECRET = /^bls_[A-Za-z0-9_-]{43}$/
const LINK = /^bll_[A-Za-z0-9_-]{43}$/
/** As in `Belay-Acting-As`; a colon would let a person take the name of an agent or of Belay itself. */
const PERSON = /^[\x21-\x39\x3b-\x7e]{1,200}$/
const RESERVED = new Set(['admin', 'belay', 'policy', 'system'])

/** Somebody who is logged in, as of now. */
export interface LoggedIn {
  readonly row: LoginRow
  /** By the policy in force, for those whom it names. */
  readonly roles: readonly Role[]
  /** What is in the cookie. */
  readonly secret: string
}

export interface Opened {
  readonly row: LoginRow
  readonly secret: string
}

/** Who is logged in: rows of the store, so that every replica knows and a revocation holds at once everywhere. */
export class Logins {
  readonly #store: Store
  readonly #people: () => PeopleRule
  #nextDrop = 0

  constructor(store: Store, people: () => PeopleRule | undefined) {
    this.#store = store
    this.#people = () => people() ?? NOBODY
  }

  get rule(): PeopleRule {
    return this.#people()
  }

  /** Makes a link that logs `for` in once. The token is in this answer and nowhere else. */
  async createLink(
    person: string,
    roles: readonly Role[],
    by: string,
  ): Promise<{ readonly row: LoginRow; readonly token: string }> {
    const token = `bll_${randomBytes(32).toString('base64url')}`
    const at = this.#store.now()
    const row: LoginRow = {
      id: `lgn_${uuid()}`,
      version: 1,
      kind: 'link',
      hash: hash('sha256', token, 'hex'),
      by: person,
      via: 'link',
      roles: [...roles],
      claims: [],
      createdAt: at,
      seenAt: at,
      expiresAt: at + LINK_MS,
      endedAt: null,
    }
    await this.#mustCommit(row, null, { event: 'link_created', for: person, roles: [...roles], by })
    return { row, token }
  }

  /** Logs in with a link. Throws `login:refused` for anything but a link that is neither used nor expired. */
  async useLink(token: string): Promise<Opened> {
    const found = LINK.test(token) ? await this.#store.loginByHash(hash('sha256', token, 'hex')) : undefined
    const at = this.#store.now()
    if (found === undefined || found.kind !== 'link' || found.endedAt !== null || found.expiresAt <= at)
      throw await this.refuse('the link is unknown, used or expired')
    const { row, secret } = this.#opened(found, at)
    const record = { event: 'opened', by: row.by, via: row.via, roles: [...row.roles] }
    // Two who use one link at once have read the same version.
    if ((await this.#commit(row, found.version, record)).status !== 'committed')
      throw await this.refuse('the link is unknown, used or expired')
    return { row, secret }
  }

  /** Logs in a person whom the identity provider named. Throws `login:refused` for one who has no role. */
  async openFor(person: string, claims: readonly string[]): Promise<Opened> {
    if (!isPersonName(person))
      throw await this.refuse('the identity provider gave a name that nobody may have here')
    const roles = rolesOf(this.rule, person, claims)
    if (roles.length === 0) throw await this.refuse('the policy gives this person no role', person)
    const at = this.#store.now()
    const { row, secret } = this.#opened(
      { id: `lgn_${uuid()}`, version: 0, by: person, via: 'oidc', roles: [], claims: [...claims] },
      at,
    )
    await this.#mustCommit(row, null, { event: 'opened', by: person, via: 'oidc', roles: [...roles] })
    return { row, secret }
  }

  /** Who has this cookie; `undefined` for nobody. Keeps the login from idling out. */
  async find(secret: string): Promise<LoggedIn | undefined> {
    if (!SECRET.test(secret)) return undefined
    const row = await this.#store.loginByHash(hash('sha256', secret, 'hex'))
    const roles = row === undefined ? [] : this.#rolesNow(row)
    if (row === undefined || roles.length === 0) return undefined
    const at = this.#store.now()
    // A login that is used all the time costs a write only so often.
    if (at - row.seenAt > this.rule.login.idle / 20)
      await this.#store.commit({
        login: { value: { ...row, version: row.version + 1, seenAt: at }, replaces: row.version },
        records: [],
      })
    return { row, roles, secret }
  }

  /** For streams and long waits: whether somebody who was logged in still is, with the same roles or more. */
  async confirm({ row, roles }: LoggedIn): Promise<boolean> {
    const now = await this.#store.loginByHash(row.hash)
    const left = now === undefined ? [] : this.#rolesNow(now)
    return roles.every((role) => left.includes(role))
  }

  /** Logins that work and links that were not used, oldest first. */
  async list(): Promise<readonly { readonly row: LoginRow; readonly roles: readonly Role[] }[]> {
    const rows = await this.#store.logins(this.#store.now())
    return rows
      .filter((row) => row.kind === 'link' || this.#rolesNow(row).length > 0)
      .map((row) => ({ row, roles: this.#grantedTo(row) }))
  }

  /**
   * Ends a login or withdraws a link, for good; ending it again changes nothing. Throws `login:not_found`, also
   * when `of` is given and it is not that person's.
   */
  async end(
    id: string,
    by: string,
    { of, event }: { readonly of?: string; readonly event: string },
  ): Promise<LoginRow> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await this.#store.login(id)
      if (row === undefined || (of !== undefined && row.by !== of))
        throw new BelayError('login:not_found', { id })
      if (row.endedAt !== null) return row
      const value: LoginRow = { ...row, version: row.version + 1, endedAt: this.#store.now() }
      const result = await this.#commit(value, row.version, { event, of: row.by, by })
      if (result.status === 'committed') return value
    }
    throw new BelayError('store:unavailable', { cause: `the login ${id} keeps changing` })
  }

  /** Records a log-in that was refused, and answers the error to throw. */
  async refuse(cause: string, by: string | null = null): Promise<BelayError> {
    await this.#store.commit({ records: [this.#record({ event: 'refused', reason: cause, by })] })
    return new BelayError('login:refused', { cause })
  }

  /** What the row is granted, whether or not it still works. */
  #grantedTo(row: LoginRow): readonly Role[] {
    return row.via === 'link' ? row.roles.filter(isRole) : rolesOf(this.rule, row.by, row.claims)
  }

  /** Nothing for a row that does not let anybody in now. */
  #rolesNow(row: LoginRow): readonly Role[] {
    const at = this.#store.now()
    const { idle } = this.rule.login
    const works = row.kind === 'login' && row.endedAt === null && at < row.expiresAt && at < row.seenAt + idle
    if (!works || (row.via === 'oidc' && this.rule.oidc === null)) return []
    return this.#grantedTo(row)
  }

  /** A login has a secret of its own, so that whoever saw the link has nothing. */
  #opened(from: Pick<LoginRow, 'id' | 'version' | 'by' | 'via' | 'roles' | 'claims'>, at: number): Opened {
    const secret = `bls_${randomBytes(32).toString('base64url')}`
    const row: LoginRow = {
      id: from.id,
      version: from.version + 1,
      kind: 'login',
      hash: hash('sha256', secret, 'hex'),
      by: from.by,
      via: from.via,
      roles: from.roles,
      claims: from.claims,
      createdAt: at,
      seenAt: at,
      expiresAt: at + this.rule.login.longest,
      endedAt: null,
    }
    return { row, secret }
  }

  async #commit(value: LoginRow, replaces: number | null, body: JsonObject): Promise<CommitResult> {
    const record = this.#record({ ...body, login_id: value.id })
    await this.#dropEnded()
    return this.#store.commit({ login: { value, replaces }, records: [record] })
  }

  async #mustCommit(value: LoginRow, replaces: number | null, body: JsonObject): Promise<void> {
    const { status } = await this.#commit(value, replaces, body)
    if (status !== 'committed')
      throw new BelayError('store:unavailable', { cause: 'the login was not taken' })
  }

  /** Rows only grow by log-ins, so that is when they are looked at. */
  async #dropEnded(): Promise<void> {
    const at = this.#store.now()
    if (at < this.#nextDrop) return
    this.#nextDrop = at + HOUR
    await this.#store.dropLogins(at - KEEP_ENDED)
  }

  #record(body: JsonObject): NewRecord {
    return { kind: 'login', at: this.#store.now(), action: null, agent: null, body }
  }
}

/** Whether somebody may be called so; agents, Belay itself and the owner have names that nobody takes. */
export function isPersonName(name: string): boolean {
  return PERSON.test(name) && !RESERVED.has(name.toLowerCase())
}

/**
 * The roles that the policy gives: an entry with an @ is a person's name, any other a value of the roles claim. So
 * nobody gets a group's roles by taking its name, and no group those of a person.
 */
export function rolesOf(rule: PeopleRule, person: string, claims: readonly string[]): readonly Role[] {
  const holds = (entry: string): boolean => (entry.includes('@') ? entry === person : claims.includes(entry))
  return ROLES.filter((role) => rule.roles[role]?.some(holds) === true)
}
