/**
 * Plain HTTP of a sandboxed agent through the egress gateway, beside nginx as a forward proxy, in one run before one
 * server: `node bench/egress.ts [--seconds 5] [--rounds 3]`. Needs nginx and wrk.
 *
 * `gateway`: every request an action that is on disk before it leaves, its outcome afterwards. `unrecorded` is the same
 * gateway with a door that admits everything and records nothing: what carrying the bytes costs without the pipeline.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { EgressDoor } from '../src/entry/egress/egress.ts'
import { openEgress } from '../src/entry/egress/open-egress.ts'
import { openHarness } from '../src/entry/harness.ts'
import { flowDoor } from '../src/entry/mcp-gateway/flow-door.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    serve: { type: 'string' },
    server: { type: 'string' },
    folder: { type: 'string' },
  },
})
const BODY = 'x'.repeat(1_024)
const HOST = 'bench.example.com'

if (values.serve !== undefined) await serve(values.serve)
else await compare()

async function serve(kind: string): Promise<void> {
  const folder = values.folder!
  const config = join(folder, 'belay.yaml')
  writeFileSync(
    config,
    `version: 1\nagents: { bench: { egress: [{ host: ${HOST}, methods: [GET], upstream: 'http://${values.server!}' }] } }\n`,
  )
  const harness = await openHarness({ config, data: join(folder, 'data'), watch: false })
  const egress = await openEgress({
    agent: 'bench',
    door: kind === 'unrecorded' ? openDoor() : flowDoor(harness),
    policies: harness.policies,
    data: join(folder, 'data'),
    models: null,
    onFault: (error) => console.error(error),
  })
  const servers = [createServer(), createServer(), createServer()] as const
  for (const server of servers) await listening(server)
  await egress.handover({ http: servers[0], https: servers[1], proxy: servers[2], dns: createSocket('udp4') })
  console.log((servers[2].address() as AddressInfo).port)
  process.once('SIGTERM', () => {
    void egress
      .close()
      .then(() => harness.close())
      .then(() => process.exit(0))
  })
}

function openDoor(): EgressDoor {
  const standing = {
    id: 'none',
    version: 1,
    state: 'executing',
    effective: 'allow',
    reasons: [],
    approval: null,
    approvalWait: 0,
    limit: 60_000,
  } as const
  const none = (): Promise<never> => Promise.reject(new Error('nothing is recorded'))
  return {
    propose: async ({ input }) => ({ ...standing, input }),
    get: none,
    wait: none,
    start: none,
    cancel: async () => undefined,
    finish: none,
    report: async () => undefined,
  }
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-bench-egress-'))
  const children: ChildProcess[] = []
  try {
    const origin = await nginx(folder, 'origin', `return 200 '${BODY}';`)
    children.push(origin.child)
    const server = `127.0.0.1:${origin.port}`
    const forward = await nginx(
      folder,
      'forward',
      'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;',
      `upstream origin { server ${server}; keepalive 128; }`,
    )
    children.push(forward.child)
    const own = async (kind: string): Promise<{ child: ChildProcess; port: number }> => {
      const place = join(folder, kind)
      mkdirSync(place)
      const child = spawn(
        process.execPath,
        [import.meta.filename, '--serve', kind, '--server', server, '--folder', place],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      children.push(child)
      const port = await new Promise<number>((resolve) =>
        child.stdout.once('data', (text) => resolve(Number(text))),
      )
      return { child, port }
    }
    const contenders = {
      nginx: forward,
      gateway: await own('gateway'),
      unrecorded: await own('unrecorded'),
    }
    const script = join(folder, 'proxy.lua')
    writeFileSync(
      script,
      `wrk.headers["Host"] = "${HOST}"\nrequest = function() return wrk.format("GET", "http://${HOST}/x") end\n`,
    )
    for (const connections of [1, 16, 64]) {
      const rows = new Map<string, { rps: number; cpu: number; p50: number; bad: number }[]>()
      for (let round = 0; round < Number(values.rounds); round++)
        for (const [name, { child, port }] of Object.entries(contenders)) {
          const before = cpuOf(child.pid!)
          const run = load(port, connections, script)
          const cpu = ((cpuOf(child.pid!) - before) * 1e6) / Math.max(1, run.requests)
          rows.set(name, [...(rows.get(name) ?? []), { rps: run.rps, cpu, p50: run.p50, bad: run.bad }])
        }
      const median = (name: string, of: 'rps' | 'cpu' | 'p50'): number =>
        rows
          .get(name)!
          .map((row) => row[of])
          .toSorted((a, b) => a - b)[Math.floor(rows.get(name)!.length / 2)]!
      console.log(`c = ${connections}`)
      for (const [name, runs] of rows)
        console.log(
          `  ${name.padEnd(11)} ${median(name, 'rps').toFixed(0).padStart(7)} requests/s  ` +
            `${((100 * median(name, 'rps')) / median('nginx', 'rps')).toFixed(0).padStart(4)}% of nginx  ` +
            `${median(name, 'cpu').toFixed(0).padStart(5)} µs CPU a request  p50 ${median(name, 'p50').toFixed(2)} ms  ` +
            `${runs.reduce((sum, { bad }) => sum + bad, 0)} failed`,
        )
    }
  } finally {
    for (const child of children) child.kill('SIGTERM')
    for (const child of children)
      if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}

function load(
  port: number,
  connections: number,
  script: string,
): { readonly rps: number; readonly requests: number; readonly p50: number; readonly bad: number } {
  const text = execFileSync(
    'wrk',
    [
      '-t1',
      `-c${connections}`,
      `-d${values.seconds}s`,
      '--latency',
      '-s',
      script,
      `http://127.0.0.1:${port}/`,
    ],
    { encoding: 'utf8' },
  )
  const [, amount, unit] = /50%\s+([\d.]+)(us|ms|s)/.exec(text)!
  return {
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]),
    requests: Number(/(\d+) requests in/.exec(text)![1]),
    p50: Number(amount) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's'],
    bad: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  }
}

async function nginx(
  folder: string,
  name: string,
  location: string,
  http = '',
): Promise<{ child: ChildProcess; port: number }> {
  const own = join(folder, name)
  mkdirSync(own)
  const probe = createServer()
  await listening(probe)
  const { port } = probe.address() as AddressInfo
  probe.close()
  const config = join(own, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${own}/pid; error_log stderr crit;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; ${http}
 client_body_temp_path ${own}; proxy_temp_path ${own}; fastcgi_temp_path ${own}; uwsgi_temp_path ${own}; scgi_temp_path ${own};
 server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
  )
  const child = spawn('/usr/sbin/nginx', ['-c', config, '-p', own], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(port)) return { child, port }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nginx (${name}) does not start`)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}

async function listening(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

/** Seconds of processor time, all threads. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
