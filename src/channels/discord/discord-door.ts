import { createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { InState } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { clip, fateOf } from '../approval-view.ts'
import type { Reach } from '../reach.ts'
import { voterFor } from '../voter.ts'
import type { DiscordChannel } from './discord-channel.ts'
import { aboutOf, reasonModal, shortDigest, unmarked } from './discord-messages.ts'
import type { About } from './discord-messages.ts'

export interface DiscordSide {
  readonly channel: DiscordChannel
  readonly reach: Reach
  /** Hex, as the developer portal shows it. */
  readonly publicKey: string
  /** Discord user id → approver. */
  readonly people: Readonly<Record<string, string>>
}

/** Where work that goes on after the acknowledgement is counted. */
interface Work {
  readonly full: boolean
  begin(work: () => Promise<void>): void
}

const MAX_BODY = 1_000_000
/** How far a request's time may be from ours, s. */
const WINDOW = 5 * 60
/** DER of a public key of Ed25519 (RFC 8410) before its 32 bytes. */
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex')
const ANSWERED_LATER: JsonObject = { type: 5, data: { flags: 64 } }

/**
 * `POST /discord/interactions`: authenticated by Discord's Ed25519 signature over timestamp and raw body, and
 * acknowledged before anything is looked up or recorded: Discord waits three seconds.
 */
export function discordDoor(
  app: FastifyInstance,
  { side, work }: { readonly side: () => DiscordSide | undefined; readonly work: Work },
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: MAX_BODY },
    (_request, body, done) => {
      done(null, body)
    },
  )
  app.post(
    '/discord/interactions',
    { config: { access: 'public', selfAuthenticating: true }, schema: { hide: true } },
    async (request, reply) => {
      const now = side()
      if (now === undefined) return reply.code(404).send()
      const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const { 'x-signature-ed25519': signature, 'x-signature-timestamp': time } = request.headers
      if (!isGenuine(keyOf(now.publicKey), signature, time, raw, now.reach.now()))
        return reply.code(401).send()
      const interaction = parsed(raw)
      if (interaction === undefined) return reply.code(400).send()
      if (interaction['type'] === 1) return reply.send({ type: 1 })
      if (work.full) return reply.code(503).send()
      const taken = take(now, interaction)
      if (taken === undefined) return reply.code(400).send()
      await reply.send(taken.answer)
      if (taken.later !== undefined) work.begin(taken.later)
      return reply
    },
  )
}

interface Taken {
  readonly answer: JsonObject
  readonly later?: () => Promise<void>
}

function take(side: DiscordSide, interaction: JsonObject): Taken | undefined {
  const { type, data, token, application_id: application } = interaction
  if (!isJsonObject(data ?? null)) return undefined
  const about = aboutOf((data as JsonObject)['custom_id'])
  const user = userOf(interaction)
  if (about === undefined || user === undefined) return undefined
  if (type === 3 && about.verb.startsWith('ask why')) return { answer: { type: 9, data: reasonModal(about) } }
  const direct = type === 3 && about.verb === 'approve'
  const because = type === 5 && about.verb.endsWith('because')
  if (!direct && !because) return undefined
  const outcome = about.verb === 'reject because' ? 'reject' : 'approve'
  const reason = because ? reasonIn(data as JsonObject) : ''
  const tell = async (words: string): Promise<void> => {
    if (typeof token !== 'string' || !/^[\w.-]{1,500}$/.test(token)) return
    if (typeof application !== 'string' || !/^\d{1,25}$/.test(application)) return
    const body = { content: unmarked(clip(words, 900)), allowed_mentions: { parse: [] } }
    await side.channel.api
      .call('PATCH', `/webhooks/${application}/${token}/messages/@original`, body)
      .catch((error: unknown) => side.channel.fault(error))
  }
  return { answer: ANSWERED_LATER, later: () => decide(side, about, user, outcome, reason, tell) }
}

async function decide(
  { channel, reach, people }: DiscordSide,
  about: About,
  user: string,
  outcome: 'approve' | 'reject',
  reason: string,
  tell: (words: string) => Promise<void>,
): Promise<void> {
  try {
    const action = await reach.byApproval(about.approvalId)
    if (action === undefined) return await tell('Nothing was recorded: this is no longer kept.')
    if (!isAbout(action, about))
      return await tell(`Nothing was recorded: this was decided or has changed. ${fateOf(action)}`)
    const person = Object.hasOwn(people, user) ? people[user] : undefined
    if (person === undefined)
      return await tell('Not recorded: notify.discord.people of the policy does not say who you are.')
    const after = await reach.vote(about.approvalId, {
      by: voterFor(action, person, reach.names()),
      outcome,
      via: 'discord',
      digest: action.state.approval.actionDigest,
      ...(reason !== '' && { reason }),
    })
    await tell(`Your decision (${outcome}) is recorded. ${fateOf(after)}`)
  } catch (error) {
    if (error instanceof BelayError && error.status < 500) return tell(`Not recorded: ${error.message}`)
    channel.fault(error)
    await tell('Not recorded: something went wrong inside Belay. Press the button again in a moment.')
  }
}

function isAbout(
  action: { readonly state: { readonly name: string } },
  about: About,
): action is InState<'held'> {
  if (action.state.name !== 'held') return false
  const { approval } = (action as InState<'held'>).state
  return (
    approval.id === about.approvalId &&
    approval.step === about.step &&
    shortDigest(approval.actionDigest) === about.digest
  )
}

function isGenuine(
  key: KeyObject | undefined,
  signature: unknown,
  time: unknown,
  raw: Buffer,
  now: number,
): boolean {
  if (key === undefined || typeof signature !== 'string' || !/^[0-9a-f]{128}$/i.test(signature)) return false
  if (typeof time !== 'string' || !/^\d{1,12}$/.test(time)) return false
  if (Math.abs(now / 1_000 - Number(time)) > WINDOW) return false
  return verify(null, Buffer.concat([Buffer.from(time), raw]), key, Buffer.from(signature, 'hex'))
}

function keyOf(hex: string): KeyObject | undefined {
  try {
    return createPublicKey({
      key: Buffer.concat([ED25519, Buffer.from(hex, 'hex')]),
      format: 'der',
      type: 'spki',
    })
  } catch {
    return undefined
  }
}

/** In a server the member is told, in direct messages the user. */
function userOf({ member, user }: JsonObject): string | undefined {
  const found = isJsonObject(member ?? null) ? (member as JsonObject)['user'] : user
  const id = found !== undefined && isJsonObject(found) ? found['id'] : undefined
  return typeof id === 'string' && /^\d{1,25}$/.test(id) ? id : undefined
}

function reasonIn({ components }: JsonObject): string {
  const rows = Array.isArray(components) ? (components as readonly JsonValue[]) : []
  for (const row of rows) {
    const fields = isJsonObject(row) && Array.isArray(row['components']) ? row['components'] : []
    for (const field of fields as readonly JsonValue[])
      if (isJsonObject(field) && field['custom_id'] === 'reason' && typeof field['value'] === 'string')
        return field['value'].toWellFormed().trim().slice(0, 4_000)
  }
  return ''
}

function parsed(raw: Buffer): JsonObject | undefined {
  try {
    const value = JSON.parse(raw.toString('utf8')) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
