import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { webhookKey, webhookSignature } from '../../src/channels/webhook/webhook-channel.ts'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { startWebhookReceiver, WEBHOOK_SECRET } from '../setup/webhook-receiver.ts'
import type { WebhookReceiver } from '../setup/webhook-receiver.ts'

let receiver: WebhookReceiver
let served: ServedPeople

beforeEach(async () => {
  receiver = await startWebhookReceiver()
  served = await servePeople(peoplePolicy(`  webhook: { url: '${receiver.url}' }`), {
    env: { BELAY_WEBHOOK_SECRET: WEBHOOK_SECRET },
  })
})
afterEach(async () => {
  await served.close()
  await receiver.close()
})

test('signs as the example of the Standard Webhooks specification', () => {
  const key = webhookKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  expect(webhookSignature(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', '{"test": 2432232314}')).toBe(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  )
})

test('a held action and its end are CloudEvents that a receiver can verify', async () => {
  const { action } = await served.propose('note.publish', { text: 'hello' }, { reason: 'asked' })
  await receiver.until(() => receiver.events.length === 1)
  expect(receiver.events[0]).toMatchObject({
    specversion: '1.0',
    type: 'dev.belay.approval.waiting',
    subject: action.id,
    source: served.server.url,
    datacontenttype: 'application/json',
    type_: 'application/cloudevents+json; charset=utf-8',
    data: {
      agent: 'writer',
      action: 'note.publish',
      agent_reason: 'asked',
      group: 'editors',
      step: 1,
      steps: 1,
    },
  })
  expect(receiver.events[0].id).toBe(receiver.events[0].webhookId)
  const { approval } = action.state as Extract<Action['state'], { name: 'held' }>
  await served.harness.flow.vote(approval.id, { by: 'lead@example.com', outcome: 'reject', reason: 'no' })
  await receiver.until(() => receiver.events.length === 2)
  expect(receiver.events[1]).toMatchObject({ type: 'dev.belay.approval.settled', data: { state: 'denied' } })
  expect(receiver.refused).toEqual([])
})

test('is sent again under the same id after a failure, and not again after a restart', async () => {
  receiver.failures.push(500)
  await served.propose('note.publish')
  await receiver.until(() => receiver.events.length === 1)
  await served.restart()
  await served.propose('note.add')
  const { action } = await served.propose('note.both')
  await receiver.until(() => receiver.events.length === 2)
  expect(receiver.events[1].subject).toBe(action.id)
  expect(served.faults.join()).toContain('answered 500')
  expect(served.faults.join()).not.toMatch(/secret-path|whsec_/)
})
