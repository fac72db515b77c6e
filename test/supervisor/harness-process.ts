import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi, inject } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/action/json.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'

const BELAY = inject('launcher')

/** `belay up` as a process of its own, in a folder of its own, with the agents that its policy declares. */
export class HarnessProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'belay-supervised-'))
  readonly #env: NodeJS.ProcessEnv
  #process: ChildProcess | undefined
  client!: ApiClient

  constructor(policy: string, env: NodeJS.ProcessEnv = {}) {
    writeFileSync(join(this.folder, 'belay.yaml'), policy)
    this.#env = { ...process.env, ...env }
  }

  async up(): Promise<void> {
    const data = join(this.folder, 'data')
    const child = spawn(
      process.execPath,
      [BELAY, 'up', '--port', '0', '--config', join(this.folder, 'belay.yaml'), '--data', data],
      { stdio: ['ignore', 'pipe', 'inherit'], env: this.#env },
    )
    this.#process = child
    const url = await new Promise<string>((done, fail) => {
      let said = ''
      child.once('exit', (code) => fail(new Error(`belay up ended with ${code}`)))
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString()
        const found = /belay is up at (\S+)/.exec(said)?.[1]
        if (found !== undefined) done(found)
      })
    })
    this.client = new ApiClient(url, readFileSync(join(data, 'admin.token'), 'utf8').trim())
  }

  kill(): void {
    this.#process?.kill('SIGKILL')
  }

  async end(): Promise<void> {
    const child = this.#process
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await new Promise((done) => child.once('exit', done))
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  async processOf(name: string): Promise<JsonObject> {
    const { items } = await this.client.object('GET', '/v1/agents')
    const agent = (items as JsonObject[]).find((one) => one['name'] === name)
    return isJsonObject(agent?.['process']) ? agent['process'] : {}
  }

  /** Until its process is in this state. */
  runs(name: string, state = 'running'): Promise<void> {
    return eventually(async () => expect((await this.processOf(name))['state']).toBe(state))
  }

  async set(name: string, state: string): Promise<void> {
    await this.client.object('PATCH', `/v1/agents/${name}`, { body: { state, reason: 'a test' } })
  }

  async logOf(name: string): Promise<string> {
    const { items } = await this.client.object('GET', `/v1/agents/${name}/logs`)
    return (items as JsonObject[]).map(({ text }) => text as string).join('\n')
  }

  async ticks(name: string): Promise<number> {
    return (await this.logOf(name)).split('tick').length
  }
}

export const eventually = (check: () => Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 100 })
