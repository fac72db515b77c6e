import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { machine } from '../policy-100.ts'
import { belay, direct, nginx, portkey, type Contender } from './contenders.ts'
import { syncTime } from './disk.ts'
import { memoryRun, moneyRun } from './endurance.ts'
import { canPin, has, said, start, stop, type Core } from './processes.ts'
import { callSlice, median, quietest, streamSlice, type Slice, type StreamSlice } from './slices.ts'
import { callTable, streamTable } from './tables.ts'

/**
 * The model gateway beside nginx and Portkey, in one run on one machine before one fake provider.
 *
 *   node bench/gateway/bench.ts [--quick] [--memory] [--money] [--only belay,nginx] [--rounds 5]
 *     [--before FOLDER]
 *
 * `--memory` and `--money` run these alone. `--before` measures another checkout beside this one. `--prof FOLDER` writes a CPU profile of Belay.
 */
const quick = process.argv.includes('--quick')
const only = option('only')?.split(',')
const rounds = Number(option('rounds') ?? (quick ? 3 : 6))
const seconds = 2
const prof = option('prof')
const before = option('before')

const folder = mkdtempSync(join(tmpdir(), 'belay-gateway-'))
const LOAD: Core = canPin ? 1 : null
const provider = start(LOAD, process.execPath, [resolve(import.meta.dirname, 'provider.ts')])
const open: Contender[] = []
try {
  const [, port = ''] = await said(provider, /"port":(\d+)/)
  const upstream = { port: Number(port), pid: provider.pid ?? 0 }
  console.log(
    `${machine()}. ${canPin ? 'The program under test on one core, load and provider on the other' : 'Nothing pinned to a core'}; ` +
      `medians over the quieter half of ${rounds} slices of ${seconds} s in alternating order.\n`,
  )
  if (process.argv.includes('--memory'))
    console.log(await memoryRun(folder, upstream, quick ? 20_000 : 200_000))
  else if (process.argv.includes('--money')) console.log(await moneyRun(folder, upstream))
  else await compare(upstream)
} finally {
  for (const contender of open) await contender.close()
  await stop(provider)
  rmSync(folder, { recursive: true, force: true })
}

async function compare(upstream: { readonly port: number; readonly pid: number }): Promise<void> {
  if (!has('wrk')) throw new Error('wrk is needed for the load (apt-get install wrk)')
  const contenders = await everybody(upstream.port, canPin ? 0 : null)
  console.log(`A record on this disk, written and synced alone: p50 ${syncTime(folder).toFixed(0)} µs.\n`)
  const sizes = quick ? [1_000] : [1_000, 20_000]
  const connections = quick ? [1, 16, 64] : [1, 16, 64, 256]
  for (const contender of contenders)
    await callSlice(folder, contender, upstream.pid, { bytes: 1_000, clients: 64, seconds: 3, core: LOAD })
  for (const bytes of sizes) {
    for (const clients of connections) {
      const slices = await alternating(contenders, (contender) =>
        callSlice(folder, contender, upstream.pid, { bytes, clients, seconds, core: LOAD }),
      )
      console.log(callTable(`${bytes / 1000} KB each way, c = ${clients}`, summary(slices)))
    }
  }
  for (const { clients, pace } of quick
    ? [{ clients: 40, pace: 5 }]
    : [
        { clients: 1, pace: 0 },
        { clients: 16, pace: 0 },
        { clients: 40, pace: 5 },
      ]) {
    for (const contender of contenders)
      await streamSlice(contender, upstream.pid, { clients, pace, seconds: 2, core: LOAD })
    const slices = await alternating(contenders, (contender) =>
      streamSlice(contender, upstream.pid, { clients, pace, seconds: 3, core: LOAD }),
    )
    const what = pace === 0 ? 'as fast as they come' : `a token every ${pace} ms`
    console.log(streamTable(`Streams of 200 tokens, ${what}, c = ${clients}`, streamSummary(slices)))
  }
  for (const contender of open.splice(0)) await contender.close()
  if (quick || !canPin) return
  const unpinned = await everybody(upstream.port, null)
  for (const clients of [1, 64]) {
    for (const contender of unpinned)
      await callSlice(folder, contender, upstream.pid, { bytes: 1_000, clients, seconds: 3, core: null })
    const slices = await alternating(unpinned, (contender) =>
      callSlice(folder, contender, upstream.pid, { bytes: 1_000, clients, seconds, core: null }),
    )
    console.log(callTable(`1 KB each way, c = ${clients}, program and load not pinned`, summary(slices)))
  }
  for (const contender of open.splice(0)) await contender.close()
  console.log(await moneyRun(folder, upstream))
}

async function everybody(port: number, core: Core): Promise<Contender[]> {
  const wanted = (name: string): boolean => only === undefined || only.includes(name)
  const contenders: Contender[] = [direct(port)]
  for (const made of [
    wanted('nginx') ? await nginx(folder, core, port) : 'nginx was left out',
    wanted('portkey') ? await portkey(folder, core, port) : 'Portkey was left out',
    wanted('belay')
      ? await belay(
          folder,
          core,
          port,
          prof === undefined ? {} : { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${prof}`] },
        )
      : 'Belay was left out',
    ...(before === undefined ? [] : [await belay(folder, core, port, { before: resolve(before) })]),
  ]) {
    if (typeof made === 'string') {
      console.log(`Not measured: ${made}.`)
      continue
    }
    open.push(made)
    contenders.push(made)
  }
  return contenders
}

/** Each contender once a round; every other round in the opposite order. */
async function alternating<T>(
  contenders: readonly Contender[],
  measure: (contender: Contender) => Promise<T>,
): Promise<Map<Contender['name'], T[]>> {
  const found = new Map<Contender['name'], T[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed()
    for (const contender of order) found.get(contender.name)?.push(await measure(contender))
  }
  return found
}

function summary(all: ReadonlyMap<Contender['name'], readonly Slice[]>): Map<Contender['name'], Slice> {
  return new Map(
    [...all].map(([name, slices]) => {
      const quiet = quietest(slices)
      const of = (field: keyof Slice): number => median(quiet.map((slice) => slice[field]))
      const failed = slices.reduce((sum, slice) => sum + slice.failed, 0)
      return [
        name,
        {
          rps: of('rps'),
          p50: of('p50'),
          p99: of('p99'),
          cpu: of('cpu'),
          rss: of('rss'),
          failed,
          foreign: of('foreign'),
        },
      ]
    }),
  )
}

function streamSummary(
  all: ReadonlyMap<Contender['name'], readonly StreamSlice[]>,
): Map<Contender['name'], StreamSlice> {
  return new Map(
    [...all].map(([name, slices]) => {
      const quiet = quietest(slices)
      const of = (field: keyof StreamSlice): number => median(quiet.map((slice) => slice[field]))
      const failed = slices.reduce((sum, slice) => sum + slice.failed, 0)
      return [
        name,
        {
          cpu: of('cpu'),
          tokensPerSecond: of('tokensPerSecond'),
          firstP50: of('firstP50'),
          failed,
          foreign: of('foreign'),
        },
      ]
    }),
  )
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}
