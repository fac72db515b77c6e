import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { buttonsIn, CHANNEL, DISCORD_TOKEN, startDiscord } from '../setup/discord-server.ts'
import type { DiscordMessage, DiscordStandIn } from '../setup/discord-server.ts'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'

const [LEAD, SECOND, EVE] = ['201', '202', '299'] as const
let discord: DiscordStandIn
let served: ServedPeople

beforeEach(async () => {
  discord = await startDiscord(() => served.server.url)
  served = await servePeople(
    peoplePolicy(
      `  discord: { channel: '${CHANNEL}', public_key: ${discord.publicKey}, api_url: '${discord.url}', people: { '${LEAD}': Lead@example.com, '${SECOND}': second@example.com } }`,
    ),
    { env: { DISCORD_BOT_TOKEN: DISCORD_TOKEN } },
  )
})
afterEach(async () => {
  await served.close()
  await discord.close()
})

const stateOf = async (id: string): Promise<Action['state']['name']> =>
  (await served.harness.store.action(id))!.state.name
async function asked(action: string, input: object = { text: 'hello' }): Promise<[Action, DiscordMessage]> {
  const count = discord.messages.length
  const { action: held } = await served.propose(action, input as never)
  await discord.until(() => discord.messages.length > count)
  return [held, discord.messages[count]!]
}

describe('Discord', () => {
  test('shows what waits, takes a click in the name that the policy knows, and closes the message', async () => {
    const [held, message] = await asked('note.publish', { text: '``` @everyone [x](https://evil.example)' })
    expect(buttonsIn(message.body).map(({ label }) => label)).toEqual(['Approve', 'Reject…', 'See it whole'])
    expect(message.body.embeds[0].description).toContain('\\\\u{60}'.slice(1))
    expect(message.body.content).toContain('\\@everyone')
    expect(await (await discord.click(LEAD, message, 'Approve')).json()).toMatchObject({
      type: 5,
      data: { flags: 64 },
    })
    await discord.until(() => buttonsIn(message.body).length === 0)
    expect(await stateOf(held.id)).toBe('ready')
    const records = await served.harness.store.recordsOf(held.id)
    expect(records.map(({ text }) => text).join('')).toContain('"by":"lead@example.com"')
    expect(discord.refused).toEqual([])
    expect(served.faults).toEqual([])
  })

  test('asks why, where the risk is high or the answer is no', async () => {
    const [held, message] = await asked('money.send')
    const modal = await (await discord.click(LEAD, message, 'Approve')).json()
    expect(modal).toMatchObject({ type: 9, data: { title: 'Approve' } })
    await discord.submit(LEAD, modal, '  ')
    await discord.until(() => discord.replies.length === 1)
    expect(discord.replies[0]).toContain('write why')
    expect(await stateOf(held.id)).toBe('held')
    const no = await (await discord.click(SECOND, message, 'Reject')).json()
    await discord.submit(SECOND, no, 'too risky')
    await discord.until(() => buttonsIn(message.body).length === 0)
    expect(await stateOf(held.id)).toBe('denied')
  })

  test('refuses strangers, stale clicks and what Discord has not signed', async () => {
    const [held, message] = await asked('note.publish')
    const before = { ...message, body: message.body }
    expect((await discord.click(LEAD, message, 'Approve', { forged: true })).status).toBe(401)
    expect((await discord.click(LEAD, message, 'Approve', { skew: -400 })).status).toBe(401)
    expect((await discord.send({ type: 1 }, { forged: true })).status).toBe(401)
    expect(await (await discord.send({ type: 1 })).json()).toEqual({ type: 1 })
    expect(
      (await discord.send({ type: 3, member: { user: { id: LEAD } }, data: { custom_id: 'x' } })).status,
    ).toBe(400)
    await discord.click(EVE, message, 'Approve')
    await discord.until(() => discord.replies.length === 1)
    expect(discord.replies[0]).toContain('who you are')
    expect(await stateOf(held.id)).toBe('held')
    await discord.click(LEAD, message, 'Approve')
    await discord.until(() => buttonsIn(message.body).length === 0)
    await discord.click(SECOND, before, 'Approve')
    await discord.until(() => discord.replies.length === 3)
    expect(discord.replies[2]).toContain('Nothing was recorded')
  })

  test('offers no yes to what it has no room to show', async () => {
    const [, message] = await asked('note.publish', { text: 'x'.repeat(50_000) })
    expect(buttonsIn(message.body).map(({ label }) => label)).toEqual(['Reject…', 'See it whole'])
    expect(discord.refused).toEqual([])
  })
})
