import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let agent: string
beforeAll(async () => {
  server = await startTestServer()
  agent = await server.key('writer')
})
afterAll(() => server.close())

const push = (body: Json, options = {}) => server.call('POST', '/v1/prompts', body, options)

test('versions come, labels move, and each is a record of who did it', async () => {
  const first = await push({ name: 'greet', text: 'Hello {{name}}', config: { model: 'small' }, note: 'new' })
  expect(first.status).toBe(201)
  expect(first.body).toMatchObject({
    name: 'greet',
    version: 1,
    kind: 'text',
    text: 'Hello {{name}}',
    config: { model: 'small' },
    variables: ['name'],
    labels: ['latest'],
    note: 'new',
    created_by: 'admin',
  })
  const same = await push({
    name: 'greet',
    text: 'Hello {{name}}',
    config: { model: 'small' },
    note: 'again',
  })
  expect([same.status, same.body.version, same.body.note]).toEqual([200, 1, 'new'])
  const changed = await push(
    { name: 'greet', text: 'Hi {{name}}', labels: ['production'] },
    { headers: { 'belay-acting-as': 'ann@example.com' } },
  )
  expect(changed.body).toMatchObject({ version: 2, labels: ['production', 'latest'] })
  expect((await push({ name: 'greet', text: 'Hi {{name}}', config: { model: 'large' } })).body.version).toBe(
    3,
  )

  const moved = await server.call('PUT', '/v1/prompts/greet/labels/production', { version: 1 })
  expect(moved.body).toMatchObject({ version: 1, labels: ['production'] })
  await server.call('PUT', '/v1/prompts/greet/labels/production', { version: 1 })

  const { body: list } = await server.call('GET', '/v1/prompts', undefined, { token: agent })
  expect(list.items).toMatchObject([
    { name: 'greet', version: 3, labels: [{ label: 'production', version: 1, moved_by: 'admin' }] },
  ])
  const { body: one } = await server.call('GET', '/v1/prompts/greet')
  expect(one.versions.map((each: Json) => [each.version, each.labels, each.created_by])).toEqual([
    [3, ['latest'], 'admin'],
    [2, [], 'ann@example.com'],
    [1, ['production'], 'admin'],
  ])
  expect((await server.call('GET', '/v1/prompts/greet/versions/2')).body.text).toBe('Hi {{name}}')

  const { store } = server.harness
  const [chain] = await store.chains()
  const records = (await store.records(chain!.chain, 0, 1000)).filter(({ kind }) => kind === 'prompt')
  expect(records.map(({ text }) => JSON.parse(text))).toMatchObject([
    {
      event: 'version',
      by: 'admin',
      prompt: { name: 'greet', version: 1, digest: first.body.digest },
      note: 'new',
    },
    { event: 'version', by: 'ann@example.com', prompt: { version: 2 } },
    { event: 'label', by: 'ann@example.com', label: 'production', from: null, prompt: { version: 2 } },
    { event: 'version', prompt: { version: 3 } },
    { event: 'label', label: 'production', from: 2, prompt: { version: 1 } },
  ])
  expect(records.map(({ text }) => text).join('')).not.toContain('Hello')
})

test('is rendered by agents, by version or label', async () => {
  await push({
    name: 'chat',
    messages: [
      { role: 'system', content: 'You sell {{what}}.' },
      { role: 'user', content: '{{question}}' },
    ],
    labels: ['production'],
  })
  await push({ name: 'chat', messages: [{ role: 'system', content: 'New.' }] })
  const render = (body: Json) => server.call('POST', '/v1/prompts/chat/render', body, { token: agent })
  const { status, body } = await render({ label: 'production', variables: { what: 'tea', question: true } })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    ref: 'chat@1',
    version: 1,
    messages: [
      { role: 'system', content: 'You sell tea.' },
      { role: 'user', content: 'true' },
    ],
    config: {},
  })
  expect((await render({})).body).toMatchObject({ ref: 'chat@2' })
  expect((await render({ version: 1, variables: { what: 'tea' } })).body).toMatchObject({
    code: 'prompt:variables',
    detail: 'The prompt chat takes question, what; missing: question.',
  })
  expect((await render({ version: 1, label: 'production' })).body.code).toBe('input:invalid')
  expect((await render({ version: 9 })).body).toMatchObject({ status: 404, code: 'prompt:not_found' })
  expect((await render({ label: 'nowhere' })).body).toMatchObject({ status: 404, code: 'prompt:not_found' })
  const nested = { version: 1, variables: { what: { deep: 1 }, question: '' } }
  expect((await render(nested)).body.code).toBe('input:invalid')
  const long = 'x'.repeat(600_000)
  const huge = await render({ version: 1, variables: { what: long, question: long } })
  expect([huge.status, huge.body.code]).toEqual([413, 'input:too_large'])
})

test.each([
  [{ name: 'x' }, 400, 'input:invalid'],
  [{ name: 'x', text: 'a', messages: [{ role: 'user', content: 'b' }] }, 400, 'input:invalid'],
  [{ name: 'x', text: '   ' }, 400, 'prompt:invalid'],
  [{ name: 'x', text: '{{a b}}' }, 400, 'prompt:invalid'],
  [{ name: 'a/b', text: 'x' }, 400, 'input:invalid'],
  [{ name: 'x', text: 'a', labels: ['latest'] }, 400, 'prompt:label_reserved'],
  [{ name: 'x', text: 'a', labels: ['7'] }, 400, 'input:invalid'],
  [{ name: 'x', messages: [] }, 400, 'input:invalid'],
  [{ name: 'x', messages: [{ role: 'tool', content: 'a' }] }, 400, 'input:invalid'],
  [{ name: 'x', text: 'a', config: { big: 'x'.repeat(40_000) } }, 413, 'input:too_large'],
])('%j is refused', async (body, status, code) => {
  const answer = await push(body)
  expect([answer.status, answer.body.code]).toEqual([status, code])
  expect((await server.call('GET', '/v1/prompts/x')).status).toBe(404)
})

test('an agent reads and changes nothing', async () => {
  expect((await push({ name: 'mine', text: 'x' }, { token: agent })).body.code).toBe('auth:forbidden')
  const moved = await server.call(
    'PUT',
    '/v1/prompts/chat/labels/production',
    { version: 2 },
    { token: agent },
  )
  expect(moved.body.code).toBe('auth:forbidden')
  const latest = await server.call('PUT', '/v1/prompts/chat/labels/latest', { version: 1 })
  expect(latest.body.code).toBe('prompt:label_reserved')
  const none = await server.call('PUT', '/v1/prompts/chat/labels/production', { version: 99 })
  expect(none.body.code).toBe('prompt:not_found')
})

test('pushed at once from many sides, versions have no gaps and no doubles', async () => {
  const texts = Array.from({ length: 30 }, (_, n) => `text ${n % 10}`)
  const answers = await Promise.all(texts.map((text) => push({ name: 'rush', text })))
  expect(new Set(answers.map(({ status }) => status).filter((status) => status > 201)).size).toBe(0)
  const { body } = await server.call('GET', '/v1/prompts/rush')
  const numbers = body.versions.map((each: Json) => each.version as number)
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => numbers.length - n))
})

test('what became of actions with each version stands beside it', async () => {
  await push({ name: 'counted', text: 'One' })
  await push({ name: 'counted', text: 'Two' })
  const done = async (prompt: string, outcome: string): Promise<void> => {
    const action = await server.propose('note.add', agent, { prompt, start: true })
    await server.call(
      'POST',
      `/v1/actions/${action.id}/outcome`,
      { outcome, cost_usd: 0.5 },
      { token: agent },
    )
  }
  await done('counted@1', 'succeeded')
  await done('counted@1', 'failed')
  await done('counted', 'succeeded')
  const { body } = await server.call('GET', '/v1/prompts/counted')
  expect(body.versions.map((each: Json) => [each.version, each.stats])).toMatchObject([
    [2, { actions: 1, outcomes: { succeeded: 1, failed: 0 }, cost_usd: 0.5 }],
    [1, { actions: 2, outcomes: { succeeded: 1, failed: 1 }, cost_usd: 1 }],
  ])
  const reader = await server.key('reader')
  const other = await server.call('GET', '/v1/prompts/counted', undefined, { token: reader })
  expect(other.body.versions.map((each: Json) => each.stats)).toEqual([null, null])
  expect((await server.call('GET', '/v1/prompts/greet')).body.versions[0].stats).toBeNull()
})
