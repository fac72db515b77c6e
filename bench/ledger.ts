import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Action } from '../src/action/action.ts'
import { decisionRecord, transitionRecord } from '../src/flow/audit/records.ts'
import { exportLedger } from '../src/flow/audit/export-ledger.ts'
import { verifyExport } from '../src/flow/audit/exported/verify-export.ts'
import { logIdentity } from '../src/flow/audit/transparency/log-identity.ts'
import { proveAction } from '../src/flow/audit/transparency/prove-action.ts'
import { TransparencyLog } from '../src/flow/audit/transparency/transparency-log.ts'
import { verifyProofs } from '../src/flow/audit/transparency/verify-proofs.ts'
import { sampleAction } from '../src/storage/contract/samples.ts'
import { openSqlite } from '../src/storage/sqlite/open-sqlite.ts'
import { COMMENT, machine, percentiles } from './policy-100.ts'

// Records of real actions, decision, start and outcome, each in a commit of its own; the tree follows meanwhile. Then the
// ledger is exported, verified as a file, and single actions are proved.
const RECORDS = Number(process.env['BELAY_RECORDS'] ?? 1_000_000)
const IN_FLIGHT = 512
const PROOFS = 2_000

const folder = mkdtempSync(join(tmpdir(), 'belay-bench-'))
const store = await openSqlite({ folder: join(folder, 'data') })
const identity = logIdentity(generateKeyPairSync('ed25519').privateKey, null)
const log = new TransparencyLog({
  store,
  identity: () => identity,
  onFault: (error) => {
    throw error
  },
})
const trust = { logs: [{ name: null, publicKey: identity.publicKey }] }
const text = `${COMMENT} and a few words more, as agents write them`

function actionOf(n: number, version: number, state: Action['state']): Action {
  return sampleAction(`act_${String(n).padStart(9, '0')}`, {
    version,
    name: 'instagram.comment',
    session: `session-${n >> 5}`,
    policyDigest: `sha256:${'a'.repeat(64)}`,
    inputIdentity: `sha256:${'b'.repeat(64)}`,
    enforcedIdentity: `sha256:${'b'.repeat(64)}`,
    actionDigest: `sha256:${'c'.repeat(64)}`,
    confidence: 0.97,
    release: 'commenter-7',
    state,
  })
}

async function life(n: number): Promise<void> {
  const ready = actionOf(n, 1, { name: 'ready', expiresAt: 2_000 })
  const payload = { input: { text, followers: n }, reason: 'the post asks a question' }
  const decision = decisionRecord(ready, payload)
  await store.commit({ action: { value: ready, replaces: null }, records: [decision] })
  const running = actionOf(n, 2, { name: 'executing', startedAt: 1_000, deadline: 60_000 })
  await store.commit({
    action: { value: running, replaces: 1 },
    records: [transitionRecord('start', running)],
  })
  const done = actionOf(n, 3, { name: 'succeeded' } as Action['state'])
  const outcome = transitionRecord('outcome', done, { outcome: 'succeeded', completed_at: 1_200 })
  await store.commit({ action: { value: done, replaces: 2 }, records: [outcome] })
}

async function write(actions: number): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < actions) await life(next++)
    }),
  )
}

const seconds = (from: number): number => (performance.now() - from) / 1000
const rate = (count: number, took: number): string => `${Math.round(count / took).toLocaleString('en')}/s`

const milliseconds = (times: number[]): string => {
  const { p50, p99, max } = percentiles(times)
  return `p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms, max ${max.toFixed(2)} ms`
}

try {
  console.log(machine())
  const actions = Math.floor(RECORDS / 3)
  const beforeWrites = process.cpuUsage()
  let started = performance.now()
  await write(actions)
  const durable = seconds(started)
  const behind = (await store.chains())[0]!.seq - (await store.tiles.size('main'))
  await log.caughtUp()
  const inTree = seconds(started)
  const size = await store.tiles.size('main')
  console.log(
    `${size.toLocaleString('en')} records durable: ${rate(size, durable)}; the tree was ${behind} behind`,
  )
  const cpuOfWrites = process.cpuUsage(beforeWrites)
  const cpuPerRecord = Math.round((cpuOfWrites.user + cpuOfWrites.system) / size)
  console.log(
    `  with the tree caught up: ${rate(size, inTree)}; ${cpuPerRecord} µs of CPU a record, in all threads`,
  )

  started = performance.now()
  const file = join(folder, 'ledger.ndjson')
  await pipeline(Readable.from(exportLedger(log)), createWriteStream(file))
  const bytes = statSync(file).size
  console.log(`exported: ${seconds(started).toFixed(1)} s, ${Math.round(bytes / size)} bytes a record`)

  const before = process.cpuUsage()
  started = performance.now()
  const report = await verifyExport(file, { trust })
  if (!report.ok || report.records !== size) throw new Error(JSON.stringify(report.faults))
  const cpu = process.cpuUsage(before)
  const used = ((cpu.user + cpu.system) / 1e6).toFixed(2)
  const took = seconds(started).toFixed(2)
  console.log(
    `verified offline: ${report.records.toLocaleString('en')} records in ${took} s, ${used} s of CPU`,
  )

  const inclusion: number[] = []
  const beforeProofs = process.cpuUsage()
  const whole: number[] = []
  for (let i = 0; i < PROOFS; i++) {
    // Spread over the log, so that tiles are read and not only remembered.
    const index = Math.floor((i * 2_654_435_761) % size)
    started = performance.now()
    await log.reader('main').inclusionProof(index, size)
    inclusion.push(performance.now() - started)
  }
  const cpuOfProofs = process.cpuUsage(beforeProofs)
  for (let i = 0; i < PROOFS; i++) {
    const id = `act_${String(Math.floor((i * 2_654_435_761) % actions)).padStart(9, '0')}`
    started = performance.now()
    const proof = await proveAction(log, id)
    whole.push(performance.now() - started)
    if (i === 0) {
      const verified = verifyProofs(proof, trust)
      if (!verified.ok) throw new Error(JSON.stringify(verified.faults))
      console.log(`a proof of an action of three records: ${proof.length} bytes`)
    }
  }
  const cpuOf = ((cpuOfProofs.user + cpuOfProofs.system) / 1e3 / PROOFS).toFixed(3)
  console.log(`inclusion proof of a record: ${milliseconds(inclusion)}; ${cpuOf} ms of CPU each`)
  console.log(`proof of an action: ${milliseconds(whole)}`)
} finally {
  await log.close()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
}
