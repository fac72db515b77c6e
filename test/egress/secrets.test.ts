import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Scrubber } from '../../src/entry/egress/scrubber.ts'
import { bodyOf, openWorld, problemOf, request, statusOf, type World } from './world.ts'

const KEY = 'ghp_S3cretValue/0123+456789'
const POLICY = `version: 1
agents:
  robot:
    egress:
      - { host: api.example.com, upstream: 'http://SERVER' }
      - { host: other.example.com, upstream: 'http://SERVER' }
      - { host: plain.example.com, private: true }
secrets:
  TOKEN: { value: $REAL, hosts: [api.example.com, plain.example.com] }
  NOT_MINE: { value: another-secret-value, hosts: [api.example.com], agents: [somebody] }
`
let world: World
beforeAll(async () => {
  world = await openWorld({
    policy: POLICY,
    egress: { env: { REAL: KEY } },
    answer(asked, response, body) {
      const echo = asked.headers['x-echo'] ?? ''
      response.setHeader('x-echoed', echo)
      if (asked.url === '/zip') response.setHeader('content-encoding', 'gzip')
      if (asked.url === '/pieces') {
        for (const letter of `before ${String(echo)} after`) response.write(letter)
        response.end()
      } else response.end(`you sent ${String(asked.headers.authorization)} ${String(echo)} ${body}`)
    },
  })
})
afterAll(() => world.close())
beforeEach(() => {
  world.asked.length = 0
})

describe('a secret', () => {
  it('is a placeholder in the environment, and only for the agents it is for', () => {
    expect(world.egress.env['TOKEN']).toMatch(/^belay_TOKEN_[0-9a-f]{32}$/)
    expect(world.egress.env['NOT_MINE']).toBeUndefined()
    expect(JSON.stringify(world.egress.env)).not.toContain(KEY)
  })

  it('goes into headers toward its hosts, also inside Basic', async () => {
    const placeholder = world.egress.env['TOKEN']!
    await world.raw(request('GET', 'http://api.example.com/', { Authorization: `Bearer ${placeholder}` }))
    const basic = Buffer.from(`user:${placeholder}`).toString('base64')
    await world.raw(request('GET', 'http://api.example.com/', { Authorization: `Basic ${basic}` }))
    expect(world.asked.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${KEY}`,
      `Basic ${Buffer.from(`user:${KEY}`).toString('base64')}`,
    ])
    const [action] = await world.actions()
    expect(await world.harness.flow.input(action!)).toMatchObject({ secrets: ['TOKEN'] })
  })

  it.each(['/', '/pieces'])('does not come back in an answer: %s', async (path) => {
    const placeholder = world.egress.env['TOKEN']!
    const answer = await world.raw(
      request('GET', `http://api.example.com${path}`, {
        Authorization: `Bearer ${placeholder}`,
        'X-Echo': placeholder,
      }),
    )
    expect(statusOf(answer)).toBe(200)
    expect(world.asked[0]!.headers['x-echo']).toBe(KEY)
    expect(answer.replace(/\r\n[0-9a-f]+\r\n/g, '')).not.toContain(KEY)
    expect(answer).toContain('*'.repeat(KEY.length))
  })

  it('does not hide in an answer that is compressed unasked', async () => {
    const answer = await world.raw(request('GET', 'http://api.example.com/zip'))
    expect(problemOf(answer)['code']).toBe('egress:unreadable_answer')
    expect(world.asked[0]!.headers['accept-encoding']).toBe('identity')
  })

  it.each([
    ['another host', 'http://other.example.com/', { 'X-A': 'PLACE' }, '', 'egress:secret_elsewhere'],
    [
      'another host, inside Basic',
      'http://other.example.com/',
      { Authorization: 'BASIC' },
      '',
      'egress:secret_elsewhere',
    ],
    ['the address', 'http://api.example.com/?token=PLACE', {}, '', 'egress:secret_misplaced'],
    ['the body', 'http://api.example.com/', {}, 'token=PLACE', 'egress:secret_misplaced'],
    ['a large body', 'http://api.example.com/', {}, `${'x'.repeat(400_000)}PLACE`, 'egress:secret_misplaced'],
    ['a connection in clear', 'http://plain.example.com/', { 'X-A': 'PLACE' }, '', 'egress:secret_in_clear'],
  ])('never goes into %s', async (_name, url, headers, body, code) => {
    const placeholder = world.egress.env['TOKEN']!
    const basic = `Basic ${Buffer.from(`user:${placeholder}`).toString('base64')}`
    const fill = (text: string) => text.replace('PLACE', placeholder).replace('BASIC', basic)
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]))
    const answer = await world.raw(request(body === '' ? 'GET' : 'POST', fill(url), sent, fill(body)))
    expect(statusOf(answer)).toBe(403)
    expect(problemOf(answer)['code']).toBe(code)
    expect(JSON.stringify(world.asked)).not.toContain(KEY)
    expect(world.asked.some((asked) => asked.body.includes(placeholder))).toBe(false)
  })

  it('stands nowhere in the data folder', async () => {
    await world.settled()
    const found = readdirSync(world.data, { recursive: true, encoding: 'utf8' })
      .map((name) => join(world.data, name))
      .filter((path) => statSync(path).isFile() && readFileSync(path).includes(KEY))
    expect(found).toEqual([])
  })

  it('that is missing keeps the agent from starting', async () => {
    await expect(openWorld({ policy: POLICY, egress: { env: {} } })).rejects.toMatchObject({
      code: 'egress:secret_missing',
    })
  })
})

describe('the scrubber', () => {
  it('finds a text however the pieces are cut', () => {
    const text = 'a secretsecret b secre c secret'
    for (let size = 1; size <= text.length; size++) {
      const scrubber = new Scrubber(['secret'])
      let out = ''
      for (let at = 0; at < text.length; at += size)
        out += scrubber.push(Buffer.from(text.slice(at, at + size))).toString()
      out += scrubber.end().toString()
      expect(out).toBe('a ************ b secre c ******')
    }
  })
})

describe('bodies', () => {
  it('of answers come back whole', async () => {
    expect(bodyOf(await world.raw(request('POST', 'http://other.example.com/', {}, 'x')))).toContain(' x')
  })
})
