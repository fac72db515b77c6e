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
  /** A new key of an agent. */
  keyOf(agent: string): Promise<string>
  /** What a person does in an inbox: takes the next thing that waits, and decides. */
  decideNext(outcome: 'approve' | 'reject'): Promise<void>
  stop(): Promise<void>
}

interface Answer {
  readonly key: string
  readonly items: readonly { readonly id: string }[]
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
    const adminToken = readFileSync(join(data, 'admin.token'), 'utf8').trim()
    const asPerson = async (method: string, path: string, body?: object): Promise<Answer> => {
      const headers = {
        authorization: `Bearer ${adminToken}`,
        'belay-acting-as': 'finance@example.com',
        'content-type': 'application/json',
      }
      const response = await fetch(url + path, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      })
      return (await response.json()) as Answer
    }
    return {
      url,
      adminToken,
      keyOf: async (agent) => (await asPerson('POST', '/v1/keys', { agent })).key,
      async decideNext(outcome) {
        for (;;) {
          const [waiting] = (await asPerson('GET', '/v1/approvals?state=pending')).items
          if (waiting === undefined) continue
          await asPerson('POST', `/v1/approvals/${waiting.id}`, { outcome, reason: 'looked at it' })
          return
        }
      },
      async stop() {
        child.kill('SIGTERM')
        await exited
        rmSync(data, { recursive: true, force: true })
      },
    }
  }
  throw new Error('belay up ended before it answered')
}
