import { afterEach, beforeEach, expect, test } from 'vitest'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { BOT_TOKEN, buttonsOf, SIGNING_SECRET, startSlack } from '../setup/slack-server.ts'
import type { SlackMessage, SlackStandIn } from '../setup/slack-server.ts'

let slack: SlackStandIn
let served: ServedPeople

beforeEach(async () => {
  slack = await startSlack(() => served.server.url)
  slack.users.set('U0OPERATOR', { email: 'Olga@Example.com' })
  slack.users.set('U0LEAD', { email: 'lead@example.com' })
  const policy = peoplePolicy(
    `  slack: { channel: '#agents', api_url: '${slack.url}' }`,
    'people: { roles: { operator: [olga@example.com], approver: [lead@example.com] } }\n',
  )
  served = await servePeople(policy, {
    env: { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET },
  })
})
afterEach(async () => {
  await served.close()
  await slack.close()
})

/** The message about an anomaly, told at once. */
async function told(): Promise<SlackMessage> {
  served.people.anomaly({
    detector: 'rate',
    code: 'anomaly:rate',
    response: 'require_approval',
    agent: 'writer',
    action: 'note.add',
    message: '50 an hour is normal (99.9% below 74); 5,000 in 10 minutes.',
    normal: 50,
    observed: 30_000,
    unit: 'per_hour',
    since: served.harness.store.now(),
    at: served.harness.store.now(),
    actionId: null,
  })
  await slack.until(() =>
    slack.messages.some((message) => JSON.stringify(message.blocks).includes('5,000 in 10')),
  )
  return slack.messages.at(-1)!
}

const reply = (): string => slack.replies.at(-1) ?? ''

test('an operator acknowledges an alarm and pauses its agent; nobody else does, and is told so', async () => {
  const message = await told()
  expect(buttonsOf(message).map(({ text }) => text.text)).toEqual(['Acknowledge', 'Pause writer'])
  expect(buttonsOf(message)[1].confirm.text.text).toContain('writer may do nothing')
  const { store } = served.harness
  const [alarm] = await store.alarms.list({ open: true, limit: 10 })
  expect(JSON.stringify(message.blocks)).toContain(`/alarms/${alarm!.id}`)

  for (const button of ['belay_acknowledge', 'belay_pause']) {
    const before = slack.replies.length
    await slack.click('U0LEAD', message, button)
    await slack.until(() => slack.replies.length > before)
    expect(reply()).toContain('Nothing was done: the policy does not name you as an operator')
  }
  expect(await store.alarms.get(alarm!.id)).toMatchObject({ acknowledgedBy: null })
  expect((await store.agent('writer'))?.state ?? 'active').toBe('active')

  await slack.click('U0OPERATOR', message, 'belay_acknowledge')
  await slack.until(() => reply().includes('acknowledged'))
  expect(await store.alarms.get(alarm!.id)).toMatchObject({ acknowledgedBy: 'olga@example.com' })
  await slack.click('U0OPERATOR', message, 'belay_pause')
  await slack.until(() => reply().includes('writer is paused'))
  expect(await store.agent('writer')).toMatchObject({ state: 'paused', changedBy: 'olga@example.com' })
}, 60_000)
