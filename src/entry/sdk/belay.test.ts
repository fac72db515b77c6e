import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import type { Check } from '../../policy/check.ts'
import { openHarness } from '../harness.ts'
import type { Harness } from '../harness.ts'
import { startHttpServer } from '../http-api/server.ts'
import type { HttpServer } from '../http-api/server.ts'
import { ApiClient } from './api-client.ts'
import { Belay } from './belay.ts'
import { ActionDenied, ActionHeld, ActionNotRepeated, HarnessUnreachable, OutcomeUnknown } from './errors.ts'

const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents:
  writer: { rate: [{ limit: 1000, per: hour }] }
actions:
  note.add:
    effect: write
    undo: { within: 1h }
  note.publish:
    effect: write
    approve: [{ by: [editors], expires: 1h }]
approvers:
  editors: { members: [editor@example.com], quorum: 1 }
`

const ADMIN = 'an-admin-token-for-tests'
const WRITER = { agent: 'writer' }

let folder: string
let config: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-sdk-'))
  config = join(folder, 'belay.yaml')
  writeFileSync(config, POLICY)
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The same behaviour is owed by a harness in this process and by one elsewhere. */
interface Opened {
  readonly belay: Belay
  readonly admin: ApiClient
  close(): Promise<void>
}

async function serve(harness: Harness): Promise<HttpServer> {
  return startHttpServer({
    flow: harness.flow,
    store: harness.store,
    policies: harness.policies,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
  })
}

async function openRemote(): Promise<Opened> {
  const harness = await openHarness({ config, data: join(folder, 'data') })
  const server = await serve(harness)
  const admin = new ApiClient(server.url, ADMIN, 'editor@example.com')
  const { key } = await admin.object('POST', '/v1/keys', { body: { agent: 'writer' } })
  const belay = await Belay.open({ url: server.url, key: key as string })
  return {
    belay,
    admin,
    async close() {
      await belay.close()
      await server.close()
      await harness.close()
    },
  }
}

async function decide(admin: ApiClient, outcome: 'approve' | 'reject'): Promise<void> {
  let id: unknown
  await expect
    .poll(async () => {
      const page = (await admin.object('GET', '/v1/approvals')) as { items: { id: string }[] }
      return (id = page.items[0]?.id)
    })
    .toBeDefined()
  await admin.json('POST', `/v1/approvals/${String(id)}`, { body: { outcome, reason: 'decided in a test' } })
}

describe('embedded', () => {
  let belay: Belay

  beforeEach(async () => {
    belay = await Belay.open({ config, data: join(folder, 'data') })
  })

  afterEach(async () => {
    await belay.close()
  })

  test('runs what is allowed and records how it ended', async () => {
    let id = ''
    const add = belay.guard('note.add', {
      run: (input: { text: string }, context) => {
        id = context.id
        return { length: input.text.length }
      },
    })
    expect(await add({ text: 'hello' }, WRITER)).toEqual({ length: 5 })
    expect(await belay.action(id)).toMatchObject({ state: 'succeeded', decision: 'allow' })
  })

  test('does not run what the policy does not name, and says why', async () => {
    let runs = 0
    const burn = belay.guard('note.burn', { run: () => runs++ })
    const thrown = await burn({}, WRITER).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(ActionDenied)
    expect((thrown as ActionDenied).reasons).not.toEqual([])
    expect(runs).toBe(0)
    expect((await belay.action((thrown as ActionDenied).id)).state).toBe('denied')
  })

  test('an action that is held does not run', async () => {
    let runs = 0
    const publish = belay.guard('note.publish', { run: () => runs++ })
    await expect(publish({}, { ...WRITER, wait: 0 })).rejects.toBeInstanceOf(ActionHeld)
    expect(runs).toBe(0)
  })

  test('the same idempotency key runs once and answers the same', async () => {
    let runs = 0
    const add = belay.guard('note.add', { run: () => ({ run: ++runs }) })
    const calls = Array.from({ length: 5 }, () => add({ text: 'x' }, { ...WRITER, idempotencyKey: 'k' }))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => ({ run: 1 })))
    expect(runs).toBe(1)
  })

  test('failed and unknown are told apart, and unknown is reconciled instead of repeated', async () => {
    const happened: string[] = []
    const add = belay.guard('note.add', {
      run: (input: { fail?: boolean }): string => {
        if (input.fail === true) throw new Error('no such note')
        happened.push('x')
        throw new OutcomeUnknown('the connection broke')
      },
      reconcile: () => ({ outcome: 'succeeded', result: happened.join('') }),
    })
    await expect(add({ fail: true }, { ...WRITER, idempotencyKey: 'fails' })).rejects.toThrow('no such note')
    await expect(add({ fail: true }, { ...WRITER, idempotencyKey: 'fails' })).rejects.toBeInstanceOf(
      ActionNotRepeated,
    )
    await expect(add({}, { ...WRITER, idempotencyKey: 'breaks' })).rejects.toBeInstanceOf(OutcomeUnknown)
    expect(await add({}, { ...WRITER, idempotencyKey: 'breaks' })).toBe('x')
    expect(happened).toEqual(['x'])
  })

  test('undoes with the function that knows how', async () => {
    const notes = new Map<string, string>()
    let id = ''
    const add = belay.guard('note.add', {
      run: (input: { name: string }, context) => {
        id = context.id
        notes.set(input.name, 'text')
        return { key: input.name }
      },
      undo: (_input, result) => notes.delete(result.key),
    })
    await add({ name: 'a' }, WRITER)
    expect((await belay.undo(id)).state).toBe('undone')
    expect(notes.size).toBe(0)
    await expect(belay.undo(id)).rejects.toBeInstanceOf(BelayError)
  })

  test('closing waits for what runs', async () => {
    const started = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<string>()
    const add = belay.guard('note.add', {
      run: () => {
        started.resolve()
        return finish.promise
      },
    })
    const running = add({}, WRITER)
    await started.promise
    const closed = belay.close()
    finish.resolve('done')
    expect(await running).toBe('done')
    await closed
  })
})

test('checks of the project refuse and redact', async () => {
  const quiet: Check = {
    name: 'quiet',
    options: { type: 'object', additionalProperties: false, properties: {} },
    prepare: () => (subject) =>
      JSON.stringify(subject.input).includes('!')
        ? [{ message: 'No shouting.', code: 'quiet:shouting' }]
        : [],
  }
  writeFileSync(
    config,
    POLICY.replace('effect: write\n    undo', 'effect: write\n    verify: [{ quiet: {} }]\n    undo'),
  )
  await expect(Belay.open({ config, data: join(folder, 'data') })).rejects.toMatchObject({
    code: 'policy:invalid',
  })
  const belay = await Belay.open({ config, data: join(folder, 'data'), checks: [quiet] })
  const add = belay.guard('note.add', { run: (input: { text: string }) => input.text })
  expect(await add({ text: 'hello' }, WRITER)).toBe('hello')
  await expect(add({ text: 'HELLO!' }, WRITER)).rejects.toMatchObject({
    reasons: [{ code: 'quiet:shouting', check: 'quiet' }],
  })
  await belay.close()
})

describe('remote', () => {
  let opened: Opened

  beforeEach(async () => {
    opened = await openRemote()
  })

  afterEach(async () => {
    await opened.close()
  })

  test('waits for a person, then runs once', async () => {
    let runs = 0
    const publish = opened.belay.guard('note.publish', { run: () => ({ run: ++runs }) })
    const [result] = await Promise.all([publish({ text: 'x' }, WRITER), decide(opened.admin, 'approve')])
    expect(result).toEqual({ run: 1 })
    await Promise.all([
      expect(publish({ text: 'y' }, WRITER)).rejects.toBeInstanceOf(ActionDenied),
      decide(opened.admin, 'reject'),
    ])
    expect(runs).toBe(1)
  })

  test('the same idempotency key runs once and answers the same', async () => {
    let runs = 0
    const add = opened.belay.guard('note.add', { run: () => ({ run: ++runs }) })
    const calls = Array.from({ length: 3 }, () => add({ text: 'x' }, { ...WRITER, idempotencyKey: 'k' }))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 3 }, () => ({ run: 1 })))
  })

  test('refuses to speak for another agent', async () => {
    const add = opened.belay.guard('note.add', { run: () => 'ran' })
    await expect(add({}, { agent: 'somebody-else' })).rejects.toMatchObject({ code: 'auth:forbidden' })
  })

  test('performs the undo that is asked of it', async () => {
    const notes = new Map<string, number>()
    let id = ''
    const add = opened.belay.guard('note.add', {
      run: (input: { name: string }, context) => {
        id = context.id
        notes.set(input.name, 1)
        return { key: input.name }
      },
      undo: (_input, result) => notes.delete(result.key),
    })
    await add({ name: 'a' }, WRITER)
    expect(await opened.belay.undo(id)).toMatchObject({ state: 'succeeded' })
    await expect.poll(async () => (await opened.belay.action(id)).state, { timeout: 60_000 }).toBe('undone')
    expect(notes.size).toBe(0)
  })

  test('an undo that was asked for before is performed by the next program', async () => {
    const add = opened.belay.guard('note.add', { run: (_input: { name: string }, { id }) => id })
    const id = await add({ name: 'a' }, WRITER)
    await opened.belay.undo(id)
    const undone: string[] = []
    opened.belay.guard('note.add', {
      run: () => id,
      undo: (input: { name: string }) => undone.push(input.name),
    })
    await expect.poll(async () => (await opened.belay.action(id)).state, { timeout: 60_000 }).toBe('undone')
    expect(undone).toEqual(['a'])
  })
})

describe('a harness that misbehaves', () => {
  let server: Server
  let url: string
  let answer: (path: string) => { status: number; headers?: Record<string, string>; body: string } | 'hang up'
  let paths: string[]

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = `${request.method} ${request.url}`
      paths.push(path)
      const said = answer(path)
      if (said === 'hang up') return void request.socket.destroy()
      response.writeHead(said.status, said.headers).end(said.body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  })

  beforeEach(() => {
    paths = []
  })

  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  async function run(): Promise<{ error: unknown; runs: number }> {
    let runs = 0
    const belay = await Belay.open({ url, key: 'blk_test' })
    const call = belay.guard('note.add', { run: () => runs++ })
    const error = await call({}, WRITER).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return { error, runs }
  }

  const READY = JSON.stringify({
    id: 'act_1',
    state: 'ready',
    decision: 'allow',
    effective: 'allow',
    reasons: [],
    input: {},
  })

  test.each([
    ['a page of a proxy', { status: 200, body: '<html>' }],
    ['another document', { status: 200, body: '{"state":"ready"}' }],
    ['a state that is none', { status: 200, body: READY.replace('ready', 'fine') }],
    ['an error of a proxy', { status: 502, body: 'bad gateway' }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
  ] as const)('nothing runs when it answers %s', async (_name, said) => {
    answer = () => said
    const { error, runs } = await run()
    expect(error).toBeInstanceOf(HarnessUnreachable)
    expect(runs).toBe(0)
  })

  test('the permission is asked for once, however it is lost', async () => {
    answer = (path) => (path.endsWith('/start') ? 'hang up' : { status: 200, body: READY })
    const { error, runs } = await run()
    expect(error).toBeInstanceOf(HarnessUnreachable)
    expect(runs).toBe(0)
    expect(paths.filter((path) => path.endsWith('/start'))).toHaveLength(1)
    expect(paths.filter((path) => path.endsWith('/outcome'))).toHaveLength(1)
  })

  test('a lost proposal is repeated', async () => {
    let lost = 2
    answer = (path) => {
      if (path === 'POST /v1/actions')
        return lost-- > 0 ? 'hang up' : { status: 200, body: READY.replace('ready', 'denied') }
      return { status: 500, body: '' }
    }
    const { error } = await run()
    expect(error).toBeInstanceOf(ActionDenied)
    expect(paths).toEqual(['POST /v1/actions', 'POST /v1/actions', 'POST /v1/actions'])
  })

  test.each(['ftp://127.0.0.1', 'nonsense', ''])('the address %j is refused', async (address) => {
    await expect(Belay.open({ url: address, key: 'blk_test' })).rejects.toMatchObject({
      code: 'input:invalid',
    })
  })
})
