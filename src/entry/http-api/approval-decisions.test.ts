import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { APPROVER, startTestServer } from '../../../test/setup/http-server.ts'
import type { TestServer } from '../../../test/setup/http-server.ts'
import { logIn } from '../../../test/setup/people.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const held = async () => (await server.propose('note.publish')) as { id: string; approval: { id: string } }

test('one that no longer waits says who decided and by which way, whatever became of it', async () => {
  const { id, approval } = await held()
  const path = `/v1/approvals/${approval.id}`
  const person = await logIn(server, APPROVER, ['approver'])
  expect((await server.call('GET', path)).body.decisions).toBeUndefined()
  expect((await person.call('POST', path, { outcome: 'approve' })).status).toBe(200)

  const decided = [{ by: APPROVER, outcome: 'approve', via: 'console' }]
  expect((await server.call('GET', path)).body).toMatchObject({ state: 'closed', decisions: decided })
  await server.call('POST', `/v1/actions/${id}/start`, {})
  expect((await server.call('GET', path)).body).toMatchObject({ state: 'closed', decisions: decided })
  await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded' })
  const { body } = await server.call('GET', path)
  expect(body.decisions).toMatchObject(decided)
  expect(Date.parse(body.decisions[0].at)).toBeLessThanOrEqual(Date.now())
  const { timeline } = (await server.call('GET', `/v1/actions/${id}/explain`)).body
  expect(timeline.map(({ what }: { what: string }) => what)).toContain(
    `vote by ${APPROVER} (console) → ready`,
  )
})

test('a rejection by the API carries its way, and agents do not learn who decided', async () => {
  const writer = await server.key('writer')
  const { approval } = await held()
  const path = `/v1/approvals/${approval.id}`
  await server.call('POST', path, { outcome: 'reject' }, { headers: { 'belay-acting-as': APPROVER } })
  expect((await server.call('GET', path)).body.decisions).toMatchObject([
    { by: APPROVER, outcome: 'reject', via: 'api' },
  ])
  expect((await server.call('GET', path, undefined, { token: writer })).body.decisions).toBeUndefined()
})

test('votes of an approval that an edit voided stay with that one', async () => {
  const { id, approval } = await held()
  await server.call('POST', `/v1/approvals/${approval.id}/edit`, { input: { text: 'other' } })
  const again = (await server.call('GET', `/v1/actions/${id}`)).body.approval.id
  expect(again).not.toBe(approval.id)
  await server.call(
    'POST',
    `/v1/approvals/${again}`,
    { outcome: 'approve' },
    { headers: { 'belay-acting-as': APPROVER } },
  )
  const decisions = async (which: string) =>
    (await server.call('GET', `/v1/approvals/${which}`)).body.decisions
  expect(await decisions(again)).toHaveLength(1)
})

test('a fault in one decision of a batch hides nothing of what became of the others', async () => {
  const all = await Promise.all([held(), held(), held()])
  const items = await Promise.all(
    all.map(async ({ approval: { id } }) => ({
      id,
      digest: (await server.call('GET', `/v1/approvals/${id}`)).body.digest,
    })),
  )
  const { flow } = server.harness
  const vote = flow.vote.bind(flow)
  const failing = vi.spyOn(flow, 'vote').mockImplementation((id, how) => {
    if (id === all[1].approval.id) throw new TypeError('secret of the disk')
    return vote(id, how)
  })
  const input = vi.spyOn(flow, 'input').mockImplementation((action) => {
    if (action.id === all[2].id) throw new Error('secret of the disk')
    return Promise.resolve({})
  })
  try {
    const { status, body } = await server.call(
      'POST',
      '/v1/approvals/batch',
      {
        outcome: 'approve',
        items,
      },
      { headers: { 'belay-acting-as': APPROVER } },
    )
    expect(status).toBe(200)
    expect(body.items).toMatchObject([
      { recorded: true, action: { state: 'ready' } },
      { recorded: false, problem: { code: 'server:fault', status: 500 } },
      { recorded: true, problem: { code: 'server:fault' } },
    ])
    expect(JSON.stringify(body)).not.toContain('secret')
  } finally {
    failing.mockRestore()
    input.mockRestore()
  }
  const states = await Promise.all(
    all.map(async ({ id }) => (await server.harness.store.action(id))?.state.name),
  )
  expect(states).toEqual(['ready', 'held', 'ready'])
})
