import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let document: Json
beforeAll(async () => {
  server = await startTestServer()
  document = (await server.call('GET', '/openapi.json', undefined, { token: null })).body
})
afterAll(() => server.close())

test('is a valid OpenAPI 3.1 document', async () => {
  const result = await new Validator().validate(structuredClone(document))
  expect(result).toMatchObject({ valid: true })
  expect(document.openapi).toBe('3.1.0')
})

test('names every route of the server, and only those', async () => {
  const declared = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const expected = [
    'DELETE /v1/absences/{id}',
    'DELETE /v1/keys/{id}',
    'DELETE /v1/logins/{id}',
    'DELETE /v1/standing-approvals/{id}',
    'GET /healthz',
    'GET /login',
    'GET /metrics',
    'GET /openapi.json',
    'GET /readyz',
    'GET /v1/absences',
    'GET /v1/actions',
    'GET /v1/actions/{id}',
    'GET /v1/actions/{id}/explain',
    'GET /v1/agents',
    'GET /v1/agents/{name}/baseline',
    'GET /v1/agents/{name}/budget',
    'GET /v1/alarms',
    'GET /v1/alarms/{id}',
    'GET /v1/approvals',
    'GET /v1/approvals/{id}',
    'GET /v1/budgets',
    'GET /v1/channels',
    'GET /v1/events',
    'GET /v1/keys',
    'GET /v1/ledger/checkpoint',
    'GET /v1/ledger/export',
    'GET /v1/ledger/log/{chain}/checkpoint',
    'GET /v1/ledger/log/{chain}/tile/{*}',
    'GET /v1/ledger/logs',
    'GET /v1/ledger/proof/{action}',
    'GET /v1/login',
    'GET /v1/login/oidc',
    'GET /v1/login/oidc/callback',
    'GET /v1/logins',
    'GET /v1/me',
    'GET /v1/people',
    'GET /v1/policy',
    'GET /v1/policy/file',
    'GET /v1/prompts',
    'GET /v1/prompts/{name}',
    'GET /v1/prompts/{name}/versions/{version}',
    'GET /v1/quality/agreement',
    'GET /v1/quality/scores',
    'GET /v1/sessions/{id}/recordings',
    'GET /v1/sessions',
    'GET /v1/sessions/{id}',
    'GET /v1/standing-approvals',
    'GET /v1/standing-approvals/{id}',
    'GET /v1/stats',
    'GET /v1/stats/tags',
    'PATCH /v1/agents/{name}',
    'POST /v1/absences',
    'POST /v1/actions',
    'POST /v1/actions/{id}/cancel',
    'POST /v1/actions/{id}/exchanges',
    'POST /v1/actions/{id}/outcome',
    'POST /v1/actions/{id}/start',
    'POST /v1/actions/{id}/undo',
    'POST /v1/agents/{name}/baseline/accept',
    'POST /v1/alarms/{id}',
    'POST /v1/approvals/batch',
    'POST /v1/approvals/{id}',
    'POST /v1/approvals/{id}/break-glass',
    'POST /v1/approvals/{id}/delegate',
    'POST /v1/approvals/{id}/edit',
    'DELETE /v1/browsers/{id}',
    'GET /v1/actions/{id}/pictures/{when}',
    'GET /v1/browsers',
    'GET /v1/browsers/{id}/calls/{action}',
    'POST /v1/browsers',
    'GET /v1/agents/{name}/logs',
    'POST /v1/snippets',
    'POST /v1/browsers/{id}/calls',
    'POST /v1/sessions/{id}/undo',
    'POST /v1/channels/{name}/test',
    'POST /v1/keys',
    'POST /v1/ledger/erase',
    'POST /v1/ledger/purge',
    'POST /v1/ledger/erase/preview',
    'POST /v1/ledger/verify',
    'POST /v1/login',
    'POST /v1/login-links',
    'POST /v1/logout',
    'POST /v1/policy/backtest',
    'POST /v1/policy/lint',
    'POST /v1/prompts',
    'POST /v1/prompts/{name}/render',
    'POST /v1/standing-approvals',
    'POST /v1/standing-approvals/{id}/grant',
    'POST /v1/undos',
    'PUT /v1/prompts/{name}/labels/{label}',
  ]
  expect(declared.toSorted()).toEqual(expected.toSorted())
  for (const route of expected) {
    const [method, path] = route.split(' ') as ['GET', string]
    const exists = server.app.hasRoute({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1').replace('{*}', '*'),
    })
    expect({ route, exists }).toEqual({ route, exists: true })
  }
})

test('answers are what it says they are', async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'openapi', ...document })
  const check = async (method: string, path: string, template: string, body?: Json) => {
    const answer = await server.call(method, path, body)
    const operation = document.paths[template][method.toLowerCase()]
    const which = operation.responses[answer.status] === undefined ? 'default' : String(answer.status)
    const [media] = Object.keys(operation.responses[which].content)
    expect(answer.headers.get('content-type')).toContain(media)
    const pointer = ['paths', template, method.toLowerCase(), 'responses', which, 'content', media!, 'schema']
    const escaped = pointer
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const validate = ajv.compile({ $ref: `openapi#/${escaped}` })
    expect(validate(answer.body), `${method} ${path}: ${ajv.errorsText(validate.errors)}`).toBe(true)
    return answer.body
  }
  const propose = (action: string, more = {}) =>
    check('POST', '/v1/actions', '/v1/actions', {
      agent: 'metered',
      action,
      input: { a: 1 },
      session: 's',
      ...more,
    })
  const held = await propose('note.publish')
  const done = await propose('note.add', { start: true, cost_usd: 0.1 })
  const denied = await propose('nobody.knows')
  await check('POST', `/v1/actions/${done.id}/outcome`, '/v1/actions/{id}/outcome', {
    outcome: 'succeeded',
    result: [1],
  })
  await check('POST', `/v1/actions/${done.id}/undo`, '/v1/actions/{id}/undo')
  for (const { id } of [held, done, denied]) {
    await check('GET', `/v1/actions/${id}`, '/v1/actions/{id}')
    await check('GET', `/v1/actions/${id}/explain`, '/v1/actions/{id}/explain')
    await check('GET', `/v1/ledger/proof/${id}`, '/v1/ledger/proof/{action}')
  }
  await check('GET', '/v1/actions/act_none', '/v1/actions/{id}')
  await check('POST', '/v1/actions', '/v1/actions', { nonsense: true })
  await check('GET', `/v1/approvals/${held.approval.id}`, '/v1/approvals/{id}')
  const digest = { digest: (await server.call('GET', `/v1/approvals/${held.approval.id}`)).body.digest }
  await check('POST', '/v1/approvals/batch', '/v1/approvals/batch', {
    items: [{ id: held.approval.id, ...digest }],
    outcome: 'approve',
  })
  const standing = await check('POST', '/v1/standing-approvals', '/v1/standing-approvals', {
    agent: 'metered',
    action: 'note.publish',
    targets: ['blog'],
    input: { a: { min: 1 } },
    max_count: 1,
    max_sum: { path: 'a', limit: 10 },
    expires_in: '1h',
    reason: 'a test',
  })
  await check('GET', `/v1/standing-approvals/${standing.id}`, '/v1/standing-approvals/{id}')
  await check('DELETE', `/v1/standing-approvals/${standing.id}`, '/v1/standing-approvals/{id}')
  const absence = await check('POST', '/v1/absences', '/v1/absences', {
    person: 'lead@example.com',
    substitute: 'second@example.com',
    until: new Date(Date.now() + 60_000).toISOString(),
  })
  for (const path of [
    '/v1/actions',
    '/v1/standing-approvals',
    '/v1/absences',
    '/v1/approvals',
    '/v1/agents',
    '/v1/keys',
    '/v1/policy',
    '/v1/policy/file',
    '/v1/ledger/checkpoint',
    '/healthz',
    '/readyz',
    '/login',
    '/v1/login',
    '/v1/me',
    '/v1/logins',
    '/v1/people',
    '/v1/channels',
    '/v1/login/oidc',
  ]) {
    await check('GET', path, path)
  }
  await check('DELETE', `/v1/absences/${absence.id}`, '/v1/absences/{id}')
  await check('GET', '/v1/agents/metered/budget?session=s', '/v1/agents/{name}/budget')
  await check('PATCH', '/v1/agents/reader', '/v1/agents/{name}', { state: 'paused', reason: 'x' })
  const link = await check('POST', '/v1/login-links', '/v1/login-links')
  await check('POST', '/v1/login', '/v1/login', { token: link.token })
  await check('DELETE', `/v1/logins/${link.id}`, '/v1/logins/{id}')
  const key = await check('POST', '/v1/keys', '/v1/keys', { agent: 'reader' })
  await check('DELETE', `/v1/keys/${key.id}`, '/v1/keys/{id}')
  await check('POST', '/v1/ledger/verify', '/v1/ledger/verify')
  await check('POST', '/v1/ledger/erase', '/v1/ledger/erase', { action: done.id })
  await check('POST', '/v1/undos', '/v1/undos', { agent: 'metered', since: '1h' })
})
