import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { scriptPath, serving } from './child-process.ts'

const NETWORK_IN_POLICY = 'http://network.demo.invalid'
const DEFAULT_FOLDERS = [
  '.belay',
  ...Array.from({ length: 99 }, (_, index) => `.belay-demo${index === 0 ? '' : `-${index + 1}`}`),
]

/** A harness that the demo has started. */
export interface DemoHarness {
  readonly url: string
  /** A key for one agent. */
  createKey(agent: string): Promise<string>
  /** The console, with a log-in that counts once, within ten minutes. */
  consoleLink(): Promise<string>
  /** Resolves when the harness has ended, for example by Ctrl-C. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** The launcher of Belay's command line. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/belay.js', import.meta.url))

/**
 * An empty folder for the demo's records: the wanted one, else `.belay`, else the first of `.belay-demo`,
 * `.belay-demo-2`, … that is free. Records of another harness are never added to and never removed.
 * Answers `undefined` when the wanted folder is not empty.
 */
export function freeDataFolder(wanted: string | undefined): string | undefined {
  return (wanted === undefined ? DEFAULT_FOLDERS : [wanted]).find(
    (folder) => !existsSync(folder) || readdirSync(folder).length === 0,
  )
}

/** The wanted port if nobody listens there, else 0: any free one. */
export async function freePort(wanted: number): Promise<number> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(0))
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(wanted)))
  })
}

/** Writes the demo's policy into the data folder, with the network's address as undo webhook; answers its path. */
export function writePolicy(data: string, network: string): string {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const source = readFileSync(fileURLToPath(new URL('./belay.yaml', import.meta.url)), 'utf8')
  const path = join(data, 'demo-policy.yaml')
  writeFileSync(path, source.replaceAll(NETWORK_IN_POLICY, network))
  return path
}

/** Runs `belay up` as a process of its own. */
export async function upHarness(how: {
  readonly data: string
  readonly config: string
  readonly port: number
  readonly signal?: AbortSignal
}): Promise<DemoHarness> {
  const { line, ended, stop } = await serving({
    script: LAUNCHER,
    nodeOptions: ['--import', pathToFileURL(scriptPath('end-with-parent')).href],
    args: ['up', '--data', how.data, '--config', how.config, '--port', String(how.port)],
    ...(how.signal === undefined ? {} : { signal: how.signal }),
  })
  const url = /^belay is up at (http\S+)$/.exec(line)?.[1]
  if (url === undefined) {
    await stop()
    throw new Error(`belay up said: ${line}`)
  }
  const token = readFileSync(join(how.data, 'admin.token'), 'utf8').trim()
  /** What the harness answers with a secret in the member of this name. */
  const made = async (path: string, body: object, member: string): Promise<string> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as Record<string, unknown>
    const secret = answer[member]
    if (!response.ok || typeof secret !== 'string') throw new Error(`POST ${path}: ${response.status}`)
    return secret
  }
  return {
    url,
    ended,
    close: stop,
    createKey: (agent) => made('/v1/keys', { agent }, 'key'),
    consoleLink: async () => `${url}/login#${await made('/v1/login-links', {}, 'token')}`,
  }
}
