import type { JsonObject } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { SlackApi } from './slack-api.ts'

/** How long a looked-up address is believed, ms. */
const BELIEF = 10 * 60_000
const MAX_BELIEFS = 1_000

/**
 * Which person a Slack user is: as the policy's `people:` says, else by the confirmed e-mail address of a full member of
 * our own workspace. A guest of a shared channel brings an address that another workspace's owner has written.
 */
export class SlackPeople {
  readonly #api: SlackApi
  readonly #people: Readonly<Record<string, string>>
  readonly #now: () => number
  readonly #believed = new Map<string, { readonly person: string; readonly until: number }>()
  #own: Promise<{ readonly team: string; readonly enterprise: string }> | undefined

  constructor(api: SlackApi, people: Readonly<Record<string, string>>, now: () => number) {
    this.#api = api
    this.#people = people
    this.#now = now
  }

  /** `undefined`: nobody whom an address vouches for. Throws when Slack cannot be asked. */
  async personOf(userId: string): Promise<string | undefined> {
    if (Object.hasOwn(this.#people, userId)) return this.#people[userId]
    const believed = this.#believed.get(userId)
    if (believed !== undefined && this.#now() < believed.until) return believed.person
    const own = await this.#ownTeam()
    const { user } = await this.#api.ask('users.info', { user: userId })
    const person = isJsonObject(user) ? confirmedAddress(user, userId, own) : undefined
    if (person === undefined) return undefined
    if (this.#believed.size >= MAX_BELIEFS) this.#believed.clear()
    this.#believed.set(userId, { person, until: this.#now() + BELIEF })
    return person
  }

  async #ownTeam(): Promise<{ readonly team: string; readonly enterprise: string }> {
    this.#own ??= this.#api.call('auth.test', {}).then(({ team_id: team, enterprise_id: enterprise }) => ({
      team: typeof team === 'string' ? team : '',
      enterprise: typeof enterprise === 'string' ? enterprise : '',
    }))
    try {
      return await this.#own
    } catch (error) {
      this.#own = undefined
      throw error
    }
  }
}

function confirmedAddress(
  user: JsonObject,
  userId: string,
  own: { readonly team: string; readonly enterprise: string },
): string | undefined {
  const { profile, enterprise_user: enterpriseUser } = user
  if (user['id'] !== userId || user['deleted'] === true || user['is_bot'] === true) return undefined
  if (user['is_stranger'] === true || user['is_restricted'] === true) return undefined
  if (user['is_email_confirmed'] === false) return undefined
  const sameTeam = own.team !== '' && user['team_id'] === own.team
  const sameEnterprise =
    own.enterprise !== '' &&
    isJsonObject(enterpriseUser) &&
    enterpriseUser['enterprise_id'] === own.enterprise
  if (!sameTeam && !sameEnterprise) return undefined
  const email = isJsonObject(profile) ? profile['email'] : undefined
  return typeof email === 'string' && email.length <= 254 ? email : undefined
}
