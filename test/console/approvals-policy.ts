import type { JsonObject } from '../../src/action/json.ts'
import { ADMIN } from '../setup/http-server.ts'
import type { Json, TestServer } from '../setup/http-server.ts'

export const LEAD = 'lead@example.com'
export const SECOND = 'second@example.com'
export const BOSS = 'boss@example.com'

/** Something of every kind that waits for people. */
export const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents:
  writer: {}
  mailer: {}
  crowd: {}
actions:
  note.read: { effect: read }
  note.add: { effect: write, undo: { within: 1h } }
  note.publish:
    effect: write
    undo: { within: 24h }
    verify:
      - pii: { field: text, then: redact }
    approve: [{ by: [editors], expires: 4h, message: Everything that is published is looked at. }]
  note.flash:
    effect: write
    approve: [{ by: [editors], expires: 3s }]
  note.urgent:
    effect: write
    approve: [{ by: [bosses], expires: 2h }]
    break_glass: { by: [pair] }
  note.both:
    effect: write
    approve: [{ by: [pair], expires: 2h }]
  note.chain:
    effect: write
    approve: [{ by: [editors, bosses], expires: 3h }]
  money.send:
    effect: irreversible
    approve: [{ when: 'input.amount > 100', by: [editors], expires: 30m, message: More than 100 leaves the account. }]
approvers:
  editors: { members: [${LEAD}, ${SECOND}], quorum: 1, may_delegate_to: [${BOSS}] }
  pair: { members: [${LEAD}, ${SECOND}], quorum: 2 }
  bosses: { members: [${BOSS}], quorum: 1 }
`

/** Proposes as an agent would; answers the action. */
export async function ask(
  server: TestServer,
  action: string,
  input: JsonObject,
  more: JsonObject = {},
): Promise<Json> {
  const answer = await server.call(
    'POST',
    '/v1/actions',
    { agent: 'writer', action, input, ...more },
    { token: ADMIN },
  )
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

/** Decides without a browser, as that person. */
export async function voteOf(
  server: TestServer,
  by: string,
  approval: string,
  outcome: 'approve' | 'reject' = 'approve',
): Promise<Json> {
  return (
    await server.call(
      'POST',
      `/v1/approvals/${approval}`,
      { outcome, reason: 'looked at it' },
      { headers: { 'belay-acting-as': by } },
    )
  ).body
}

/** A morning's inbox: six that wait, with something that the agent did before. */
export async function fill(server: TestServer): Promise<Json[]> {
  const session = 'campaign-42'
  const add = await ask(server, 'note.add', { text: 'draft of the campaign' }, { session, start: true })
  await server.call('POST', `/v1/actions/${add.id}/outcome`, { outcome: 'succeeded', result: { id: 7 } })
  await ask(server, 'note.read', { id: 7 }, { session })
  return [
    await ask(
      server,
      'note.publish',
      {
        channel: 'news',
        text: 'Write to jane.doe@example.com or call +1 202 555 0143 to hear about our opening hours.',
      },
      { session, reason: 'A customer asked for the opening hours.', confidence: 0.93, cost_usd: 0.02 },
    ),
    await ask(
      server,
      'money.send',
      { to: 'DE02 1203 0000 0000 2020 51', amount: 480, currency: 'EUR', note: 'refund of order 1042' },
      { agent: 'mailer', reason: 'The order never arrived.', confidence: 0.71, cost_usd: 480 },
    ),
    await ask(server, 'note.chain', { text: 'A new price list', valid_from: '2031-04-01' }),
    ...(await Promise.all(
      ['Berlin', 'Paris', 'Madrid'].map((city) =>
        ask(
          server,
          'note.publish',
          { channel: 'shops', text: `We are open in ${city}.` },
          { agent: 'mailer' },
        ),
      ),
    )),
  ]
}
