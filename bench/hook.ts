import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHarness } from '../src/entry/harness.ts'
import { hookDoor } from '../src/entry/hooks/hook-door.ts'
import { startHttpServer } from '../src/entry/http-api/server.ts'

// How long an agent waits for the hook: the process from its start to its end, beside a process that does nothing.

const RUNS = Number(process.argv[2] ?? 200)
const TOKEN = 'bench-admin-token-0123456789'
const PROGRAMS = join(import.meta.dirname, '../bin')

const folder = await mkdtemp(join(tmpdir(), 'belay-bench-hook-'))
const config = join(folder, 'belay.yaml')
await writeFile(config, 'version: 1\nactions:\n  shell.run: { effect: write, verify: [{ shell: {} }] }\n')
const harness = await openHarness({ config, data: join(folder, 'data') })
const { flow, store, policies } = harness
const server = await startHttpServer({
  flow,
  store,
  policies,
  ledgerLog: harness.ledgerLog,
  port: 0,
  adminToken: TOKEN,
  version: 'bench',
  log: { level: 'silent' },
  doors: [hookDoor({ flow, store, policies })],
})

function once(program: string, args: readonly string[], input: string): Promise<number> {
  const from = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { PATH: process.env['PATH'], BELAY_URL: server.url, BELAY_TOKEN: TOKEN },
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(performance.now() - from) : reject(new Error(`exit ${code}`)),
    )
    child.stdin.end(input)
  })
}

function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, fastest ${at(0)} ms`
}

const bare: number[] = []
const byNode: number[] = []
const byCurl: number[] = []
for (let index = 0; index < RUNS; index++) {
  const event = {
    session_id: 'bench',
    hook_event_name: 'PreToolUse',
    tool_name: 'Bash',
    tool_input: { command: `git log --oneline -${index} | head -5 && npm test` },
    tool_use_id: `bench_${index}`,
    cwd: folder,
  }
  // By turns, so that what else the machine does falls on all.
  bare.push(await once(process.execPath, ['-e', '0'], ''))
  byNode.push(
    await once(process.execPath, [join(PROGRAMS, 'belay-hook.js'), 'claude-code'], JSON.stringify(event)),
  )
  byCurl.push(
    await once(
      '/bin/sh',
      [join(PROGRAMS, 'belay-hook.sh'), process.execPath, 'claude-code'],
      JSON.stringify({ ...event, tool_use_id: `bench_curl_${index}` }),
    ),
  )
}
console.log(`node that does nothing: ${figures(bare)}`)
console.log(`the hook by node:       ${figures(byNode)}`)
console.log(`the hook by curl:       ${figures(byCurl)}`)
await server.close()
await harness.close()
await rm(folder, { recursive: true, force: true })
