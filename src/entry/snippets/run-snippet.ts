import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Capability, Sandbox, SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import { MAIN, type Language, type Snippet } from './snippet.ts'
import type { SnippetEnd, SnippetRun } from './snippet-result.ts'
import { layFiles, writtenFiles } from './written-files.ts'

export interface RunOptions {
  readonly provider: SandboxProvider
  readonly agent: string
  /** The data folder: where the folder of the run lies when memory cannot hold it. */
  readonly data: string
  /** Is given the sandbox as soon as it runs, to end it early. */
  readonly onSandbox?: (sandbox: Sandbox) => void
}

/** Nothing of the machine, no network, no way to stay: whatever a snippet was written for. */
const ALWAYS: readonly Capability[] = [
  'filesystem',
  'pid_namespace',
  'network',
  'secrets',
  'surviving_daemons',
]
const SHARED_MEMORY = '/dev/shm'
const TMPFS_MAGIC = 0x01021994

/**
 * Runs the code in a sandbox of its own that nothing else ever sees, and answers what came of it. Throws a `BelayError`
 * (`sandbox:…`) when no sandbox can be had; then nothing ran.
 */
export async function runSnippet(snippet: Snippet, options: RunOptions): Promise<SnippetRun> {
  const { limits, language } = snippet
  const { folder, inMemory } = freshFolder(options.data)
  try {
    const program = programOf(language)
    const main = MAIN[language]
    // The processes inside may run as another user than the harness; nobody else gets past the folder around it.
    const before = layFiles(
      folder,
      { ...snippet.files, [main]: snippet.code },
      { mode: 0o666, folderMode: 0o777 },
    )
    const sandbox = await options.provider.launch({
      agent: options.agent,
      command: [...program.command, main],
      workspace: folder,
      env: { LANG: 'C.UTF-8', ...program.env },
      network: 'none',
      readOnly: program.readOnly,
      quotas: {
        memory: limits.memory,
        wallTime: limits.wallTime,
        cpu: limits.cpu,
        processes: limits.processes,
        openFiles: 256,
        // What lies in memory counts as memory of the run; on a disk it needs a limit of its own.
        ...(inMemory ? {} : { disk: Math.max(16 * 1024 * 1024, limits.fileBytes * 2) }),
      },
      require: ALWAYS,
      profile: 'snippet',
      stdio: 'pipe',
    })
    options.onSandbox?.(sandbox)
    sandbox.stdin?.on('error', () => undefined)
    sandbox.stdin?.end(snippet.stdin)
    const output = new Output(limits.output, () => void sandbox.kill('stopped'))
    const read = Promise.all([output.read('stdout', sandbox.stdout), output.read('stderr', sandbox.stderr)])
    const report = await sandbox.exited
    await read
    const written = writtenFiles(folder, before, { files: limits.files, bytes: limits.fileBytes })
    const cause: SnippetEnd = output.exceeded ? 'output' : report.cause
    const detail = output.exceeded
      ? `more than ${limits.output} bytes were written to stdout and stderr`
      : report.detail
    return {
      ...output.texts(),
      files: written.files,
      filesLeftOut: written.leftOut,
      cause,
      report: { ...report, detail },
    }
  } finally {
    rmSync(join(folder, '..'), { recursive: true, force: true })
  }
}

/** How code of each language is started. The harness's own Node is at hand wherever the harness runs. */
function programOf(language: Language): {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly string[]
} {
  switch (language) {
    case 'javascript':
      return { command: [process.execPath], env: {}, readOnly: [process.execPath] }
    case 'python':
      return {
        command: ['python3'],
        env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
        readOnly: [],
      }
    case 'shell':
      return { command: ['sh'], env: {}, readOnly: [] }
  }
}

/** A folder within a folder: the outer one keeps everybody else out. */
function freshFolder(data: string): { readonly folder: string; readonly inMemory: boolean } {
  const inMemory = isTmpfs(SHARED_MEMORY)
  const parent = inMemory ? SHARED_MEMORY : join(data, 'snippets')
  if (!inMemory) mkdirSync(parent, { recursive: true, mode: 0o700 })
  const outer = mkdtempSync(join(parent, 'belay-snippet-'))
  const folder = join(outer, 'workspace')
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  return { folder, inMemory }
}

function isTmpfs(path: string): boolean {
  try {
    return statfsSync(path).type === TMPFS_MAGIC
  } catch {
    return false
  }
}

/** What a run writes, up to a limit over both streams; who writes more is ended. */
class Output {
  readonly #limit: number
  readonly #onExceeded: () => void
  readonly #pieces = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  #size = 0
  exceeded = false

  constructor(limit: number, onExceeded: () => void) {
    this.#limit = limit
    this.#onExceeded = onExceeded
  }

  async read(name: 'stdout' | 'stderr', stream: Readable | null): Promise<void> {
    if (stream === null) return
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const room = this.#limit - this.#size
        if (room > 0) this.#pieces[name].push(chunk.length > room ? chunk.subarray(0, room) : chunk)
        this.#size += chunk.length
        if (this.#size <= this.#limit || this.exceeded) continue
        this.exceeded = true
        this.#onExceeded()
      }
    } catch {
      // It was ended in the middle of a word.
    }
  }

  texts(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: textOf(this.#pieces.stdout), stderr: textOf(this.#pieces.stderr) }
  }
}

function textOf(pieces: readonly Buffer[]): string {
  // Without its end: a character that was cut in two at the limit is left out.
  return new StringDecoder('utf8').write(Buffer.concat(pieces))
}
