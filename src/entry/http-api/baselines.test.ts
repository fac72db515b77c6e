import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'
import { logIn } from '../../../test/setup/people.ts'

const POLICY = `
version: 1
agents:
  looper: { anomaly: { then: pause, expect: 5000 per hour } }
  quiet: { anomaly: { then: alert } }
  free: {}
actions: { note.add: { effect: write } }
people: { roles: { operator: [olga@example.com] } }
`

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ policy: POLICY })
})
afterAll(() => server.close())

const normal = (agent: string, token?: string) =>
  server.call('GET', `/v1/agents/${agent}/baseline`, undefined, token === undefined ? {} : { token })
const agentNow = async (name: string): Promise<Json> =>
  (await server.call('GET', '/v1/agents')).body.items.find((one: Json) => one.name === name)
/** The same call again; answers the codes of its reasons. */
const again = async (): Promise<string[]> =>
  (await server.propose('note.add', undefined, { agent: 'looper', input: { text: 'the same' } })).reasons.map(
    ({ code }: Json) => code,
  )

test('what is not watched, not seen yet, or not there is told as such', async () => {
  expect((await normal('free')).body).toEqual({ watched: false, since: null, lines: [], week: [] })
  expect((await normal('quiet')).body).toEqual({ watched: true, since: null, lines: [], week: [] })
  expect(await normal('nobody')).toMatchObject({ status: 404, body: { code: 'agent:not_found' } })
  // Another agent's behaviour looks like that of one that does not exist.
  expect(await normal('looper', await server.key('quiet'))).toMatchObject({ status: 404 })
  expect(await normal('quiet', await server.key('quiet'))).toMatchObject({ status: 200 })
})

test('a loop pauses; accepting it says that it is normal, lets the agent go on, and is recorded', async () => {
  let codes: readonly string[] = []
  let calls = 0
  while (!codes.includes('anomaly:repeat') && calls++ < 30) codes = await again()
  expect(calls).toBeLessThanOrEqual(20)
  expect(await agentNow('looper')).toMatchObject({ state: 'paused', changed_by: 'anomaly' })
  const { lines, week, since } = (await normal('looper')).body
  expect(Date.parse(since)).toBeLessThanOrEqual(Date.now())
  expect(week).toHaveLength(168)
  const rate = lines.find((line: Json) => line.action === null && line.measure === 'rate')
  expect(rate).toMatchObject({ unit: 'per_hour', normal: 5000, now: calls, unusual: false })
  expect(lines).toContainEqual(expect.objectContaining({ action: 'note.add', measure: 'denied' }))

  const path = '/v1/agents/looper/baseline/accept'
  for (const body of [{}, { reason: '' }, { reason: 'x'.repeat(1_001) }, { reason: 'x', more: 1 }])
    expect(await server.call('POST', path, body)).toMatchObject({ status: 400 })
  expect(
    await server.call('POST', path, { reason: 'x' }, { token: await server.key('looper') }),
  ).toMatchObject({
    status: 403,
  })
  const viewer = await logIn(server, 'viewer@example.com', ['viewer'])
  expect((await viewer.call('POST', path, { reason: 'x' })).status).toBe(403)
  expect(await agentNow('looper')).toMatchObject({ state: 'paused' })

  const olga = await logIn(server, 'olga@example.com')
  expect(await olga.call('POST', path, { reason: 'it polls' })).toMatchObject({
    status: 200,
    body: { name: 'looper', state: 'active', changed_by: 'olga@example.com' },
  })
  for (let call = 0; call < 5; call++) expect(await again()).not.toContain('anomaly:repeat')
  expect(await agentNow('looper')).toMatchObject({ state: 'active', reason: 'accepted as normal: it polls' })
  for (const agent of ['free', 'nobody'])
    expect(await server.call('POST', `/v1/agents/${agent}/baseline/accept`, { reason: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'agent:not_found' },
    })
})
