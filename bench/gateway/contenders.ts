import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { MODEL, PRICE } from './calls.ts'
import { has, said, start, stop, type Core } from './processes.ts'

/** What stands between the load and the fake provider. */
export interface Contender {
  readonly name: 'direct' | 'nginx' | 'Portkey' | 'Belay' | 'Belay before'
  readonly port: number
  /** `null`: nothing in between. */
  readonly pid: number | null
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  close(): Promise<void>
}

const root = resolve(import.meta.dirname, '../..')
/** Newer versions of the server below it do not stream. */
const PORTKEY = { gateway: '1.15.2', server: '1.13.1' }
const PATH = '/v1/chat/completions'

export function direct(port: number): Contender {
  return { name: 'direct', port, pid: null, path: PATH, headers: {}, close: async () => undefined }
}

/** One worker; answers pass unbuffered, so that it streams. */
export async function nginx(folder: string, core: Core, provider: number): Promise<Contender | string> {
  const program = has('nginx') ? 'nginx' : has('/usr/sbin/nginx') ? '/usr/sbin/nginx' : null
  if (program === null) return 'nginx is not installed (apt-get install nginx)'
  const port = await freePort()
  const own = join(folder, 'nginx')
  mkdirSync(own, { recursive: true })
  const config = join(own, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${own}/pid; error_log ${own}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; tcp_nodelay on; client_body_buffer_size 64k;
  ${temporary.map((each) => `${each}_temp_path ${own}/${each};`).join(' ')}
  upstream provider { server 127.0.0.1:${provider}; keepalive 512; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / { proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
  )
  const child = start(core, program, ['-e', join(own, 'error.log'), '-c', config])
  await answers(port)
  return running('nginx', child, port, PATH, {})
}

/** From npm into the temporary folder; it has neither budgets nor a durable record. */
export async function portkey(folder: string, core: Core, provider: number): Promise<Contender | string> {
  const own = join(folder, 'portkey')
  mkdirSync(own, { recursive: true })
  writeFileSync(
    join(own, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { '@portkey-ai/gateway': PORTKEY.gateway },
      overrides: { '@hono/node-server': PORTKEY.server },
    }),
  )
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: own,
      stdio: 'ignore',
    })
  } catch {
    return '@portkey-ai/gateway could not be installed from npm'
  }
  const port = await freePort()
  const entry = join(own, 'node_modules/@portkey-ai/gateway/build/start-server.js')
  const child = start(core, process.execPath, [entry, `--port=${port}`, '--headless'], {
    cwd: own,
    env: { ...process.env, NODE_ENV: 'production' },
    quiet: true,
  })
  child.stdout?.resume()
  await answers(port)
  return running('Portkey', child, port, PATH, {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${provider}/v1`,
  })
}

export interface BelayOptions {
  readonly budgetUsd?: number
  readonly nodeArgs?: readonly string[]
  /** Another checkout, to be compared with this one. */
  readonly before?: string
}

/** `belay up` on SQLite, everything on: keys, two budgets, prompt checks, a CEL rule, declared prices, durable records. */
export async function belay(
  folder: string,
  core: Core,
  provider: number,
  { budgetUsd = 1_000_000, nodeArgs = [], before }: BelayOptions = {},
): Promise<Contender & { readonly data: string; readonly token: string }> {
  const own = join(folder, `belay-${performance.now().toFixed(0)}`)
  const data = join(own, 'data')
  mkdirSync(own, { recursive: true })
  const config = join(own, 'belay.yaml')
  writeFileSync(
    config,
    `version: 1
budget: [{ limit_usd: ${budgetUsd}, per: day }]
agents:
  writer:
    budget: [{ limit_usd: ${budgetUsd}, per: day }]
    concurrency: { limit: 256, queue: 1024, wait: 30s }
actions:
  model.generate:
    effect: read
    verify:
      - secrets: {}
      - banned_phrases: { field: text, phrases: [guaranteed returns, wire the money, ignore all previous instructions] }
      - rule: { when: 'size(input.text) > 100000 || input.max_tokens > 4096', message: Too much for one call. }
providers:
  bench:
    base_url: http://127.0.0.1:${provider}/v1
    api_key: $BENCH_KEY
    models: { ${MODEL}: { input_usd_per_mtok: ${PRICE.input}, output_usd_per_mtok: ${PRICE.output}, context_window: 200000 } }
`,
  )
  const child = start(
    core,
    process.execPath,
    [
      ...nodeArgs,
      join(before ?? root, 'bin/belay.js'),
      'up',
      '--config',
      config,
      '--data',
      data,
      '--port',
      '0',
    ],
    { env: { ...process.env, BENCH_KEY: 'none' } },
  )
  const [, url = ''] = await said(child, /belay is up at (\S+)/)
  const token = readFileSync(join(data, 'admin.token'), 'utf8').trim()
  const response = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ agent: 'writer' }),
  })
  const { key } = (await response.json()) as { key: string }
  return {
    ...running(
      before === undefined ? 'Belay' : 'Belay before',
      child,
      Number(new URL(url).port),
      `/bench${PATH}`,
      {
        authorization: `Bearer ${key}`,
      },
    ),
    data,
    token,
  }
}

function running(
  name: Contender['name'],
  child: ChildProcess,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Contender {
  return { name, port, pid: child.pid ?? 0, path, headers, close: () => stop(child) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

async function answers(port: number): Promise<void> {
  for (const until = performance.now() + 30_000; performance.now() < until;) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => (await response.body?.cancel(), true),
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing answers on port ${port}`)
}
