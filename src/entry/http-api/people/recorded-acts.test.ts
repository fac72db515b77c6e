import { AlarmBook } from '../../../flow/alarm-book.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { APPROVER, startTestServer } from '../../../../test/setup/http-server.ts'
import type { TestServer } from '../../../../test/setup/http-server.ts'
import { linkFor, logIn } from '../../../../test/setup/people.ts'
import type { Browser } from '../../../../test/setup/people.ts'
import type { JsonObject } from '../../../action/json.ts'
import type { ChannelStatus } from '../../../channels/channel-desk.ts'
import { KNOWN_ROUTES, permissionFor } from './permissions.ts'

const SLACK: ChannelStatus = {
  name: 'slack',
  configured: true,
  open: true,
  missing: null,
  deliveredAt: null,
  failedAt: null,
  failure: null,
}
const tested: string[] = []
let server: TestServer
let person: Browser

beforeAll(async () => {
  server = await startTestServer({
    channels: { channels: () => [SLACK], test: (name, by) => tested.push(`${name} ${by}`) > 0 },
  })
  person = await logIn(server, APPROVER)
})
afterAll(() => server.close())

const STANDING = {
  agent: 'writer',
  action: 'note.publish',
  input: { text: { max_length: 100 } },
  max_count: 3,
  expires_in: '1h',
  reason: 'the daily greeting',
}
const absence = (): { substitute: string; until: string } => ({
  substitute: 'deputy@example.com',
  until: new Date(Date.now() + 3_600_000).toISOString(),
})

interface Act {
  readonly path: string
  readonly body?: JsonObject
  /** Kind of the record that says who did it. */
  readonly kind: string
}

/** What nobody has to answer for: it changes nothing. */
const LOOKS = [
  'POST /v1/ledger/verify',
  'POST /v1/ledger/erase/preview',
  'POST /v1/policy/lint',
  'POST /v1/policy/backtest',
  'POST /v1/prompts/:name/render',
]

/** Each brings about what it needs, and says what a person then asks for. */
const ACTS: Readonly<Record<string, () => Promise<Act>>> = {
  'POST /v1/login-links': async () => ({
    path: '/v1/login-links',
    body: { for: 'new@example.com', roles: ['viewer'] },
    kind: 'login',
  }),
  'POST /v1/logout': async () => ({ path: '/v1/logout', kind: 'login' }),
  'DELETE /v1/logins/:id': async () => {
    const { id } = await linkFor(server, 'other@example.com', ['viewer'])
    return { path: `/v1/logins/${id}`, kind: 'login' }
  },
  'POST /v1/actions/:id/undo': async () => {
    const { id } = await succeeded()
    return { path: `/v1/actions/${id}/undo`, kind: 'undo' }
  },
  'POST /v1/actions/:id/cancel': async () => {
    const { id } = await server.propose('note.publish')
    return { path: `/v1/actions/${id}/cancel`, kind: 'cancellation' }
  },
  'POST /v1/undos': async () => {
    await succeeded()
    return { path: '/v1/undos', body: { agent: 'writer', since: '1h' }, kind: 'undo' }
  },
  'POST /v1/sessions/:id/undo': async () => {
    const { id } = await succeeded({ session: 'to-undo' })
    // The agent, which is asked to undo it, and is waited for.
    void vi.waitFor(async () => {
      const body = { outcome: 'succeeded' }
      expect((await server.call('POST', `/v1/actions/${id}/undo`, body)).status).toBe(200)
    }, 60_000)
    return { path: '/v1/sessions/to-undo/undo', body: { agent: 'writer' }, kind: 'undo' }
  },
  'POST /v1/agents/:name/baseline/accept': async () => ({
    path: '/v1/agents/reader/baseline/accept',
    body: { reason: 'a new campaign' },
    kind: 'agent',
  }),
  'POST /v1/approvals/:id': async () => {
    const { approval } = await server.propose('note.publish')
    return { path: `/v1/approvals/${approval.id}`, body: { outcome: 'reject', reason: 'no' }, kind: 'vote' }
  },
  'POST /v1/approvals/:id/edit': async () => {
    const { approval } = await server.propose('note.publish')
    return { path: `/v1/approvals/${approval.id}/edit`, body: { input: { text: 'kinder' } }, kind: 'edit' }
  },
  'POST /v1/approvals/:id/delegate': async () => {
    const { approval } = await server.propose('note.publish')
    const body = { to: 'deputy@example.com' }
    return { path: `/v1/approvals/${approval.id}/delegate`, body, kind: 'delegation' }
  },
  'POST /v1/approvals/:id/break-glass': async () => {
    const { approval } = await server.propose('note.publish')
    const body = { reason: 'the site is down' }
    return { path: `/v1/approvals/${approval.id}/break-glass`, body, kind: 'break_glass' }
  },
  'POST /v1/approvals/batch': async () => {
    const { approval } = await server.propose('note.publish')
    const { digest } = (await server.call('GET', `/v1/approvals/${approval.id}`)).body
    const body = { items: [{ id: approval.id, digest }], outcome: 'approve' }
    return { path: '/v1/approvals/batch', body, kind: 'vote' }
  },
  'POST /v1/standing-approvals': async () => ({
    path: '/v1/standing-approvals',
    body: STANDING,
    kind: 'standing',
  }),
  'POST /v1/standing-approvals/:id/grant': async () => {
    const { id } = (await server.call('POST', '/v1/standing-approvals', STANDING)).body
    return { path: `/v1/standing-approvals/${id}/grant`, kind: 'standing' }
  },
  'DELETE /v1/standing-approvals/:id': async () => {
    const { id } = (await server.call('POST', '/v1/standing-approvals', STANDING)).body
    return { path: `/v1/standing-approvals/${id}`, kind: 'standing' }
  },
  'POST /v1/absences': async () => ({ path: '/v1/absences', body: absence(), kind: 'absence' }),
  'DELETE /v1/absences/:id': async () => {
    const { id } = (await person.call('POST', '/v1/absences', absence())).body
    return { path: `/v1/absences/${id}`, kind: 'absence' }
  },
  'PATCH /v1/agents/:name': async () => ({
    path: '/v1/agents/reader',
    body: { state: 'paused', reason: 'to look at it' },
    kind: 'agent',
  }),
  'POST /v1/ledger/erase': async () => {
    const { id } = await succeeded()
    return { path: '/v1/ledger/erase', body: { action: id }, kind: 'erasure' }
  },
  'POST /v1/ledger/purge': async () => ({ path: '/v1/ledger/purge', kind: 'erasure' }),
  'POST /v1/alarms/:id': async () => {
    const raised = { kind: 'errors', agent: 'writer', urgent: true, title: 't', facts: [], act: '' }
    const { alarm } = await new AlarmBook(server.harness.store).raise({
      ...raised,
      key: 'k',
      session: null,
      action: null,
      at: 1,
      times: 1,
    })
    return { path: `/v1/alarms/${alarm.id}`, body: { outcome: 'acknowledge' }, kind: 'alarm' }
  },
  'POST /v1/channels/:name/test': async () => ({ path: '/v1/channels/slack/test', kind: 'channel' }),
  'POST /v1/prompts': async () => ({
    path: '/v1/prompts',
    body: { name: 'greeting', text: 'Say hello.' },
    kind: 'prompt',
  }),
  'PUT /v1/prompts/:name/labels/:label': async () => {
    await server.call('POST', '/v1/prompts', { name: 'farewell', text: 'Say goodbye.' })
    return { path: '/v1/prompts/farewell/labels/production', body: { version: 1 }, kind: 'prompt' }
  },
  'POST /v1/keys': async () => ({ path: '/v1/keys', body: { agent: 'reader' }, kind: 'key' }),
  'DELETE /v1/keys/:id': async () => {
    const { id } = (await server.call('POST', '/v1/keys', { agent: 'reader' })).body
    return { path: `/v1/keys/${id}`, kind: 'key' }
  },
}

async function succeeded(more: { session?: string } = {}): Promise<{ id: string }> {
  const action = await server.propose('note.add', undefined, { start: true, ...more })
  const answer = await server.call('POST', `/v1/actions/${action.id}/outcome`, { outcome: 'succeeded' })
  expect(answer.status).toBe(200)
  return action
}

async function records(): Promise<{ readonly kind: string; readonly text: string }[]> {
  const { store } = server.harness
  const chains = await store.chains()
  return (await Promise.all(chains.map(({ chain }) => store.records(chain, 0, 10_000)))).flat()
}

const changing = KNOWN_ROUTES.filter((route) => {
  const [method, path] = route.split(' ') as [string, string]
  const needs = permissionFor(method, path)
  return method !== 'GET' && needs !== null && needs !== 'public'
})

test('every route by which a person changes something is here', () => {
  expect(changing.filter((route) => !LOOKS.includes(route) && !Object.hasOwn(ACTS, route))).toEqual([])
})

test.each(Object.keys(ACTS))('%s by a person is a record with who did it', async (route) => {
  expect(changing).toContain(route)
  const act = await (ACTS[route] as () => Promise<Act>)()
  const browser = route === 'POST /v1/logout' ? await logIn(server, APPROVER) : person
  const before = (await records()).length
  const answer = await browser.call(route.split(' ')[0]!, act.path, act.body)
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status: expect.toBeOneOf([200, 201, 202]),
  })
  const added = (await records()).slice(before)
  const said = added.filter(({ kind }) => kind === act.kind).map(({ text }) => JSON.parse(text))
  expect(said.length).toBeGreaterThan(0)
  expect(JSON.stringify(said)).toContain(`"${APPROVER}"`)
})

test('a test message is sent in the name of who asked for it', () => {
  expect(tested).toEqual([`slack ${APPROVER}`])
})
