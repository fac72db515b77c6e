import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { machine } from './policy-100.ts'

/**
 * From the start of the process to the first decision over HTTP, and memory when idle afterwards, of the built
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

const times: number[] = []
let memory = 0
try {
  for (let run = 0; run < 7; run++) {
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
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    memory = Math.max(memory, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
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
  `start to first decision: median ${sorted[3]?.toFixed(0)} ms, worst ${sorted.at(-1)?.toFixed(0)} ms of 7; resident memory then ${memory.toFixed(0)} MB`,
)
