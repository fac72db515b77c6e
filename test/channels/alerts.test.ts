import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startMailServer } from '../setup/mail-server.ts'
import type { MailServer } from '../setup/mail-server.ts'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { BOT_TOKEN, SIGNING_SECRET, startSlack } from '../setup/slack-server.ts'
import type { SlackStandIn } from '../setup/slack-server.ts'

let slack: SlackStandIn
let mail: MailServer
let served: ServedPeople

beforeEach(async () => {
  slack = await startSlack(() => served.server.url)
  mail = await startMailServer()
  served = await servePeople(
    peoplePolicy(
      `  slack: { channel: '#agents', api_url: '${slack.url}' }\n  email: { to: [ops@example.com] }`,
    ).replace(
      'note.publish: { effect: write,',
      'note.publish: { effect: write, break_glass: { by: [pair] },',
    ),
    { env: { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SMTP_URL: mail.url } },
  )
})
afterEach(async () => {
  await served.close()
  await slack.close()
  await mail.close()
})

const alerts = (): string[] =>
  slack.messages.map(({ text }) => text).filter((text) => !text.startsWith('Approve?'))

describe('a running harness', () => {
  test('tells on every channel that an agent was stopped, together with what came beside it, once', async () => {
    const { flow } = served.harness
    await served.propose('note.add')
    await flow.setAgentState('writer', 'paused', 'to look at it', 'ops')
    await flow.setAgentState('writer', 'stopped', 'enough', 'ops')
    await flow.setAgentState('writer', 'stopped', 'still', 'ops')
    await slack.until(() => alerts().length === 1)
    await mail.until(() => mail.mails.some(({ to }) => to[0] === 'ops@example.com'))
    expect(alerts()).toEqual(['writer is paused · writer is stopped'])
    const [told] = mail.mails.filter(({ to }) => to[0] === 'ops@example.com')
    expect(told!.text).toContain('enough')
    expect(told!.text).toContain('belay agents resume writer')
  })

  test('tells everybody whom the policy names that something is released out of turn', async () => {
    const { action } = await served.propose('note.publish')
    if (action.state.name !== 'held') throw new Error(action.state.name)
    const { id } = action.state.approval
    await served.harness.flow.breakGlass(id, { by: 'lead@example.com', reason: 'the shop is down' })
    await served.harness.flow.breakGlass(id, { by: 'second@example.com', reason: 'I see it too' })
    const told = (person: string): boolean =>
      mail.mails.some(({ to, text }) => to[0] === person && text.includes('was released out of turn'))
    const everybody = ['lead', 'second', 'boss', 'ops'].map((name) => `${name}@example.com`)
    await mail.until(() => everybody.every(told))
    await slack.until(() => alerts().some((text) => text.includes('was released out of turn')))
    expect(alerts().join()).toContain('wants to release note.publish')
  })
})
