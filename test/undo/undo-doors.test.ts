import { afterAll, beforeAll, expect, it } from 'vitest'
import { Belay } from '../../src/entry/sdk/belay.ts'
import { startTestServer, type TestServer } from '../setup/http-server.ts'

let server: TestServer
let belay: Belay
let key: string
const shared = new Map<string, number>()

beforeAll(async () => {
  server = await startTestServer({
    policy: `
version: 1
agents: { writer: {} }
actions:
  note.share: { effect: write, undo: { within: 1h } }
  note.print: { effect: irreversible }
`,
  })
  key = await server.key('writer')
  belay = await Belay.open({ url: server.url, key })
})

afterAll(async () => {
  await belay.close()
  await server.close()
})

async function share(note: string, session: string): Promise<string> {
  const guarded = belay.guard('note.share', {
    run: ({ note }: { note: string }, { id }) => {
      shared.set(note, 1)
      return { version: 1, action: id }
    },
    current: ({ note }) => ({ version: shared.get(note) ?? 0 }),
    undo: ({ note }, _result, { current }) => {
      expect(current).toEqual({ version: 1 })
      shared.delete(note)
    },
  })
  return (await guarded({ note }, { agent: 'writer', session })).action
}

const undo = (session: string, more: object = {}) =>
  server.call('POST', `/v1/sessions/${session}/undo`, { agent: 'writer', ...more })

it('undoes a session whose effects are those of an agent elsewhere, after it has looked at each', async () => {
  const ids = [await share('a', 'one'), await share('b', 'one')]
  expect((await undo('one', { preview: true })).body).toMatchObject({
    undoable: [
      { id: ids[1], action: 'note.share', how: 'agent', compared: false },
      { id: ids[0], how: 'agent' },
    ],
    stops_at: null,
  })
  expect((await undo('one')).body).toEqual({
    undone: ids.toReversed(),
    requested: [],
    refused: [],
    left: [],
    stopped_at: null,
  })
  expect(shared.size).toBe(0)
})

it('leaves alone what has changed since, and says what', async () => {
  const id = await share('c', 'two')
  shared.set('c', 7)
  const refused = await undo('two')
  expect(refused.body).toMatchObject({ undone: [], stopped_at: id, refused: [{ id, code: 'undo:failed' }] })
  expect(shared.get('c')).toBe(7)
  const { body } = await server.call('GET', `/v1/actions/${id}`)
  expect(body).toMatchObject({ state: 'succeeded', undo: { status: 'failed' } })
  const explained = await server.call('GET', `/v1/actions/${id}/explain`)
  expect(JSON.stringify(explained.body)).toContain('undo')
})

it('lets nobody but a person overwrite', async () => {
  const id = await share('d', 'three')
  const agent = await server.call('POST', `/v1/actions/${id}/undo`, { overwrite: true }, { token: key })
  expect(agent).toMatchObject({ status: 403, body: { code: 'auth:forbidden' } })
  const session = await server.call('POST', '/v1/sessions/three/undo', { agent: 'writer' }, { token: key })
  expect(session.status).toBe(403)
})

it('refuses what makes no sense', async () => {
  expect(await undo('nowhere')).toMatchObject({ status: 404, body: { code: 'session:not_found' } })
  expect(await server.call('POST', '/v1/sessions/one/undo', {})).toMatchObject({ status: 400 })
  const id = await share('e', 'four')
  expect(
    await server.call('POST', `/v1/actions/${id}/undo`, { current: {}, outcome: 'succeeded' }),
  ).toMatchObject({ status: 400 })
  expect(await server.call('POST', `/v1/actions/${id}/undo`, { current: {} })).toMatchObject({ status: 409 })
})
