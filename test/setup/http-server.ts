import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '../../src/action/json.ts'
import { browserDoor } from '../../src/entry/browser/browser-door.ts'
import { lazySnippetDesk } from '../../src/entry/snippets/lazy-desk.ts'
import { snippetDoor } from '../../src/entry/snippets/snippet-door.ts'
import { AgentsDesk } from '../../src/entry/supervisor/agents-desk.ts'
import { logDoor } from '../../src/entry/supervisor/log-door.ts'
import { openHarness } from '../../src/entry/harness.ts'
import { createTelemetry } from '../../src/entry/telemetry/telemetry.ts'
import { startHttpServer } from '../../src/entry/http-api/server.ts'
import type { HttpServer, HttpServerOptions } from '../../src/entry/http-api/server.ts'

export const ADMIN = 'test-admin-token-0123456789'
export const APPROVER = 'lead@example.com'

const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents:
  writer: {}
  reader: { anomaly: { then: alert } }
  metered:
    budget: [{ limit_usd: 10, per: day }, { limit_usd: 1, per: session }]
    rate: [{ limit: 1000, per: hour }]
actions:
  note.read: { effect: read }
  note.add: { effect: write, undo: { within: 1h } }
  note.fetch: { effect: read, result: { verify: [{ banned_phrases: { phrases: [top secret] } }] } }
  note.publish:
    effect: write
    approve: [{ by: [editors], expires: 1h }]
    break_glass: { by: [editors] }
approvers:
  editors: { members: [${APPROVER}, second@example.com], quorum: 1, may_delegate_to: [deputy@example.com] }
`

/** What an answer holds is for each test to assert. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}

export interface TestServer extends HttpServer {
  readonly harness: Awaited<ReturnType<typeof openHarness>>
  /** Calls as the admin unless a token is given; `null` sends none. */
  call(method: string, path: string, body?: JsonValue, options?: CallOptions): Promise<Answer>
  key(agent: string): Promise<string>
  propose(action: string, token?: string, more?: JsonObject): Promise<Json>
}

export interface CallOptions {
  readonly token?: string | null
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

/** A harness of its own with its HTTP API on a free port. */
export async function startTestServer(
  options: Partial<HttpServerOptions> & {
    readonly databaseUrl?: string
    readonly people?: string
    /** The text of another belay.yaml. */
    readonly policy?: string
  } = {},
): Promise<TestServer> {
  const { databaseUrl, people, policy = POLICY, ...serverOptions } = options
  const folder = await mkdtemp(join(tmpdir(), 'belay-http-'))
  const config = join(folder, 'belay.yaml')
  await writeFile(config, people === undefined ? policy : `${policy}people: ${people}\n`)
  const telemetry = options.telemetry ?? createTelemetry()
  const harness = await openHarness({
    config,
    onMoved: telemetry.action,
    data: join(folder, 'data'),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  })
  const { flow, store, policies } = harness
  const snippets = lazySnippetDesk({
    flow,
    policies,
    now: () => store.now(),
    data: harness.data,
    onFault: () => undefined,
  })
  const server = await startHttpServer({
    flow,
    store,
    policies,
    rollups: harness.followers,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
    telemetry,
    ...serverOptions,
    doors: [
      browserDoor({ flow, store, policies, data: harness.data, onFault: () => undefined }),
      snippetDoor({ flow, prompts: harness.prompts, desk: () => snippets.desk() }),
      logDoor(new AgentsDesk({ harness, supervise: false, note: () => undefined, onFault: () => undefined })),
      ...(serverOptions.doors ?? []),
    ],
  })

  const call: TestServer['call'] = async (
    method,
    path,
    body,
    { token = ADMIN, headers = {}, signal } = {},
  ) => {
    const init: RequestInit = {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }
    const response = await fetch(server.url + path, init)
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true && !text.includes('\n{')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
  return {
    ...server,
    harness,
    call,
    key: async (agent) => (await call('POST', '/v1/keys', { agent })).body.key,
    propose: async (action, token = ADMIN, more = {}) => {
      const agent = token === ADMIN ? { agent: 'writer' } : {}
      const answer = await call(
        'POST',
        '/v1/actions',
        { ...agent, action, input: { text: 'hello' }, ...more },
        { token },
      )
      if (answer.status !== 201)
        throw new Error(`proposing ${action}: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body
    },
    close: async () => {
      await server.close()
      await harness.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
