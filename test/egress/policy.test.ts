import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { bodyOf, openWorld, problemOf, request, statusOf, type World } from './world.ts'

let world: World
afterEach(() => world.close())
const EGRESS = `agents: { robot: { egress: [{ host: api.example.com, upstream: 'http://SERVER', rate: { limit: 4, per: hour } }] } }`
const GET = (path: string) => request('GET', `http://api.example.com${path}`)

describe('entries of actions', () => {
  it('add checks, approvals and checks of answers to what egress admits', async () => {
    world = await openWorld({
      policy: `version: 1
${EGRESS}
approvers: { ops: { members: [ann] } }
actions:
  http.POST:
    verify: [{ secrets: {} }]
    approve: [{ when: 'input.path == "/held"', by: [ops], expires: 1h }]
    approval_wait: 1ms
  http.GET:
    effect: read
    result:
      verify:
        - { rule: { when: 'has(result.text) && result.text.contains("forbidden")', code: 'own:forbidden', message: Not for agents. } }
`,
      answer: (asked, response) => response.end(asked.url === '/bad' ? 'forbidden words' : 'fine words'),
    })
    expect(bodyOf(await world.raw(GET('/good')))).toBe('fine words')
    const bad = await world.raw(GET('/bad'))
    expect(problemOf(bad)['code']).toBe('own:forbidden')
    expect(bad).not.toContain('forbidden words')

    const held = await world.raw(request('POST', 'http://api.example.com/held', {}, '{"a":1}'))
    const { code, approval } = problemOf(held)
    expect([statusOf(held), code]).toEqual([403, 'egress:held'])
    expect(world.asked).toHaveLength(2)
    await world.harness.flow.vote(String(approval), { by: 'ann', outcome: 'approve' })
    // Another body is another request, which nobody has approved.
    expect(statusOf(await world.raw(request('POST', 'http://api.example.com/held', {}, '{"a":2}')))).toBe(403)
    expect(statusOf(await world.raw(request('POST', 'http://api.example.com/held', {}, '{"a":1}')))).toBe(200)
    expect(world.asked.map(({ body }) => body)).toEqual(['', '', '{"a":1}'])
    // Once approved, once sent; and by now the rate of the entry is used up.
    const late = await world.raw(request('POST', 'http://api.example.com/held', {}, '{"a":1}'))
    expect(statusOf(late)).toBe(403)
  })

  it('refuse a body that their checks cannot read, unless the entry of egress says so', async () => {
    world = await openWorld({
      policy: `version: 1
agents:
  robot:
    egress:
      - { host: a.example.com, upstream: 'http://SERVER' }
      - { host: b.example.com, upstream: 'http://SERVER', unread_body: allow }
actions: { http.POST: { verify: [{ secrets: {} }] } }
`,
    })
    for (const [body, headers] of [
      ['\xff\xfe\x00', {}],
      ['text', { 'Content-Encoding': 'gzip' }],
      ['x'.repeat(300_000), {}],
    ] as const) {
      const bytes = Buffer.from(body, 'latin1')
      const head = (host: string) =>
        Buffer.from(
          request('POST', `http://${host}/`, { ...headers, 'Content-Length': String(bytes.length) }),
          'latin1',
        )
      const refused = await world.raw(Buffer.concat([head('a.example.com'), bytes]))
      expect(problemOf(refused)['code']).toBe('egress:unread_body')
      expect(statusOf(await world.raw(Buffer.concat([head('b.example.com'), bytes])))).toBe(200)
    }
    expect(world.asked).toHaveLength(3)
  })

  it('cannot admit what egress does not', async () => {
    world = await openWorld({
      policy: `version: 1\ndefaults: { decision: allow }\nagents: { robot: {} }\nactions: { '*': {} }\n`,
    })
    expect(problemOf(await world.raw(GET('/')))['code']).toBe('egress:no_entry')
  })

  it('are bounded by the rate of the entry', async () => {
    world = await openWorld({ policy: `version: 1\n${EGRESS}\n` })
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push(statusOf(await world.raw(GET('/'))))
    expect(statuses).toEqual([200, 200, 200, 200, 403, 403])
  })
})

describe('where a name leads', () => {
  it('is never private, this machine or nobody, whatever else it leads to', async () => {
    let address = ''
    world = await openWorld({
      policy: `version: 1\nagents: { robot: { egress: [{ host: '*.example.com' }] } }\n`,
      egress: { resolve: async () => ['93.184.215.14', address] },
    })
    const bad = [
      '127.0.0.1',
      '169.254.169.254',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.0.1',
      '100.64.0.1',
      '198.18.0.2',
    ]
    const bad6 = [
      '::1',
      '::',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      'fd00::1',
      'fe80::1',
      'ff02::1',
    ]
    for (const [at, one] of [...bad, ...bad6, '0.0.0.0', '224.0.0.1', 'nonsense'].entries()) {
      address = one
      const answer = await world.raw(request('GET', `http://n${at}.example.com/`))
      expect([one, statusOf(answer), problemOf(answer)['code']]).toEqual([one, 403, 'egress:private_address'])
    }
    await world.settled()
    expect(new Set((await world.actions()).map(({ state }) => state.name))).toEqual(new Set(['failed']))
  })

  it('is asked for nobody whom the policy refuses', async () => {
    const names: string[] = []
    world = await openWorld({
      policy: `version: 1\nagents: { robot: { egress: [{ host: api.example.com }] } }\n`,
      egress: { resolve: async (name) => (names.push(name), []) },
    })
    await world.raw(request('GET', 'http://secret.evil.test/'))
    expect(names).toEqual([])
    expect(problemOf(await world.raw(GET('/')))['code']).toBe('egress:unknown_address')
    expect(names).toEqual(['api.example.com'])
  })

  it('may be private where the entry says so, and is looked up once', async () => {
    let asked = 0
    world = await openWorld({
      policy:
        `version: 1\nagents: { robot: { egress: [{ host: api.example.com, upstream: 'http://inner:PORT' }] } }\n`.replace(
          'PORT',
          '1',
        ),
      egress: { resolve: async () => (asked++, ['127.0.0.1']) },
    })
    await world.raw(GET('/'))
    await world.raw(GET('/'))
    expect(asked).toBe(1)
    await world.settled()
    expect((await world.actions()).map(({ state }) => state.name)).toEqual(['failed', 'failed'])
  })
})

describe('models', () => {
  it('are asked of the model gateway, with the key of the agent', async () => {
    const calls: [string, unknown, unknown][] = []
    const models = createServer((asked, response) => {
      calls.push([asked.url!, asked.headers.authorization, asked.headers['belay-session']])
      asked.resume()
      response.statusCode = asked.url!.startsWith('/groq') ? 403 : 200
      response.end('{"error":{"code":"budget:day"}}')
    })
    await new Promise<void>((resolve) => models.listen(0, '127.0.0.1', resolve))
    const quotas: string[] = []
    world = await openWorld({
      policy: 'version: 1\n',
      egress: {
        models: { url: `http://127.0.0.1:${(models.address() as AddressInfo).port}`, key: 'blk_own' },
        onQuota: (cause) => quotas.push(cause),
      },
    })
    const keys = { Authorization: 'Bearer sk-made-up', 'X-Api-Key': 'made-up', 'Belay-Session': 'other' }
    await world.raw(request('POST', 'http://api.openai.com/v1/chat/completions', keys, '{}'))
    await world.raw(request('POST', 'http://api.anthropic.com/v1/messages', keys, '{}'))
    await world.raw(
      request('POST', 'http://generativelanguage.googleapis.com/v1beta/models/x:generateContent', keys, '{}'),
    )
    expect(quotas).toEqual([])
    await world.raw(request('POST', 'http://api.groq.com/openai/v1/chat/completions', keys, '{}'))
    expect(calls.map(([url]) => url)).toEqual([
      '/openai/v1/chat/completions',
      '/anthropic/v1/messages',
      '/gemini/v1beta/models/x:generateContent',
      '/groq/v1/chat/completions',
    ])
    expect(new Set(calls.map(([, key, session]) => `${String(key)} ${String(session)}`))).toEqual(
      new Set(['Bearer blk_own run-1']),
    )
    expect(quotas).toEqual(['budget'])
    models.close()
    models.closeAllConnections()
  })
})

describe('the quota of requests', () => {
  it('ends in refusals, and is told once', async () => {
    const quotas: string[] = []
    world = await openWorld({
      policy: `version: 1\n${EGRESS}\n`,
      egress: { requests: 2, onQuota: (cause) => quotas.push(cause) },
    })
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push(statusOf(await world.raw(GET('/'))))
    expect(statuses).toEqual([200, 200, 403, 403])
    expect(quotas).toEqual(['requests'])
    expect(world.egress.counts()).toMatchObject({ requests: 4, refused: 2 })
  })
})
