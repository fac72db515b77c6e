import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inject } from 'vitest'

export const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents:
  writer:
    budget: [{ limit_usd: 5, per: day }]
    rate: [{ limit: 1000, per: hour }]
actions:
  note.add:
    effect: write
    undo: { within: 1h }
  note.publish:
    effect: write
    approve: [{ by: [editors], expires: 1h }]
approvers:
  editors: { members: [editor@example.com], quorum: 1 }
`

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A folder of its own with a policy, in which commands run as real processes. */
export class CommandLine {
  readonly folder = mkdtempSync(join(tmpdir(), 'belay-cli-'))
  readonly data = join(this.folder, '.belay')
  readonly #children = new Set<ChildProcess>()

  constructor(policy: string | null = POLICY) {
    if (policy !== null) writeFileSync(join(this.folder, 'belay.yaml'), policy)
  }

  #options(env: Record<string, string>) {
    const { BELAY_URL: _url, BELAY_TOKEN: _token, ...inherited } = process.env
    return { cwd: this.folder, env: { ...inherited, NO_COLOR: '1', ...env } }
  }

  run(
    args: readonly string[],
    { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
  ): Outcome {
    const done = spawnSync(process.execPath, [inject('launcher'), ...args], {
      ...this.#options(env),
      input,
      encoding: 'utf8',
      timeout: 120_000,
    })
    return { code: done.status, out: done.stdout, err: done.stderr }
  }

  /** Runs a command that must succeed, with `--json`; the caller knows what it prints. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  json<T>(...args: string[]): T {
    const { code, out, err } = this.run([...args, '--json'])
    if (code !== 0) throw new Error(`belay ${args.join(' ')} ended with ${code}: ${err}${out}`)
    return JSON.parse(out) as T
  }

  start(...args: string[]): { readonly child: ChildProcess; readonly done: Promise<Outcome> } {
    const child = spawn(process.execPath, [inject('launcher'), ...args], {
      ...this.#options({}),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.add(child)
    let out = ''
    let err = ''
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const done = once(child, 'close').then(([code]) => {
      this.#children.delete(child)
      return { code: code as number | null, out, err }
    })
    return { child, done }
  }

  /** `belay up` on a free port, once it answers. */
  async up(
    ...args: string[]
  ): Promise<{ readonly child: ChildProcess; readonly done: Promise<Outcome>; readonly url: string }> {
    const { child, done } = this.start('up', '--port', '0', ...args)
    if (child.stdout === null) throw new Error('no stdout')
    for await (const text of createInterface({ input: child.stdout })) {
      const url = /^belay is up at (.+)$/.exec(text)?.[1]
      if (url !== undefined) return { child, done, url }
    }
    throw new Error(`belay up ended before it answered: ${(await done).err}`)
  }

  async clean(): Promise<void> {
    const left = [...this.#children].map((child) => once(child, 'close').then(() => undefined))
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(left)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
