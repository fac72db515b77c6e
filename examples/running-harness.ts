// Starts `belay up` on a free port with a data folder of its own, for the examples that need one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface RunningHarness {
  readonly url: string
  readonly adminToken: string
  stop(): Promise<void>
}

export async function startHarness(config: string): Promise<RunningHarness> {
  const data = mkdtempSync(join(tmpdir(), 'belay-example-'))
  const launcher = join(import.meta.dirname, '..', 'bin', 'belay.js')
  const child = spawn(process.execPath, [launcher, 'up', '--port', '0', '--config', config, '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^belay is up at (.+)$/.exec(line)?.[1]
    if (url === undefined) continue
    return {
      url,
      adminToken: readFileSync(join(data, 'admin.token'), 'utf8').trim(),
      async stop() {
        child.kill('SIGTERM')
        await exited
        rmSync(data, { recursive: true, force: true })
      },
    }
  }
  throw new Error('belay up ended before it answered')
}
