import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { confinement } from '../src/entry/replay/confine.ts'
import { readSession } from '../src/entry/replay/read-session.ts'
import { replayRun } from '../src/entry/replay/replay-run.ts'
import { ApiClient } from '../src/entry/sdk/api-client.ts'
import { policyFor } from '../test/model-gateway/drive.ts'
import { startProvider } from '../test/model-gateway/provider/provider.ts'
import { startGateway } from '../test/setup/gateway.ts'
import { ADMIN } from '../test/setup/http-server.ts'
import { machine, percentiles } from './policy-100.ts'
import { askAll, WORDS } from './replay-agent.ts'

/**
 * What keeping a session costs, and what replaying it takes: streamed calls one after the other, each with the last few
 * messages of a conversation, first with nothing kept, then with everything; then the same questions against the
 * recording, from a program of its own without a network.
 *
 *   node bench/replay.ts [--steps 1000]
 */
const at = process.argv.indexOf('--steps')
const steps = at === -1 ? 1000 : Number(process.argv[at + 1])

const folder = mkdtempSync(join(tmpdir(), 'belay-bench-replay-'))
const provider = await startProvider()
provider.script(() => ({ text: WORDS.repeat(2) }))
const policy = (kept: 'off' | 'full'): string =>
  policyFor(provider, { actions: `record: { models: ${kept} }\n` })

console.log(machine())
for (const kept of ['off', 'full'] as const) {
  const gateway = await startGateway(policy(kept), provider)
  const key = await gateway.key('reader')
  await askAll(gateway.url, key, 50)
  const before = process.cpuUsage()
  const took = await askAll(gateway.url, key, Math.min(steps, 300))
  const { user, system } = process.cpuUsage(before)
  const { p50, p99 } = percentiles(took)
  const cpu = (user + system) / took.length
  console.log(
    `record ${kept.padEnd(4)}  a call p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, CPU ${cpu.toFixed(0)} µs (harness, provider and agent)`,
  )
  await gateway.close()
}

const gateway = await startGateway(policy('full'), provider)
await askAll(gateway.url, await gateway.key('reader'), steps)
const client = new ApiClient(gateway.url, ADMIN)
let recorded = await readSession(client, 'bench', 'reader')
while (recorded.steps.length < steps) recorded = await readSession(client, 'bench', 'reader')
const reading = performance.now()
const readingFrom = process.cpuUsage()
recorded = await readSession(client, 'bench', 'reader')
const read = performance.now() - reading
const spent = process.cpuUsage(readingFrom)
const readCpu = (spent.user + spent.system) / 1000
const bytes = Buffer.byteLength(JSON.stringify(recorded.steps))
const start = {
  steps: recorded.steps,
  volatile: ['dates', 'ids'],
  port: 0,
  timing: false,
  cwd: process.cwd(),
  env: { PATH: process.env['PATH'] ?? '' },
  quiet: false,
  fork: null,
  allowNetwork: 'unavailable' in confinement(),
}
const agent = fileURLToPath(new URL('./replay-agent.ts', import.meta.url))
writeFileSync(join(folder, 'empty.mjs'), '')
const timed = async (args: readonly string[]): Promise<[number, number, number]> => {
  const began = performance.now()
  const report = await replayRun({ ...start, command: [process.execPath, ...args] })
  return [performance.now() - began, report.answered, report.cpuMs]
}
const [nothing] = await timed([join(folder, 'empty.mjs')])
const [whole, answered, cpu] = await timed([agent, 'ask', String(steps)])
console.log(`${recorded.steps.length} steps kept, ${(bytes / 1e6).toFixed(1)} MB`)
console.log(`reading them from the harness ${read.toFixed(0)} ms`)
console.log(
  `replay of ${answered} steps ${whole.toFixed(0)} ms, the agent's own start and work included; with an agent that does nothing ${nothing.toFixed(0)} ms`,
)
console.log(
  `of the processor the harness took ${(readCpu + cpu).toFixed(0)} ms: ${readCpu.toFixed(0)} to read, ${cpu} to replay`,
)
await gateway.close()
await provider.close()
rmSync(folder, { recursive: true, force: true })
