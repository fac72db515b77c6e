import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { APP_TOKEN, BOT_TOKEN, buttonsOf, startSlack } from '../setup/slack-server.ts'
import type { SlackStandIn } from '../setup/slack-server.ts'

let slack: SlackStandIn
let served: ServedPeople
const overSocket = { overSocket: true }

beforeEach(async () => {
  slack = await startSlack(() => served.server.url)
  // No signing secret: nothing can come over HTTP.
  served = await servePeople(
    peoplePolicy(
      `  slack: { channel: '#agents', api_url: '${slack.url}', app_token: $SLACK_APP_TOKEN, people: { U0LEAD: lead@example.com, U0SECOND: second@example.com } }`,
    ),
    { env: { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_APP_TOKEN: APP_TOKEN } },
  )
  await expect.poll(() => slack.socket.open.size).toBe(1)
})
afterEach(async () => {
  await served.close()
  await slack.close()
})

const stateOf = async (id: string): Promise<Action['state']['name']> =>
  (await served.harness.store.action(id))!.state.name

test('clicks come over the socket, are acknowledged at once and count; over HTTP nothing does', async () => {
  const { action } = await served.propose('note.publish')
  await slack.until(() => slack.messages.length === 1)
  const message = slack.messages[0]!
  expect((await slack.click('U0LEAD', message, 'belay_approve')).status).toBe(404)
  expect(await (await slack.click('U0LEAD', message, 'belay_approve', overSocket)).text()).toBe('')
  await slack.until(() => buttonsOf(message).length === 0)
  expect(await stateOf(action.id)).toBe('ready')
  expect(served.faults.join()).not.toContain(APP_TOKEN)
})

test('what a dialog lacks is answered with the acknowledgement', async () => {
  const { action } = await served.propose('money.send')
  await slack.until(() => slack.messages.length === 1)
  const message = slack.messages[0]!
  await slack.click('U0SECOND', message, 'belay_reject', overSocket)
  await slack.until(() => slack.views.length === 1)
  const wrong = await slack.submit('U0SECOND', '', overSocket)
  expect(await wrong.json()).toMatchObject({ response_action: 'errors' })
  await slack.submit('U0SECOND', 'too risky', overSocket)
  await slack.until(() => buttonsOf(message).length === 0)
  expect(await stateOf(action.id)).toBe('denied')
})

test('an envelope that comes twice counts once, and a connection that ends is replaced', async () => {
  const { action } = await served.propose('note.both')
  await slack.until(() => slack.messages.length === 1)
  const message = slack.messages[0]!
  const click = {
    type: 'block_actions',
    user: { id: 'U0LEAD' },
    actions: [{ action_id: 'belay_approve', value: buttonsOf(message)[0].value }],
  }
  await slack.socket.deliver(click, 'same')
  await slack.socket.deliver(click, 'same')
  await served.people.settledWork()
  const votes = (await served.harness.store.recordsOf(action.id)).filter(({ kind }) => kind === 'vote')
  expect(votes).toHaveLength(1)
  slack.socket.disconnect()
  await expect
    .poll(() => slack.calls.filter(({ method }) => method === 'apps.connections.open').length, {
      timeout: 60_000,
    })
    .toBe(2)
  await expect.poll(() => slack.socket.open.size).toBe(1)
  await slack.click('U0SECOND', message, 'belay_approve', overSocket)
  await expect.poll(() => stateOf(action.id)).toBe('ready')
})
