import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { Exports } from '../../src/entry/export/exports.ts'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { createKey } from '../../src/entry/http-api/agent-keys.ts'
import { signingKey } from '../../src/flow/audit/signing-key.ts'
import type { StoredRecord } from '../../src/storage/store.ts'
import * as backends from './backends.ts'
import { ocsfFault, siem } from './ocsf-rules.ts'
import { startReceiver, type Received, type Receiver, type Rules } from './receiver.ts'

const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
const POLICY = `version: 1
agents: { writer: {} }
actions:
  note.read: { effect: read }
  note.add: { effect: write, verify: [{ max_length: { field: text, max: 300 } }] }
  note.publish: { effect: irreversible, approve: [{ by: [editors] }] }
approvers: { editors: { members: [ann@example.com] } }
`
const ENV = { PK: 'pk-1', SK: 'sk-1', DD: 'dd-1', SENTRY: 'abc123', TOKEN: 'Bearer t-1', SIEM: 'siem-1' }

let folder: string
let harness: Harness
let opened: { close(): Promise<unknown> }[]
let notes: string[]
let troubles: (readonly [string, string | null])[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-export-'))
  opened = []
  notes = []
  troubles = []
})
afterEach(async () => {
  expect(notes.filter((note) => note.startsWith('fault'))).toEqual([])
  for (const each of opened.toReversed()) await each.close()
  rmSync(folder, { recursive: true, force: true })
})

async function receiver(rules: Rules): Promise<Receiver> {
  const made = await startReceiver(rules)
  opened.push(made)
  return made
}

async function start(exportText: string, env: Record<string, string> = ENV): Promise<Exports> {
  const config = join(folder, 'belay.yaml')
  writeFileSync(config, `${POLICY}export:\n${exportText}`)
  harness = await openHarness({ config, data: join(folder, 'data'), watch: false })
  opened.push(harness)
  const exports = new Exports({
    store: harness.store,
    rules: () => harness.policies.current().exports,
    publicKey: createPublicKey(signingKey(harness.data)),
    version: '0.0.0',
    env,
    note: (text) => notes.push(text),
    onFault: (error) => notes.push(`fault: ${String(error)}`),
    onTrouble: (name, why) => troubles.push([name, why]),
    scale: 0.001,
  })
  opened.push(exports)
  await exports.policyChanged()
  return exports
}

/** One of everything that a ledger records in a normal day. */
async function live(): Promise<readonly StoredRecord[]> {
  const { flow, store, prompts } = harness
  const propose = (action: string, input: JsonObject = { text: 'hello', key: SECRET }) =>
    flow.propose({ agent: 'writer', action, input, session: 's-1' }, { venue: 'agent', start: true })
  const added = await propose('note.add')
  await flow.report(added.action.id, { outcome: 'succeeded', result: { id: 7 } })
  const failed = await propose('note.read')
  await flow.report(failed.action.id, { outcome: 'failed', error: 'not there' })
  const unknown = await propose('note.add')
  await flow.report(unknown.action.id, { outcome: 'unknown' })
  await propose('note.add', { text: 'x'.repeat(301) })
  await propose('note.burn')
  const held = await propose('note.publish')
  if (held.action.state.name === 'held')
    await flow.vote(held.action.state.approval.id, {
      by: 'ann@example.com',
      outcome: 'approve',
      reason: 'looks fine',
    })
  await flow.setAgentState('writer', 'paused', 'looks odd', 'ann@example.com')
  await createKey(store, 'writer', 'ann@example.com')
  await prompts.push(
    { name: 'greet', content: { kind: 'text', text: 'Hello' }, config: {}, note: null },
    { by: 'ann@example.com', labels: ['production'] },
  )
  await store.commit({
    records: ['opened', 'refused', 'logged_out'].map((event) => ({
      kind: 'login' as const,
      at: store.now(),
      action: null,
      agent: null,
      body: { event, by: 'ann@example.com', via: 'oidc', login_id: 'l-1', reason: 'none' },
    })),
  })
  await flow.erase({ action: added.action.id }, 'ann@example.com')
  const [chain] = await store.chains()
  return store.records(chain!.chain, 0, 10_000)
}

const bodyOf = ({ body }: Received): unknown => JSON.parse(body.toString('utf8'))
const lines = (file: string): JsonObject[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonObject)

describe('every backend takes what is sent', () => {
  test('CloudEvents, by file and in batches over HTTP: every record once, in order', async () => {
    const bus = await receiver(backends.cloudEvents)
    const exports = await start(`
  lake: { format: cloudevents, file: events.ndjson, from: start }
  bus: { format: cloudevents, url: "${bus.url}/in", headers: { Authorization: $TOKEN }, from: start }
`)
    const records = await live()
    await exports.caughtUp()
    const written = lines(join(folder, 'events.ndjson'))
    expect(written.map(({ id }) => id)).toEqual(records.map(({ chain, seq }) => `${chain}/${seq}`))
    expect(written.map(backends.cloudEventFault).filter(Boolean)).toEqual([])
    expect(written.map(({ data }) => data)).toEqual(records.map(({ text }) => JSON.parse(text)))
    expect(bus.taken.flatMap((request) => bodyOf(request))).toEqual(written)
    expect(bus.requests).toHaveLength(bus.taken.length)
    const all = readFileSync(join(folder, 'events.ndjson'), 'utf8')
    expect(all).not.toContain(SECRET)
    expect(all).not.toContain('"hello"')
  })

  test('OCSF: every record an event of the right class, refusals findings as well', async () => {
    const collector = await receiver(siem)
    const exports = await start(
      `  siem: { format: ocsf, url: "${collector.url}", headers: { X-SIEM-Key: $SIEM }, from: start }\n`,
    )
    const records = await live()
    await exports.caughtUp()
    expect(collector.requests.filter(({ status }) => status !== 200)).toEqual([])
    const events = collector.taken.flatMap((request) => bodyOf(request) as JsonObject[])
    expect(events.map(ocsfFault).filter(Boolean)).toEqual([])
    const count = (uid: number) => events.filter(({ class_uid }) => class_uid === uid).length
    expect(count(3002)).toBe(3)
    expect(count(2004)).toBe(2)
    expect(count(6003)).toBe(records.length - 3)
    const ids = events.map(({ metadata }) => (metadata as JsonObject)['uid'])
    expect(new Set(ids).size).toBe(ids.length)
    expect(JSON.stringify(events)).not.toContain(SECRET)
  })

  test('Sentry: failures and nothing else', async () => {
    const sentry = await receiver(backends.sentry)
    const dsn = sentry.url.replace('http://', 'http://abc123@')
    const exports = await start(
      `  sentry: { format: sentry, url: "${dsn}/42", environment: production, from: start }\n`,
    )
    await live()
    await harness.flow.setAgentState('writer', 'active', 'again', 'ann')
    await exports.caughtUp()
    expect(sentry.requests.filter(({ status }) => status !== 200)).toEqual([])
    const events = sentry.taken.map(
      ({ body }) => JSON.parse(body.toString('utf8').split('\n')[2]!) as JsonObject,
    )
    expect(events.map(({ transaction, tags }) => [transaction, (tags as JsonObject)['code']])).toEqual([
      ['note.read', 'outcome:failed'],
      ['note.add', 'outcome:unknown'],
    ])
    expect(events[0]).toMatchObject({ environment: 'production', level: 'error' })
  })

  test.each([
    ['langfuse', 'keys: { public_key: $PK, secret_key: $SK }', backends.langfuse, 0],
    ['phoenix', '', backends.phoenix, 0],
    ['datadog', 'keys: { api_key: $DD }', backends.datadog, 0],
    ['sentry', 'keys: { public_key: $SENTRY }', backends.sentryOtlp, 1],
  ] as const)('OTLP as %s wants it', async (backend, more, rules, logs) => {
    const collector = await receiver(rules)
    const exports = await start(
      `  out: { format: otlp, backend: ${backend}, url: "${collector.url}", ${more === '' ? '' : `${more}, `}from: start }\n`,
    )
    await live()
    await exports.caughtUp()
    expect(collector.requests.filter(({ status }) => status !== 200)).toEqual([])
    const paths = new Set(collector.taken.map(({ path }) => path.split('/').at(-1)))
    expect(paths).toEqual(new Set(logs === 1 ? ['traces', 'logs'] : ['traces']))
  })

  test('OTLP in JSON: a span for each action that ended, a log for each record, evaluations as logs', async () => {
    const collector = await receiver(() => undefined)
    const exports = await start(
      `  out: { format: otlp, encoding: json, url: "${collector.url}", from: start }\n`,
    )
    const records = await live()
    await exports.caughtUp()
    const of = (signal: string, top: string, scopes: string, items: string) =>
      collector.taken
        .filter(({ path }) => path === `/v1/${signal}`)
        .flatMap((request) => (bodyOf(request) as Record<string, JsonObject[]>)[top]!)
        .flatMap((resource) => resource[scopes] as unknown as JsonObject[])
        .flatMap((scope) => scope[items] as unknown as JsonObject[])
    const spans = of('traces', 'resourceSpans', 'scopeSpans', 'spans')
    expect(spans.map(({ name }) => name)).toEqual([
      'execute_tool note.add',
      'execute_tool note.read',
      'execute_tool note.add',
      'execute_tool note.add',
      'execute_tool note.burn',
    ])
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5)
    const logs = of('logs', 'resourceLogs', 'scopeLogs', 'logRecords')
    expect(
      logs.filter(({ eventName }) => typeof eventName === 'string' && eventName.startsWith('belay.')),
    ).toHaveLength(records.length)
    const evaluation = logs.find(({ eventName }) => eventName === 'gen_ai.evaluation.result')
    expect(JSON.stringify(evaluation)).toContain('max_length')
    expect(JsonTraceSerializer).toBeDefined()
  })
})

test('content goes out only where it was opted in, and secrets never', async () => {
  const exports = await start(`
  without: { format: cloudevents, file: without.ndjson }
  with: { format: cloudevents, file: with.ndjson, content: true }
`)
  await live()
  await exports.caughtUp()
  const content = readFileSync(join(folder, 'with.ndjson'), 'utf8')
  expect(content).toContain('"text":"hello"')
  expect(content + readFileSync(join(folder, 'without.ndjson'), 'utf8')).not.toContain(SECRET)
  expect(readFileSync(join(folder, 'without.ndjson'), 'utf8')).not.toContain('"text":"hello"')
})

test('a new sink begins with what comes, and one that is known goes on where it was', async () => {
  const exports = await start(`  lake: { format: cloudevents, file: events.ndjson }\n`)
  const before = (await harness.store.chains())[0]!.seq
  const records = await live()
  await exports.caughtUp()
  expect(lines(join(folder, 'events.ndjson')).map(({ id }) => id)).toEqual(
    records.filter(({ seq }) => seq > before).map(({ chain, seq }) => `${chain}/${seq}`),
  )
  await exports.close()
  await createKey(harness.store, 'writer', 'nobody-looks')
  const again = new Exports({
    store: harness.store,
    rules: () => harness.policies.current().exports,
    publicKey: createPublicKey(signingKey(harness.data)),
    version: '0.0.0',
    note: () => undefined,
    onFault: () => undefined,
  })
  opened.push(again)
  await again.policyChanged()
  await again.caughtUp()
  const ids = lines(join(folder, 'events.ndjson')).map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.at(-1)).toBe(`main/${(await harness.store.chains())[0]!.seq}`)
})

describe('a backend that fails loses nothing and holds up nobody', () => {
  const bus = (url: string) =>
    `  bus: { format: cloudevents, url: "${url}", headers: { Authorization: $TOKEN }, from: start }\n`
  const idsOf = (from: Receiver): unknown[] =>
    from.taken.flatMap((request) => (bodyOf(request) as JsonObject[]).map(({ id }) => id))

  test.each([
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '3' } }],
    ['500', { status: 500 }],
    [
      '503 with a date',
      { status: 503, headers: { 'retry-after': new Date(Date.now() + 2_000).toUTCString() } },
    ],
    ['a wrong key', { status: 401 }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ])('%s', async (_name, answer) => {
    const collector = await receiver(backends.cloudEvents)
    collector.script(answer, answer, answer)
    const exports = await start(bus(collector.url))
    const records = await live()
    await exports.caughtUp()
    expect(idsOf(collector)).toEqual(records.map(({ chain, seq }) => `${chain}/${seq}`))
    expect(exports.states()[0]).toMatchObject({ up: true, failures: 3, dropped: 0, trouble: null })
    expect(notes.filter((note) => note.includes('fails'))).toHaveLength(1)
    expect(notes.at(-1)).toBe('export bus works again')
    expect(notes.join('\n')).not.toContain('t-1')
  })

  test('one that is dead: actions go on, the state says so, and what waits is sent when it is back', async () => {
    const dead = await startReceiver()
    const port = Number(new URL(dead.url).port)
    await dead.close()
    const exports = await start(bus(dead.url))
    const records = await live()
    while (troubles.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(troubles[0]).toEqual(['bus', expect.stringContaining('no answer')])
    expect(exports.states()[0]).toMatchObject({ up: false, sent: 0 })
    expect(await exports.states()[0]!.waiting()).toBe(records.length)
    const back = await startReceiver(backends.cloudEvents, port)
    opened.push(back)
    await exports.caughtUp()
    expect(idsOf(back)).toEqual(records.map(({ chain, seq }) => `${chain}/${seq}`))
    expect(await exports.states()[0]!.waiting()).toBe(0)
    expect(troubles.at(-1)).toEqual(['bus', null])
  })

  test('one that never answers does not keep the others, nor closing', async () => {
    const slow = await receiver(() => ({ status: 200, silent: true }))
    const exports = await start(
      `${bus(slow.url)}  lake: { format: cloudevents, file: events.ndjson, from: start }\n`,
    )
    const records = await live()
    await slow.saw(1)
    const lake = exports.states().find(({ name }) => name === 'lake')!
    while ((await lake.waiting()) > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(lines(join(folder, 'events.ndjson'))).toHaveLength(records.length)
    expect(exports.states().find(({ name }) => name === 'bus')).toMatchObject({ sent: 0 })
  })

  test('one that refuses a record gets the others, and is told which was left out', async () => {
    const picky = await receiver(({ body }) =>
      body.includes('note.burn') ? { status: 400 } : body.length > 4_000 ? { status: 413 } : undefined,
    )
    const exports = await start(bus(picky.url))
    const records = await live()
    await exports.caughtUp()
    const bad = records.filter(({ text }) => text.includes('note.burn'))
    expect(bad).toHaveLength(1)
    expect(idsOf(picky)).toEqual(
      records.filter((record) => !bad.includes(record)).map(({ chain, seq }) => `${chain}/${seq}`),
    )
    expect(exports.states()[0]).toMatchObject({ dropped: 1, up: true })
    expect(notes.join('\n')).toContain(`the record main/${bad[0]!.seq}, which is left out`)
  })

  test('Sentry says with a good answer that it wants no more for a while', async () => {
    const sentry = await receiver((request) => ({
      ...backends.sentry(request)!,
      headers: { 'x-sentry-rate-limits': '1:error;transaction:organization' },
    }))
    const dsn = sentry.url.replace('http://', 'http://abc123@')
    const exports = await start(`  sentry: { format: sentry, url: "${dsn}/42", from: start }\n`)
    await live()
    await exports.caughtUp()
    expect(sentry.taken).toHaveLength(2)
    expect(exports.states()[0]!.failures).toBeGreaterThan(0)
  })

  test('a variable that is not set is said, not guessed; nothing goes out', async () => {
    const collector = await receiver(backends.cloudEvents)
    const exports = await start(bus(collector.url), {})
    await live()
    expect(exports.states()[0]).toMatchObject({ up: false, trouble: 'set the environment variable TOKEN' })
    expect(troubles).toEqual([['bus', 'set the environment variable TOKEN']])
    expect(collector.requests).toEqual([])
  })
})
