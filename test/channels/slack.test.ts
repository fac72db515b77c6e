import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { servePeople, peoplePolicy } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { BOT_TOKEN, buttonsOf, SIGNING_SECRET, startSlack } from '../setup/slack-server.ts'
import type { SlackMessage, SlackStandIn } from '../setup/slack-server.ts'

const ENV = { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET }
let slack: SlackStandIn
let served: ServedPeople

beforeEach(async () => {
  slack = await startSlack(() => served.server.url)
  slack.users.set('U0LEAD', { email: 'Lead@Example.com' })
  slack.users.set('U0STRANGER', { email: 'stranger@example.com' })
  slack.users.set('U0FOREIGN', { email: 'lead@example.com', team: 'T0OTHER' })
  slack.users.set('U0UNCONFIRMED', { email: 'lead@example.com', confirmed: false })
  served = await servePeople(policy(), { env: ENV })
})
afterEach(async () => {
  await served.close()
  await slack.close()
})

const policy = (): string =>
  peoplePolicy(
    `  slack: { channel: '#agents', api_url: '${slack.url}', people: { U0SECOND: second@example.com, U0BOSS: boss@example.com } }`,
  )

const stateOf = async (id: string): Promise<Action['state']['name']> =>
  (await served.harness.store.action(id))!.state.name
async function asked(action: string, input = { text: 'hello' }, more = {}): Promise<[Action, SlackMessage]> {
  const count = slack.messages.length
  const { action: held } = await served.propose(action, input, more)
  expect(held.state.name).toBe('held')
  await slack.until(() => slack.messages.length > count)
  return [held, slack.messages[count]!]
}
const shown = (message: SlackMessage): string => JSON.stringify(message.blocks)
const newest = (): string => slack.replies.at(-1) ?? ''

describe('the message', () => {
  test('says what will happen, with which arguments, why it is held, and who is next', async () => {
    const [held, message] = await asked(
      'note.chain',
      { text: 'hello' },
      { reason: 'a customer asked', confidence: 0.5, cost: 20_000_000 },
    )
    for (const words of [
      'writer',
      'note.chain',
      '\\"text\\": \\"hello\\"',
      'a customer asked',
      '50 %',
      '$0.02',
      'editors (step 1 of 2)',
      'Then: bosses',
      held.id,
    ])
      expect(JSON.stringify(message.blocks)).toContain(words)
    expect(buttonsOf(message).map(({ action_id }) => action_id)).toEqual(['belay_approve', 'belay_reject'])
    expect(slack.calls.filter(({ error }) => error !== null)).toEqual([])
  })

  test('of hostile arguments stays within the limits, shows what is hidden, and makes no links or mentions', async () => {
    const text = `\u202etxt.exe <!channel> <https://evil.example|safe> \`\`\` ${'x'.repeat(60_000)}`
    const [, message] = await asked('note.publish', { text }, { reason: '<!here> *bold*' })
    expect(shown(message)).toContain('\\\\u{202e}')
    expect(shown(message)).toContain('characters in all')
    expect(shown(message)).not.toContain('mrkdwn')
    expect(message.text).not.toContain('<!channel>')
    // What does not fit is read whole before it is approved.
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => slack.views.length === 1)
    const whole = slack.views[0]!.view.blocks.filter(({ type }: { type: string }) => type === 'rich_text')
      .map((block: { elements: { elements: { text: string }[] }[] }) => block.elements[0]!.elements[0]!.text)
      .join('')
    expect(JSON.parse(whole.replace('\\u{202e}', '')).text).toBe(text.slice(1))
  })
})

describe('a click', () => {
  test('of a member approves, in the name that the policy knows, and closes the message', async () => {
    const [held, message] = await asked('note.publish')
    const answer = await slack.click('U0LEAD', message, 'belay_approve')
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    await slack.until(() => buttonsOf(message).length === 0)
    const records = await served.harness.store.recordsOf(held.id)
    expect(records.map(({ text }) => text).join('')).toContain('"by":"lead@example.com"')
    expect(await stateOf(held.id)).toBe('ready')
    expect(shown(message)).toContain('approved by lead@example.com')
  })

  test('on reject opens a dialog, which wants a reason', async () => {
    const [held, message] = await asked('note.publish')
    await slack.click('U0SECOND', message, 'belay_reject')
    await slack.until(() => slack.views.length === 1)
    const empty = await slack.submit('U0SECOND', '  ')
    expect(await empty.json()).toEqual({ response_action: 'errors', errors: { reason: expect.any(String) } })
    expect(await stateOf(held.id)).toBe('held')
    expect((await slack.submit('U0SECOND', 'too risky')).status).toBe(200)
    await slack.until(() => buttonsOf(message).length === 0)
    expect(await stateOf(held.id)).toBe('denied')
    const payloads = await served.harness.store.payloads(held.id)
    expect(payloads.map(({ text }) => text).join('')).toContain('too risky')
  })

  test('on what cannot be undone wants a typed reason to approve too', async () => {
    const [held, message] = await asked('money.send', { text: 'x' })
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => slack.views.length === 1)
    expect(await stateOf(held.id)).toBe('held')
    await slack.submit('U0LEAD', '')
    await slack.until(() => slack.replies.length === 1)
    expect(newest()).toContain('reason is needed')
    expect(await stateOf(held.id)).toBe('held')
    await slack.submit('U0LEAD', 'checked with the bank')
    await slack.until(() => buttonsOf(message).length === 0)
    expect(await stateOf(held.id)).toBe('ready')
  })

  test.each([
    ['a member of nothing', 'U0STRANGER', 'not a member'],
    ['somebody of another workspace with a member’s address', 'U0FOREIGN', 'does not know who you are'],
    ['an address that nobody confirmed', 'U0UNCONFIRMED', 'does not know who you are'],
    ['nobody that Slack knows', 'U0NOBODY', 'Not recorded'],
  ])('by %s changes nothing and says so', async (_who, user, words) => {
    const [held, message] = await asked('note.publish')
    await slack.click(user, message, 'belay_approve')
    await slack.until(() => slack.replies.length === 1)
    expect(newest()).toContain(words)
    expect(await stateOf(held.id)).toBe('held')
  })

  test('of whoever asked for it is refused, however the address is spelt', async () => {
    const [held, message] = await asked('note.publish', { text: 'x' }, { proposedBy: 'LEAD@example.com' })
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => slack.replies.length === 1)
    expect(newest()).toContain('may not decide')
    expect(await stateOf(held.id)).toBe('held')
  })

  test('counts once for a quorum of two, and each step of a chain has a message of its own', async () => {
    const [held, message] = await asked('note.both')
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => shown(message).includes('1 of 2'))
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => newest().includes('already voted'))
    await slack.click('U0SECOND', message, 'belay_approve')
    await slack.until(() => buttonsOf(message).length === 0)
    expect(await stateOf(held.id)).toBe('ready')

    const [chain, first] = await asked('note.chain')
    const count = slack.messages.length
    await slack.click('U0LEAD', first, 'belay_approve')
    await slack.until(() => slack.messages.length > count && buttonsOf(first).length === 0)
    await slack.click('U0BOSS', slack.messages.at(-1)!, 'belay_approve')
    await slack.until(() => buttonsOf(slack.messages.at(-1)!).length === 0)
    expect(await stateOf(chain.id)).toBe('ready')
  })

  test('that is stale does nothing; a decision made elsewhere closes the message', async () => {
    const [held, message] = await asked('note.publish')
    const open = { ...message, blocks: message.blocks }
    const { approval } = held.state as Extract<Action['state'], { name: 'held' }>
    await served.harness.flow.vote(approval.id, { by: 'second@example.com', outcome: 'reject', reason: 'no' })
    await slack.until(() => buttonsOf(message).length === 0)
    expect(shown(message)).toContain('second@example.com rejected it')
    await slack.click('U0LEAD', open, 'belay_approve')
    await slack.until(() => slack.replies.length === 1)
    expect(newest()).toContain('Nothing was recorded')
    expect(await stateOf(held.id)).toBe('denied')
  })

  test('whose dialog could not be opened in time says so to the one who clicked', async () => {
    const [, message] = await asked('note.publish')
    await slack.click('U0LEAD', message, 'belay_reject', { age: 4_000 })
    await slack.until(() => slack.replies.length === 1)
    expect(newest()).toContain('Press the button again')
  })
})

describe('what does not come from Slack', () => {
  test.each([
    ['another secret', { secret: 'wrong' }],
    ['a body that was changed', { tamper: (body: string) => body.replace('U0LEAD', 'U0SECOND') }],
    ['six minutes old', { skew: -360 }],
    ['six minutes ahead', { skew: 360 }],
    ['no signature', { headers: { 'x-slack-signature': '' } }],
    ['no time', { headers: { 'x-slack-request-timestamp': 'x' } }],
  ])('is refused: %s', async (_what, more) => {
    const [held, message] = await asked('note.publish')
    expect((await slack.click('U0LEAD', message, 'belay_approve', more)).status).toBe(401)
    expect(await stateOf(held.id)).toBe('held')
  })

  test('a repeat is acknowledged and does nothing', async () => {
    const [held, message] = await asked('note.both')
    const again = { timestamp: String(Math.floor(Date.now() / 1_000)), triggerId: 'same' }
    await slack.click('U0LEAD', message, 'belay_approve', again)
    await slack.until(() => slack.replies.length === 1)
    expect((await slack.click('U0LEAD', message, 'belay_approve', again)).status).toBe(200)
    const retried = await slack.click('U0SECOND', message, 'belay_approve', {
      headers: { 'x-slack-retry-num': '1' },
    })
    expect([retried.status, retried.headers.get('x-slack-no-retry')]).toEqual([200, '1'])
    await served.people.close()
    expect(slack.replies).toHaveLength(1)
    expect(await stateOf(held.id)).toBe('held')
  })

  test('a signed payload cannot make Belay call another address', async () => {
    const [, message] = await asked('note.publish')
    const value = buttonsOf(message)[0].value
    const answer = await slack.post({
      type: 'block_actions',
      user: { id: 'U0STRANGER' },
      response_url: 'http://127.0.0.1:1/steal',
      actions: [{ action_id: 'belay_approve', value }],
    })
    expect(answer.status).toBe(200)
    await served.people.close()
    expect(served.faults).toEqual([])
  })
})

describe('trouble', () => {
  test('a limit is honoured for as long as it says, and nothing is lost', async () => {
    slack.failures.push({ status: 429, headers: { 'retry-after': '1' } })
    const started = performance.now()
    const [held] = await asked('note.publish')
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_000)
    expect(await stateOf(held.id)).toBe('held')
    expect(served.faults.join()).toContain('rate limited')
    expect(served.faults.join()).not.toContain(BOT_TOKEN)
  })

  test('an action is held and decided all the same while Slack is away', async () => {
    for (let i = 0; i < 50; i++) slack.failures.push({ status: 500 })
    const { action } = await served.propose('note.publish')
    const { approval } = action.state as Extract<Action['state'], { name: 'held' }>
    const voted = await served.harness.flow.vote(approval.id, { by: 'lead@example.com', outcome: 'approve' })
    expect(voted.state.name).toBe('ready')
  })
})

describe('after a restart', () => {
  test('nothing is told twice, and the buttons still work', async () => {
    const [held, message] = await asked('note.publish')
    await served.restart()
    const { action: other } = await served.propose('note.publish')
    await slack.until(() => slack.messages.length === 2)
    await slack.click('U0LEAD', message, 'belay_approve')
    await slack.until(() => buttonsOf(message).length === 0)
    expect([await stateOf(held.id), await stateOf(other.id)]).toEqual(['ready', 'held'])
    expect(slack.messages).toHaveLength(2)
  })

  test('with the memory lost, the message is found by its metadata where the channel is named by its id', async () => {
    await served.close()
    served = await servePeople(policy().replace("'#agents'", 'C0AGENTS1'), { env: ENV })
    const [held, message] = await asked('note.publish')
    const calls = slack.calls.length
    const people = served.people
    const close = people.close.bind(people)
    people.close = async () => {
      await close()
      rmSync(join(served.folder, 'data', 'sent-slack.json'), { force: true })
    }
    await served.restart()
    await slack.until(() => slack.calls.slice(calls).some(({ method }) => method === 'chat.update'))
    expect(slack.messages).toHaveLength(1)
    await slack.click('U0SECOND', message, 'belay_approve')
    await slack.until(() => buttonsOf(message).length === 0)
    expect(await stateOf(held.id)).toBe('ready')
  })
})

test('without its secrets the channel stays closed and says so; the door does not exist', async () => {
  await served.close()
  served = await servePeople(policy(), { env: {} })
  await served.propose('note.publish')
  expect(served.notes.join()).toContain('SLACK_BOT_TOKEN')
  expect((await slack.post({ type: 'block_actions' })).status).toBe(404)
  expect(slack.calls).toEqual([])
})
