import { describe, expect, it } from 'vitest'
import { loadPolicy } from './load-policy.ts'

const load = (text: string) => loadPolicy({ text: `version: 1\n${text}`, path: null }, { checks: [] })

describe('egress', () => {
  it('is compiled with its defaults', () => {
    const { policy, faults } = load(
      "agents: { a: { egress: [{ host: '*.example.com', methods: [GET], rate: { limit: 3, per: hour } }] } }",
    )
    expect(faults).toEqual([])
    expect(policy!.agent('a')!.egress).toMatchObject([
      {
        host: '*.example.com',
        rate: { limit: 3, per: 'hour' },
        private: false,
        tls: 'intercept',
        unreadBody: 'deny',
      },
    ])
    expect(policy!.agent('b')).toBeUndefined()
  })

  it('leaves an agent without egress closed, not open', () => {
    expect(load('agents: { a: {} }').policy!.agent('a')!.egress).toBeNull()
  })

  it('reads requests as reads or writes where actions say nothing', () => {
    const { policy } = load('actions: { http.POST: { effect: irreversible } }')
    expect(policy!.action('http.GET')?.effect).toBe('read')
    expect(policy!.action('http.DELETE')?.effect).toBe('write')
    expect(policy!.action('http.POST')?.effect).toBe('irreversible')
    expect(policy!.action('http.get')).toBeUndefined()
    expect(policy!.action('mail.send')).toBeUndefined()
  })

  it.each([
    ['EXAMPLE.com', 'lower case'],
    ['127.0.0.1', 'never admitted'],
    ['a.*.com', 'beginning'],
    ['https://x.test', 'host'],
    ['x.test:443', 'host'],
    ['a..b', 'host'],
  ])('refuses the host %s', (host, expected) => {
    const { policy, faults } = load(`agents: { a: { egress: [{ host: '${host}' }] } }`)
    expect(policy).toBeNull()
    expect(faults[0]).toMatchObject({ code: 'policy:egress', line: 2 })
    expect(faults[0]!.expected).toContain(expected)
  })

  it('refuses methods or paths of bytes that nobody reads', () => {
    const { faults } = load('agents: { a: { egress: [{ host: x.test, tls: passthrough, methods: [GET] }] } }')
    expect(faults.map(({ code }) => code)).toEqual(['policy:egress'])
  })

  it.each(['ftp://x.test', 'http://x.test/path', 'http://u:p@x.test'])('refuses the upstream %s', (url) => {
    expect(load(`agents: { a: { egress: [{ host: x.test, upstream: '${url}' }] } }`).policy).toBeNull()
  })
})

describe('secrets', () => {
  const KEY = 'ghp_0123456789abcdef'

  it('are compiled, and hidden in what is shown', () => {
    const { policy } = load(`secrets: { GITHUB_TOKEN: { value: ${KEY}, hosts: [api.github.com] } }`)
    expect(policy!.secrets).toMatchObject([{ name: 'GITHUB_TOKEN', value: KEY, hosts: ['api.github.com'] }])
    expect(JSON.stringify(policy!.document)).not.toContain(KEY)
  })

  it.each([
    ['{ value: short, hosts: [x.test] }', 'policy:secret'],
    ['{ value: "a\\nbcdefghijkl", hosts: [x.test] }', 'policy:secret'],
    ["{ value: '$1', hosts: [x.test] }", 'policy:secret'],
    [`{ value: ${KEY}, hosts: ['*'] }`, 'policy:secret'],
    [`{ value: ${KEY}, hosts: ['1.2.3.4'] }`, 'policy:egress'],
  ])('refuses %s without quoting it', (entry, code) => {
    const { policy, faults } = load(`secrets: { T: ${entry} }`)
    expect(policy).toBeNull()
    expect(faults.map((fault) => fault.code)).toContain(code)
    expect(JSON.stringify(faults)).not.toContain(KEY)
  })

  it('refuses to go with bytes that nobody reads', () => {
    const secret = `secrets: { T: { value: ${KEY}, hosts: ['*.x.test'] } }`
    const agent = (host: string, tls: string) => `agents: { a: { egress: [{ host: ${host}, tls: ${tls} }] } }`
    expect(load(`${secret}\n${agent('api.x.test', 'passthrough')}`).faults[0]).toMatchObject({
      code: 'policy:secret',
      line: 3,
    })
    expect(load(`${secret}\n${agent("'*'", 'passthrough')}`).policy).toBeNull()
    expect(load(`${secret}\n${agent('other.test', 'passthrough')}`).policy).not.toBeNull()
    expect(load(`${secret}\n${agent('api.x.test', 'intercept')}`).policy).not.toBeNull()
  })
})
