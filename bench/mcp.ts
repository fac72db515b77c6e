/**
 * What the MCP gateway adds to a tool call: the scripted server alone over stdio, and behind the gateway with durable
 * records in SQLite. The two are called in turn, so that both see the same machine. `node bench/mcp.ts [calls]`
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openHarness } from '../src/entry/harness.ts'
import { ScriptedClient } from '../test/mcp-gateway/client.ts'

const calls = Number(process.argv[2] ?? 2_000)
const folder = mkdtempSync(join(tmpdir(), 'belay-bench-mcp-'))
writeFileSync(
  join(folder, 'belay.yaml'),
  `version: 1
agents: { worker: { budget: [{ limit_usd: 1000, per: day }], rate: [{ limit: 1000000, per: hour }] } }
actions:
  mcp.scripted.*: { verify: [{ secrets: {} }], result: { verify: [{ injection: {} }] } }
  bare.step: { effect: write }
`,
)
const harness = await openHarness({
  config: join(folder, 'belay.yaml'),
  data: join(folder, 'data'),
  watch: false,
})
const behind = new ScriptedClient({ harness })
await behind.initialize()

const bare = spawn(process.execPath, [join(import.meta.dirname, '../test/mcp-gateway/servers/scripted.ts')], {
  stdio: ['pipe', 'pipe', 'ignore'],
})
const waiting = new Map<number, () => void>()
createInterface({ input: bare.stdout }).on('line', (line) =>
  waiting.get((JSON.parse(line) as { id: number }).id)?.(),
)
let next = 1
const callBare = (message: string): Promise<void> =>
  new Promise((resolve) => {
    const id = next++
    waiting.set(id, resolve)
    const params = { name: 'echo', arguments: { message } }
    bare.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`)
  })

/** The permission and the outcome of an action that does nothing: two commits on disk, one after the other. */
const recordBare = async (): Promise<void> => {
  const { action } = await harness.flow.propose(
    { agent: 'worker', action: 'bare.step', input: {} },
    { venue: 'agent', start: true },
  )
  await harness.flow.report(action.id, { outcome: 'succeeded' })
}

const recorded: number[] = []
const without: number[] = []
const within: number[] = []
for (let call = 0; call < calls + 200; call++) {
  const message = `Message number ${call} of the bench.`
  const start = performance.now()
  await callBare(message)
  const middle = performance.now()
  await behind.call('echo', { message })
  const end = performance.now()
  await recordBare()
  if (call < 200) continue
  without.push(middle - start)
  within.push(end - middle)
  recorded.push(performance.now() - end)
}
const at = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!
for (const share of [0.5, 0.99]) {
  const [a, b] = [at(without, share), at(within, share)]
  console.log(
    `p${share * 100}: alone ${a.toFixed(2)} ms, behind Belay ${b.toFixed(2)} ms, added ${(b - a).toFixed(2)} ms; its two commits on disk, with nothing else: ${at(recorded, share).toFixed(2)} ms`,
  )
}
await behind.close()
await harness.close()
bare.kill()
rmSync(folder, { recursive: true, force: true })
