import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../action/json.ts'

export const ENGINES = ['podman', 'docker'] as const
export type EngineName = (typeof ENGINES)[number]

const FOLDERS = ['/usr/bin', '/usr/local/bin', '/bin', '/opt/homebrew/bin']
const ANSWER_MS = 60_000
const MAX_ANSWER = 4 * 1024 * 1024

/** What of an engine decides whether its limits hold. */
export interface EngineFacts {
  readonly rootless: boolean
  readonly cgroupVersion: 1 | 2
  readonly version: string
}

let engineFolder: string | null = null

/** Where engines are started, one for the process: Podman's monitor leaves a file called oom in the folder that it was started in. */
function folderOfEngines(): string {
  if (engineFolder === null) {
    const folder = mkdtempSync(join(tmpdir(), 'belay-engine-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    engineFolder = folder
  }
  return engineFolder
}

/** The command line of Podman or Docker: both take the same words for what is used here. */
export class ContainerEngine {
  readonly name: EngineName
  readonly #program: string
  readonly #runtime: string | null

  /** Throws `sandbox:unavailable` when the engine is not installed. `runtime`: an OCI runtime beside its default. */
  constructor(name: EngineName, runtime: string | null = null, folders: readonly string[] = FOLDERS) {
    const program = folders.map((folder) => join(folder, name)).find(isExecutable)
    if (program === undefined)
      throw new BelayError('sandbox:unavailable', {
        what: `A sandbox by ${name}`,
        cause: `${name} cannot be found in ${folders.join(', ')}`,
        fix: `install it (apt install ${name === 'docker' ? 'docker.io' : name}), or choose another provider`,
      })
    this.name = name
    this.#program = program
    this.#runtime = runtime
  }

  /** The options that choose the runtime of a new container. */
  get runtimeOptions(): readonly string[] {
    return this.#runtime === null ? [] : ['--runtime', this.#runtime]
  }

  /** Throws `sandbox:unavailable` when the engine does not answer. */
  async facts(): Promise<EngineFacts> {
    const info = await this.json(['info', '--format', '{{json .}}'])
    if (this.name === 'podman') {
      const host = objectIn(info, 'host')
      const security = objectIn(host, 'security')
      return {
        rootless: security['rootless'] !== false,
        cgroupVersion: host['cgroupVersion'] === 'v2' ? 2 : 1,
        version: textIn(objectIn(info, 'version'), 'Version'),
      }
    }
    const options = info['SecurityOptions']
    return {
      rootless: Array.isArray(options) && options.some((one) => String(one).includes('rootless')),
      cgroupVersion: info['CgroupVersion'] === '2' ? 2 : 1,
      version: textIn(info, 'ServerVersion'),
    }
  }

  /** What the engine knows of a container; `undefined` when there is none. */
  async inspect(container: string): Promise<JsonObject | undefined> {
    try {
      return await this.json(['container', 'inspect', '--format', '{{json .State}}', container])
    } catch {
      return undefined
    }
  }

  async json(args: readonly string[]): Promise<JsonObject> {
    const text = await this.run(args)
    const value = JSON.parse(text) as JsonValue
    if (!isJsonObject(value)) throw this.#fault(args, 'the answer is no object')
    return value
  }

  /** Runs one command of the engine. Rejects with `sandbox:unavailable` and what the engine said. */
  run(args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = {
        cwd: folderOfEngines(),
        timeout: ANSWER_MS,
        maxBuffer: MAX_ANSWER,
        killSignal: 'SIGKILL' as const,
      }
      execFile(this.#program, args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(this.#fault(args, stderr.trim().slice(0, 1_000) || error.message))
      })
    })
  }

  /** A command of the engine whose streams are the container's. */
  attached(args: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn(this.#program, args, { stdio, detached: true, cwd: folderOfEngines() })
  }

  /**
   * Removes the container when this process is gone, however it ends: a shell that waits for the end of a pipe which the
   * kernel closes. Answers how to let it go once the container is removed.
   */
  guard(container: string): () => void {
    const script = 'read -r done && exit 0; "$0" kill "$1"; exec "$0" rm --force --volumes "$1"'
    const guardian = spawn('/bin/sh', ['-c', script, this.#program, container], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: { PATH: '/usr/bin:/usr/sbin:/bin:/sbin' },
    })
    guardian.on('error', () => undefined)
    guardian.stdin.on('error', () => undefined)
    guardian.unref()
    return () => guardian.stdin.end('done\n')
  }

  #fault([command]: readonly string[], cause: string): BelayError {
    return new BelayError('sandbox:unavailable', {
      what: `A sandbox by ${this.name}`,
      cause: `${this.name} ${command ?? ''}: ${cause}`,
      fix: `see what ${this.name} info says`,
    })
  }
}

export function objectIn(value: JsonObject, name: string): JsonObject {
  const found = value[name]
  return isJsonObject(found) ? found : {}
}

export function textIn(value: JsonObject, name: string): string {
  const found = value[name]
  return typeof found === 'string' ? found : ''
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
