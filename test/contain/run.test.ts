import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi, inject } from 'vitest'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { findSandboxPrograms } from '../setup/sandbox-programs.ts'

const BELAY = inject('launcher')
const MODEL = 'https://api.openai.com/v1/chat/completions'
const ANSWER = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'small',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'from the model' } }],
  usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
})

let folder: string
let upstream: Server
let harness: ChildProcess
let client: ApiClient
const asked: { readonly path: string; readonly key: string | undefined }[] = []
const running = new Set<ChildProcess>()

async function up(): Promise<void> {
  harness = spawn(process.execPath, [BELAY, 'up', '--port', '0', ...place()], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, OPENAI_API_KEY: 'sk-of-the-harness' },
  })
  const url = await new Promise<string>((done, fail) => {
    let said = ''
    harness.once('exit', (code) => fail(new Error(`belay up ended with ${code}`)))
    harness.stdout!.on('data', (text: Buffer) => {
      said += text.toString()
      const found = /belay is up at (\S+)/.exec(said)?.[1]
      if (found !== undefined) done(found)
    })
  })
  client = new ApiClient(url, readFileSync(join(folder, 'data/admin.token'), 'utf8').trim())
}

const place = (): string[] => ['--config', join(folder, 'belay.yaml'), '--data', join(folder, 'data')]

function run(command: readonly string[], options: readonly string[] = []) {
  const args = [BELAY, 'run', '--agent', 'robot', ...place(), ...options, '--', ...command]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const said = { out: '', err: '' }
  child.stdout.on('data', (text: Buffer) => (said.out += text.toString()))
  child.stderr.on('data', (text: Buffer) => (said.err += text.toString()))
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
    child.once('close', (code) => {
      running.delete(child)
      done({ code, ...said })
    }),
  )
  return { child, said, ended }
}

interface Recorded {
  readonly id: string
  readonly action: string
  readonly state: string
  readonly session: string
}

async function actions(): Promise<readonly Recorded[]> {
  const { items } = await client.object('GET', '/v1/actions', { query: { agent: 'robot', limit: 100 } })
  return items as unknown as Recorded[]
}

beforeAll(async () => {
  await findSandboxPrograms()
  folder = mkdtempSync(join(tmpdir(), 'belay-run-'))
  upstream = createServer((request, response) => {
    asked.push({ path: request.url!, key: request.headers.authorization })
    request.resume()
    const isModel = request.url!.startsWith('/v1/chat')
    if (isModel) response.setHeader('content-type', 'application/json')
    response.end(isModel ? ANSWER : 'from upstream\n')
  })
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
  const { port } = upstream.address() as AddressInfo
  writeFileSync(
    join(folder, 'belay.yaml'),
    `version: 1
agents:
  robot:
    egress: [{ host: api.example.com, methods: [GET], upstream: 'http://127.0.0.1:${port}' }]
providers:
  openai: { protocol: openai, base_url: 'http://127.0.0.1:${port}/v1', api_key: $OPENAI_API_KEY, models: { small: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 } } }
actions:
  agent.run: { effect: write }
  model.generate: { effect: read }
  note: { effect: write }
`,
  )
  await up()
}, 60_000)

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

afterAll(async () => {
  if (harness.exitCode === null && harness.signalCode === null) {
    harness.kill('SIGTERM')
    await new Promise((done) => harness.once('exit', done))
  }
  upstream.close()
  upstream.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

test('a run asks the harness that is up: what it may leaves, what it may not does not, and all is recorded', async () => {
  const { code, out, err } = await run([
    'sh',
    '-c',
    `curl -s http://api.example.com/fine; curl -s -o /dev/null -w '%{http_code}\\n' -X POST -d x http://api.example.com/refused
     curl -s -H 'Authorization: Bearer made-up' -H 'content-type: application/json' -d '{"model":"small","messages":[{"role":"user","content":"hi"}]}' ${MODEL}
     exit 7`,
  ]).ended
  expect(err + out).toContain('from upstream\n403\n')
  expect(err + out).toContain('from the model')
  expect(code).toBe(7)
  expect(asked.map(({ path }) => path)).toEqual(['/fine', '/v1/chat/completions'])
  expect(asked[1]!.key).toBe('Bearer sk-of-the-harness')
  const recorded = await actions()
  expect(recorded.map(({ action, state }) => [action, state])).toEqual(
    expect.arrayContaining([
      ['agent.run', 'failed'],
      ['http.GET', 'succeeded'],
      ['http.POST', 'denied'],
      ['model.generate', 'succeeded'],
    ]),
  )
  const [session] = new Set(recorded.map((one) => one.session))
  expect(session).toMatch(/^run-/)
}, 60_000)

test('a pause freezes the run, a resume thaws it, a stop ends it', async () => {
  const { said, ended } = run(['sh', '-c', 'while :; do echo tick; sleep 0.1; done'])
  const ticks = (): number => said.out.length
  const grows = (from: number): Promise<void> =>
    vi.waitFor(() => expect(ticks()).toBeGreaterThan(from), { timeout: 60_000 })
  const set = (state: string): Promise<unknown> =>
    client.object('PATCH', '/v1/agents/robot', { body: { state, reason: 'to see' } })
  await grows(10)
  await set('paused')
  let last = -1
  await vi.waitFor(
    () => {
      const before = last
      last = ticks()
      expect(last).toBe(before)
    },
    { timeout: 60_000, interval: 700 },
  )
  await set('active')
  await grows(last + 10)
  await set('stopped')
  expect(await ended).toMatchObject({ code: 137 })
  await set('active')
}, 60_000)

test('without a sandbox the record of the run and each of its session say so', async () => {
  const note = `curl -s -H "authorization: Bearer $BELAY_KEY" -H 'content-type: application/json' -d "{\\"action\\":\\"note\\",\\"input\\":{},\\"session\\":\\"$BELAY_SESSION\\"}" $BELAY_URL/v1/actions`
  const { code, out, err } = await run(
    ['sh', '-c', `${note}; test -e ${folder}/belay.yaml`],
    ['--unsafe-no-sandbox'],
  ).ended
  expect([code, out]).toEqual([0, expect.stringContaining('"decision":"allow"')])
  expect(err).toContain('warning: no sandbox')
  const stamped = (await actions()).filter(({ session }) => session.startsWith('unsafe-no-sandbox-'))
  const byName = new Map(stamped.map((one) => [one.action, one]))
  expect(new Set(byName.keys())).toEqual(new Set(['agent.run', 'note']))
  const whole = await client.object('GET', `/v1/actions/${byName.get('agent.run')!.id}`)
  expect(JSON.stringify(whole)).toContain('none: --unsafe-no-sandbox')
}, 60_000)

test('a harness that is killed ends the run, which has nowhere to go meanwhile', async () => {
  const before = asked.length
  const { said, ended } = run([
    'sh',
    '-c',
    'while :; do curl -s -m 2 http://api.example.com/on; sleep 0.2; done',
  ])
  await vi.waitFor(() => expect(said.out).toContain('from upstream'), { timeout: 60_000 })
  const died = new Promise((done) => harness.once('exit', done))
  harness.kill('SIGKILL')
  await died
  const atDeath = asked.length
  const { code } = await ended
  expect(code).not.toBe(0)
  expect(atDeath).toBeGreaterThan(before)
  expect(asked.length).toBe(atDeath)
}, 60_000)
