import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { machine } from './policy-100.ts'

/**
 * From the start of the process to the first decision over HTTP, and memory then and when idle afterwards, of the built
 * package (`npm run build` first).
 */
const root = resolve(import.meta.dirname, '..')
if (!existsSync(join(root, 'dist'))) throw new Error('run `npm run build` first')
const folder = mkdtempSync(join(tmpdir(), 'belay-bench-'))
// As it is published: without the sources, which the launcher prefers in a checkout.
for (const part of ['bin', 'dist', 'package.json'])
  cpSync(join(root, part), join(folder, part), { recursive: true })
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
const main = join(folder, 'bin/belay.js')
const policy = `version: 1
actions:
  note.write:
    effect: write
    verify: [{ max_length: { field: text, max: 500 } }, { pii: { field: text, then: redact } }, { secrets: {} }]
`
writeFileSync(join(folder, 'belay.yaml'), policy)

const RUNS = 7
const times: number[] = []
let memory = 0
let idle = 0
try {
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now()
    const args = [
      main,
      'up',
      '--config',
      join(folder, 'belay.yaml'),
      '--data',
      join(folder, `data-${run}`),
      '--port',
      '0',
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const url = await new Promise<string>((found, failed) => {
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const match = /belay is up at (\S+)/.exec(text)
        if (match?.[1] !== undefined) found(match[1])
      })
      child.once('exit', (code) => failed(new Error(`belay up ended with ${code}`)))
    })
    const token = readFileSync(join(folder, `data-${run}`, 'admin.token'), 'utf8').trim()
    const response = await fetch(`${url}/v1/actions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: 'a', action: 'note.write', input: { text: 'hello' } }),
    })
    const { decision } = (await response.json()) as { decision: string }
    if (decision !== 'allow') throw new Error(`decided ${decision}`)
    times.push(performance.now() - started)
    memory = Math.max(memory, residentMemory(child.pid))
    // Once is enough. The engine gives back what it does not need within half a minute.
    if (run === RUNS - 1) {
      await new Promise((resolve) => setTimeout(resolve, 30_000))
      idle = residentMemory(child.pid)
    }
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const sorted = times.toSorted((a, b) => a - b)
console.log(machine())
console.log(
  `start to first decision: median ${sorted[RUNS >> 1]?.toFixed(0)} ms, worst ${sorted.at(-1)?.toFixed(0)} ms of ${RUNS}; resident memory then at most ${memory.toFixed(0)} MB, half a minute later ${idle.toFixed(0)} MB`,
)

function residentMemory(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024
}
