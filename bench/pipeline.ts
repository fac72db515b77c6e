import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFlow } from '../src/flow/open-flow.ts'
import { keepRollups } from '../src/flow/audit/sessions/keep-rollups.ts'
import { verifyLedger } from '../src/flow/audit/verify-ledger.ts'
import { builtInChecks } from '../src/flow/verify/checks/index.ts'
import { loadPolicy } from '../src/policy/load-policy.ts'
import { masterKeyFrom } from '../src/storage/sealing/master-key.ts'
import type { Store } from '../src/storage/store.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * The whole pipeline: propose with the permission taken, decision and reservation on disk before the effect,
 * an effect that does nothing, the outcome on disk. `sqlite`: one process; `postgres`: two replicas, escrow.
 *
 *   node bench/pipeline.ts sqlite|postgres [--seconds 10] [--in-flight 64] [--follow] [--subjects]
 *
 * `--follow`: spans, sessions and hourly sums are kept meanwhile. `--subjects`: each action holds data of one of 1,000
 * persons, so that its payloads are sealed.
 */
const POLICY = `
version: 1
agents:
  commenter: { budget: [{ limit_usd: 1000000, per: day }], rate: [{ limit: 900000000, per: hour }] }
actions:
  instagram.comment:
    effect: write
    cost_usd: 0.0001
    input: { type: object, required: [text], properties: { text: { type: string } } }
    verify: [{ max_length: { field: text, platform: instagram } }, { banned_phrases: { field: text, phrases: [guaranteed returns] } }]
`

async function openStore(url: string | undefined, folder: string): Promise<Store> {
  const masterKey = masterKeyFrom(Buffer.alloc(32, 1).toString('base64'), 'the benchmark')
  if (url === undefined)
    return (await import('../src/storage/sqlite/open-sqlite.ts')).openSqlite({ folder, masterKey })
  return (await import('../src/storage/postgres/open-postgres.ts')).openPostgres({ url, masterKey })
}

interface Load {
  readonly actions: number
  readonly seconds: number
  readonly times: number[]
  /** CPU time of this process, all its threads, microseconds. */
  readonly cpu: number
  /** The same by the threads' names, where the system tells (Linux). */
  readonly threads: Readonly<Record<string, number>>
}

async function load(store: Store, seconds: number, inFlight: number): Promise<Load> {
  const { policy, faults } = loadPolicy({ text: POLICY, path: 'belay.yaml' }, { checks: builtInChecks })
  if (policy === null) throw new Error(JSON.stringify(faults))
  const policies = { current: () => policy, onChange: () => () => undefined }
  const flow = await openFlow({ store, policies, onFault: (fault) => console.error(fault) })
  const follower = process.argv.includes('--follow') ? keepRollups(store) : undefined
  const withSubjects = process.argv.includes('--subjects')
  let times: number[] = []
  const run = async (until: number): Promise<void> => {
    for (let i = 0; performance.now() < until; i++) {
      const started = performance.now()
      const { action } = await flow.propose(
        {
          agent: 'commenter',
          action: 'instagram.comment',
          input: { text: `We are open from nine to six, see you soon! ${i}` },
          ...(withSubjects && { subjects: [`person-${i % 1000}`] }),
        },
        { venue: 'belay', start: true },
      )
      if (action.state.name !== 'executing') throw new Error(JSON.stringify(action.reasons))
      await flow.report(action.id, { outcome: 'succeeded', result: { id: i }, cost: 90_000 })
      times.push(performance.now() - started)
    }
  }
  const drive = (ms: number): Promise<unknown> =>
    Promise.all(Array.from({ length: inFlight }, () => run(performance.now() + ms)))
  await drive(2000)
  times = []
  const started = performance.now()
  const before = process.cpuUsage()
  const threadsBefore = threadTimes()
  await drive(seconds * 1000)
  const took = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  const threads = Object.fromEntries(
    Object.entries(threadTimes()).map(([name, time]) => [name, time - (threadsBefore[name] ?? 0)]),
  )
  await flow.close()
  await follower?.close()
  return { actions: times.length, seconds: took, times, cpu: user + system, threads }
}

/** CPU time of the threads of this process that live, microseconds, by name. */
function threadTimes(): Record<string, number> {
  const times: Record<string, number> = {}
  const folder = '/proc/self/task'
  for (const id of process.platform === 'linux' ? readdirSync(folder) : []) {
    try {
      const name = readFileSync(`${folder}/${id}/comm`, 'utf8').trim()
      const [nanoseconds = '0'] = readFileSync(`${folder}/${id}/schedstat`, 'utf8').split(' ')
      times[name] = (times[name] ?? 0) + Number(nanoseconds) / 1000
    } catch {
      // It has ended meanwhile.
    }
  }
  return times
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}

const [, , mode] = process.argv
const seconds = option('seconds', 10)
const inFlight = option('in-flight', 64)

if (mode === 'replica') {
  const store = await openStore(process.env['BENCH_DATABASE_URL'], '')
  process.send?.(await load(store, seconds, inFlight))
  await store.close()
} else if (mode === 'postgres') {
  const { freshDatabase, startPostgres } = await import('../test/setup/start-postgres.ts')
  const server = await startPostgres({ durable: true })
  try {
    const url = await freshDatabase(server.url)
    const replica = (): Promise<Load> =>
      new Promise((resolve, reject) => {
        const args = ['replica', '--seconds', String(seconds), '--in-flight', String(inFlight)]
        const child = fork(import.meta.filename, args, { env: { ...process.env, BENCH_DATABASE_URL: url } })
        child.once('message', (message) => resolve(message as Load))
        child.once('exit', (code) =>
          code === 0 ? undefined : reject(new Error(`a replica ended with ${code}`)),
        )
      })
    const both = await Promise.all([replica(), replica()])
    const rate = both.reduce((sum, one) => sum + one.actions / one.seconds, 0)
    report(
      'PostgreSQL, two replicas, escrow',
      rate,
      both.flatMap(({ times }) => times),
      both.reduce((sum, one) => sum + one.cpu, 0),
    )
  } finally {
    await server.stop()
  }
} else if (mode === 'sqlite') {
  const folder = mkdtempSync(join(tmpdir(), 'belay-bench-'))
  try {
    const store = await openStore(undefined, folder)
    const { actions, seconds: took, times, cpu, threads } = await load(store, seconds, inFlight)
    report('SQLite, one process', actions / took, times, cpu)
    const each = Object.entries(threads).map(
      ([name, time]) => [name, Math.round((time / actions) * 10) / 10] as const,
    )
    const told = each.filter(([, time]) => time > 0).toSorted(([, a], [, b]) => b - a)
    console.log(`by thread: ${told.map(([name, time]) => `${name} ${time} µs`).join(', ')}`)
    const ledger = await verifyLedger(store)
    console.log(`ledger: ${ledger.records} records, ${ledger.ok ? 'verified' : 'BROKEN'}`)
    await store.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
} else {
  console.error('usage: node bench/pipeline.ts sqlite|postgres [--seconds 10] [--in-flight 64]')
  process.exitCode = 2
}

function report(what: string, rate: number, times: number[], cpu: number): void {
  const { p50, p99 } = percentiles(times)
  console.log(machine())
  console.log(
    `${what}: ${Math.round(rate)} actions/s at ${inFlight} in flight, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${Math.round(cpu / times.length)} µs CPU an action without the server (${seconds} s; propose + start + outcome, two durable commits each)`,
  )
}
