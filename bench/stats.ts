import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Action } from '../src/action/action.ts'
import { newActionId } from '../src/action/action-id.ts'
import { decisionRecord, transitionRecord } from '../src/flow/audit/records.ts'
import { addCounts, dimensionsOf, emptySum, hourOf, sumKeyOf } from '../src/flow/audit/sessions/count.ts'
import { keepRollups } from '../src/flow/audit/sessions/keep-rollups.ts'
import { latencyBucket } from '../src/flow/audit/sessions/latency.ts'
import { stats } from '../src/flow/audit/sessions/stats.ts'
import { sampleAction } from '../src/storage/contract.ts'
import { openSqlite } from '../src/storage/sqlite/open-sqlite.ts'
import { COUNTS, LATENCY_BUCKETS, type Dimensions, type Grouping, type Store } from '../src/storage/store.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * Sums over the ledger. First real records (a decision and an outcome an action) are written and followed: how many
 * a second the follower takes, and that its sums are what was written. Then sums of 10,000,000 records spread over 24
 * hours are written as the follower would have, in another store, and the questions of a dashboard are asked.
 *
 *   node bench/stats.ts [--records 200000] [--simulated 10000000]
 */
const HOUR = 3_600_000
const AGENTS = 20
const NAMES = ['model.generate', 'tool.search', 'mail.send', 'payments.refund', 'note.add']
const MODELS = ['m-large', 'm-small', 'm-tiny']
const REASONS = [null, 'pii:email', 'budget:exhausted']

const sampleSpan = {
  id: '',
  version: 1,
  session: null,
  parent: null,
  trace: null,
  state: 'succeeded',
  proposedAt: 0,
  startedAt: null,
  endedAt: null,
  outcome: null,
  cost: 0,
  inputTokens: 0,
  outputTokens: 0,
  responded: null,
  fingerprint: null,
  approval: null,
  undo: null,
  tags: null,
} as const

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}

const records = option('records', 200_000)
const simulated = option('simulated', 10_000_000)
const folder = mkdtempSync(join(tmpdir(), 'belay-stats-'))
console.log(machine())
try {
  await real(await openSqlite({ folder: join(folder, 'real') }))
  await dashboard(await openSqlite({ folder: join(folder, 'simulated') }))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function real(store: Store): Promise<void> {
  const now = store.now()
  let cost = 0
  let denied = 0
  for (let n = 0; n < records / 2;) {
    const group: Promise<unknown>[] = []
    for (; group.length < 1024 && n < records / 2; n++) {
      const isDenied = n % 10 === 0
      const action = actionOf(n, now, isDenied)
      const facts = {
        model: { requested: MODELS[n % 3] ?? null },
        prompt: { name: 'greeting', version: '3' },
      }
      const decision = decisionRecord(action, { input: { text: 'We are open from nine to six.', n } }, facts)
      const body = { outcome: 'succeeded', cost_usd: n / 1e9, completed_at: now + 40 }
      const done: Action = { ...action, version: 2, state: { name: 'succeeded', at: now } }
      if (isDenied) denied++
      else cost += n
      const usage = { usage: { input_tokens: 100, output_tokens: 10 } }
      const outcome = transitionRecord('outcome', done, { ...body, facts: usage })
      const policy = { kind: 'policy', at: now, action: null, agent: null, body: {} } as const
      group.push(store.commit({ records: [decision, isDenied ? policy : outcome] }))
    }
    await Promise.all(group)
  }
  const follower = keepRollups(store, { delay: 3_600_000 })
  const started = performance.now()
  const before = process.cpuUsage()
  await follower.caughtUp()
  const took = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  await follower.close()
  const span = { from: now, to: now + 1 }
  const { rows } = (await stats(store, { ...span, by: [] })) as { rows: [Record<string, unknown>] }
  const [row] = rows
  const decisions = row['decisions'] as Record<string, number>
  const right =
    row['actions'] === Math.ceil(records / 2) &&
    decisions['deny'] === denied &&
    Math.abs((row['cost_usd'] as number) - cost / 1e9) < 1e-9
  console.log(
    `follower, SQLite: ${Math.round(records / (took / 1000))} records/s, ${((user + system) / records).toFixed(1)} µs CPU a record with the writer thread (${records} records in batches of 500; spans, sessions and sums durable with the position); its sums are ${right ? 'what was written' : 'WRONG'}`,
  )
  await store.close()
  if (!right) process.exitCode = 1
}

function actionOf(n: number, now: number, isDenied: boolean): Action {
  return sampleAction(newActionId(now), {
    agent: `agent-${n % AGENTS}`,
    name: NAMES[n % NAMES.length] as string,
    session: `run-${Math.floor(n / 50)}`,
    decision: isDenied ? 'deny' : 'allow',
    effective: isDenied ? 'deny' : 'allow',
    reasons: isDenied ? [{ code: 'pii:email', message: 'An address.' }] : [],
    proposedAt: now,
    updatedAt: now,
    state: isDenied ? { name: 'denied' } : { name: 'executing', startedAt: now, deadline: now + 60_000 },
  })
}

/** Every agent does everything, calls each model, and is sometimes denied, for one of two reasons. */
function groupsOfAnHour(): Dimensions[] {
  return Array.from({ length: AGENTS }, (_, agent) => `agent-${agent}`).flatMap((agent) =>
    NAMES.flatMap((action) =>
      (action === 'model.generate' ? MODELS : [null]).map((model) => ({ action, model })),
    ).flatMap(({ action, model }) =>
      REASONS.map((reason): Dimensions => {
        const decision = reason === null ? 'allow' : 'deny'
        const prompt = { promptName: 'greeting', promptVersion: '3', promptDigest: null }
        return { agent, action, model, ...prompt, release: 'r1', decision, effective: decision, reason }
      }),
    ),
  )
}

async function dashboard(store: Store): Promise<void> {
  const end = hourOf(store.now()) + HOUR
  const groups = groupsOfAnHour()
  const perKey = Math.ceil(simulated / 2 / 24 / groups.length)
  let position = 0
  let actions = 0
  for (let hour = end - 24 * HOUR; hour < end; hour += HOUR) {
    const sums = []
    for (const [n, dimensions] of groups.entries()) {
      const span = { ...sampleSpan, ...dimensions }
      const empty = emptySum(hour, sumKeyOf(span, null), dimensionsOf(span), null)
      const latency = Array.from({ length: LATENCY_BUCKETS }, () => 0)
      latency[latencyBucket(10 + (n % 900))] = perKey
      const numbers = Object.fromEntries(COUNTS.map((name) => [name, perKey]))
      sums.push(addCounts(empty, { ...empty, ...numbers, latency }))
      actions += perKey
    }
    const to = position + sums.length
    await store.rollups.apply({ chain: 'main', from: position, to, spans: [], sessions: [], sums })
    position = to
  }
  console.log(
    `${actions * 2} simulated records (${actions} actions, two records each) in 24 hours: ${position} rows of sums`,
  )
  const asked: readonly (readonly [string, readonly Grouping[], object?])[] = [
    ['all', []],
    ['by hour', ['hour']],
    ['by agent', ['agent']],
    ['by action', ['action']],
    ['by model', ['model']],
    ['by prompt', ['prompt']],
    ['by reason', ['reason']],
    ['by hour and decision', ['hour', 'decision']],
    ['by agent, action and model', ['agent', 'action', 'model']],
    ['by hour, one agent', ['hour'], { agent: 'agent-3' }],
  ]
  const all: number[] = []
  for (const [name, by, filter] of asked) {
    const times: number[] = []
    const before = process.cpuUsage()
    for (let n = 0; n < 10; n++) {
      const started = performance.now()
      const { rows } = await stats(store, { from: end - 24 * HOUR, to: end, by, ...filter })
      times.push(performance.now() - started)
      if (!Array.isArray(rows) || rows.length === 0) throw new Error(`${name} answers nothing`)
    }
    all.push(...times)
    const { user, system } = process.cpuUsage(before)
    const cpu = (user + system) / 1000 / times.length
    console.log(
      `  ${name}: p50 ${percentiles(times).p50.toFixed(1)} ms, slowest ${Math.max(...times).toFixed(1)} ms, ${cpu.toFixed(1)} ms CPU`,
    )
  }
  console.log(`24-hour questions: slowest of ${all.length} ${Math.max(...all).toFixed(1)} ms`)
  await store.close()
}
