import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi, inject } from 'vitest'
import { readSession, type RecordedSession } from '../../src/entry/replay/read-session.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { policyFor } from '../model-gateway/drive.ts'
import { startProvider, type Provider, type Script } from '../model-gateway/provider/provider.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ADMIN } from '../setup/http-server.ts'

export const AGENT = join(import.meta.dirname, 'agent.ts')
const LAUNCHER = inject('launcher')

/** A harness that records, a provider that says what the script says, and the agent as a program. */
export class RecordedWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'belay-replay-'))
  readonly provider: Provider
  readonly gateway: TestGateway
  readonly client: ApiClient
  readonly #key: string

  constructor(provider: Provider, gateway: TestGateway, key: string) {
    this.provider = provider
    this.gateway = gateway
    this.client = new ApiClient(gateway.url, ADMIN)
    this.#key = key
  }

  static async open(more = ''): Promise<RecordedWorld> {
    const provider = await startProvider()
    const actions = `  box.open: {}\n  tool.open: {}\nrecord: { models: full, api: full }\n${more}`
    const gateway = await startGateway(policyFor(provider, { actions }), provider)
    return new RecordedWorld(provider, gateway, await gateway.key('opener'))
  }

  /** Runs the agent in earnest, and waits until all of its steps have been kept. */
  async record(session: string, script: Script, steps: number): Promise<RecordedSession> {
    this.provider.script(script)
    const child = spawn(process.execPath, [AGENT], {
      env: {
        ...process.env,
        OUT: this.out(session),
        SESSION: session,
        BELAY_URL: this.gateway.url,
        BELAY_KEY: this.#key,
        OPENAI_BASE_URL: `${this.gateway.url}/openai/v1`,
        OPENAI_API_KEY: this.#key,
      },
      stdio: 'inherit',
    })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0)
    return this.whole(session, steps)
  }

  /** The recordings are kept after the answers: the last one may still be on its way. */
  whole(session: string, steps: number): Promise<RecordedSession> {
    return vi.waitFor(
      async () => {
        const found = await readSession(this.client, session, 'opener')
        expect(found.steps.length).toBe(steps)
        return found
      },
      { timeout: 60_000 },
    )
  }

  out(name: string): string {
    return join(this.folder, `${name}.json`)
  }

  /** What the agent had said and got, as it wrote it down. */
  said(name: string): Said {
    return JSON.parse(readFileSync(this.out(name), 'utf8')) as Said
  }

  /** The command line, against this harness. */
  belay(
    args: readonly string[],
    env: Record<string, string> = {},
  ): { child: ChildProcess; done: Promise<Outcome> } {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: '1', BELAY_URL: this.gateway.url, BELAY_TOKEN: ADMIN, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout?.on('data', (piece: Buffer) => (out += piece.toString()))
    child.stderr?.on('data', (piece: Buffer) => (err += piece.toString()))
    const done = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
    return { child, done }
  }

  async close(): Promise<void> {
    await this.gateway.close()
    await this.provider.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** As agent.ts writes it. */
export interface Said {
  readonly messages: readonly { readonly role: string; readonly content?: string | null }[]
}

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export const BOX: Script = [
  { toolCalls: [{ name: 'open', arguments: { box: 'red' } }] },
  { text: 'There is a hat in the box: a very fine one, grün und groß.' },
]
