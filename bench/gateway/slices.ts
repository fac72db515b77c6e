import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Contender } from './contenders.ts'
import { NUMBER, requestBody } from './calls.ts'
import { cpuOf, endedChildrenCpu, machineCpu, memoryOf, said, start, type Core } from './processes.ts'

/** A few seconds of load. */
export interface Slice {
  readonly rps: number
  /** ms */
  readonly p50: number
  readonly p99: number
  /** CPU of the contender, µs per call. */
  readonly cpu: number
  /** MB */
  readonly rss: number
  readonly failed: number
  /** Share of the machine that others used meanwhile, 0 … 1. */
  readonly foreign: number
}

export interface StreamSlice {
  /** CPU of the contender, µs per token. */
  readonly cpu: number
  readonly tokensPerSecond: number
  /** ms */
  readonly firstP50: number
  readonly failed: number
  readonly foreign: number
}

const REPORT = `
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"calls":%d,"us":%d,"p50":%d,"p99":%d,"failed":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`

/** Calls one after the other on each of `clients` connections, by wrk. */
export async function callSlice(
  folder: string,
  contender: Contender,
  providerPid: number,
  { bytes, clients, seconds, core }: { bytes: number; clients: number; seconds: number; core: Core },
): Promise<Slice> {
  const script = join(folder, `${contender.name}-${bytes}.lua`)
  const [before = '', after = ''] = requestBody(bytes).split(NUMBER)
  const headers = Object.entries({ 'content-type': 'application/json', ...contender.headers })
  writeFileSync(
    script,
    `wrk.method = "POST"
${headers.map(([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`).join('\n')}
local before, after, number = ${lua(before)}, ${lua(after)}, ${Date.now()}000
request = function()
  number = number + 1
  return wrk.format(nil, nil, nil, before .. string.format("%016d", number) .. after)
end
${REPORT}`,
  )
  const url = `http://127.0.0.1:${contender.port}${contender.path}`
  const run = async () => {
    const args = [
      '-t',
      '1',
      '-c',
      String(clients),
      '-d',
      `${seconds}s`,
      '--timeout',
      '30s',
      '-s',
      script,
      url,
    ]
    const child = start(core, 'wrk', args)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    const [line] = await said(child, /\{"calls".*\}/, (seconds + 60) * 1000)
    await gone
    return { ...(JSON.parse(line) as WrkReport), pid: child.pid ?? 0 }
  }
  const { report, cpu, foreign } = await observed(contender, providerPid, run)
  return {
    rps: (report.calls / report.us) * 1e6,
    p50: report.p50 / 1000,
    p99: report.p99 / 1000,
    cpu: cpu / report.calls,
    rss: contender.pid === null ? 0 : memoryOf(contender.pid),
    failed: report.failed,
    foreign,
  }
}

interface WrkReport {
  readonly calls: number
  readonly us: number
  readonly p50: number
  readonly p99: number
  readonly failed: number
}

/** Streams one after the other on each of `clients` connections; the provider makes a token every `pace` ms. */
export async function streamSlice(
  contender: Contender,
  providerPid: number,
  { clients, seconds, pace, core }: { clients: number; seconds: number; pace: number; core: Core },
): Promise<StreamSlice> {
  const job = {
    port: contender.port,
    path: contender.path,
    headers: contender.headers,
    body: requestBody(1_000, pace),
    clients,
    seconds,
  }
  const run = async () => {
    const started = performance.now()
    const entry = resolve(import.meta.dirname, 'stream-load.ts')
    const child = start(core, process.execPath, [entry, JSON.stringify(job)])
    const gone = new Promise((done) => child.once('exit', done))
    const [line] = await said(child, /\{"tokens".*\}/, (seconds + 60) * 1000)
    await gone
    const took = (performance.now() - started) / 1000
    return { ...(JSON.parse(line) as StreamReport), took }
  }
  const { report, cpu, foreign } = await observed(contender, providerPid, run)
  return {
    cpu: cpu / report.tokens,
    tokensPerSecond: report.tokens / report.took,
    firstP50: report.firstP50 ?? Number.NaN,
    failed: report.failed,
    foreign,
  }
}

interface StreamReport {
  readonly tokens: number
  readonly firstP50: number | null
  readonly failed: number
}

/** The quieter half of some slices: this machine is not ours alone. */
export function quietest<T extends { readonly foreign: number }>(slices: readonly T[]): T[] {
  return [...slices].sort((a, b) => a.foreign - b.foreign).slice(0, Math.max(1, Math.ceil(slices.length / 2)))
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

async function observed<T>(
  contender: Contender,
  providerPid: number,
  run: () => Promise<T>,
): Promise<{ readonly report: T; readonly cpu: number; readonly foreign: number }> {
  const ours = (): number => (contender.pid === null ? 0 : cpuOf(contender.pid)) + cpuOf(providerPid)
  const loadBefore = process.resourceUsage()
  const [ownBefore, oursBefore, before, at] = [
    contender.pid === null ? 0 : cpuOf(contender.pid),
    ours(),
    machineCpu(),
    performance.now(),
  ]
  const childrenBefore = endedChildrenCpu()
  const report = await run()
  const after = machineCpu()
  const took = (performance.now() - at) * 1000
  const cpu = contender.pid === null ? 0 : cpuOf(contender.pid) - ownBefore
  const loadAfter = process.resourceUsage()
  const self =
    loadAfter.userCPUTime + loadAfter.systemCPUTime - loadBefore.userCPUTime - loadBefore.systemCPUTime
  const load = endedChildrenCpu() - childrenBefore
  const others = after.busy - before.busy - (ours() - oursBefore) - self - load + after.stolen - before.stolen
  return { report, cpu, foreign: Math.max(0, others / (took * CORES)) }
}

const CORES = navigator.hardwareConcurrency

function lua(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
