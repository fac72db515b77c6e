import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/setup/http-server.ts'
import type { Recording } from '../../action/recording.ts'

let server: TestServer
let writer: string
beforeAll(async () => {
  server = await startTestServer()
  writer = await server.key('writer')
})
afterAll(() => server.close())

const RECORDING: Recording = {
  v: 1,
  door: 'http',
  method: 'POST',
  path: '/v1/actions',
  request: { action: 'note.add' },
  startedAt: 1,
  answer: null,
  withheld: 'too_large',
  masked: { request: 0, answer: 0 },
}

test('what was kept of a session is read action by action, and by no agent', async () => {
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    const { id } = await server.propose('note.add', writer, { session: 's-1' })
    await server.harness.flow.keepRecording(id, RECORDING)
    ids.unshift(id)
  }
  const read = vi.spyOn(server.harness.store, 'payloadsOf')
  const { status, body } = await server.call('GET', '/v1/sessions/s-1/recordings')
  expect(status).toBe(200)
  expect(body.items).toEqual(ids.map((action) => ({ action, agent: 'writer', recording: RECORDING })))
  expect(read.mock.calls.map(([asked]) => asked)).toEqual(ids.map((id) => [id]))
  const path = '/v1/sessions/s-1/recordings?agent=writer'
  expect((await server.call('GET', path, undefined, { token: writer })).status).toBe(403)
})
