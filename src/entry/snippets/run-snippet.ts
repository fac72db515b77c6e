import { lstatSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { demanded } from '../../flow/contain/sandbox/choose-provider.ts'
import type { Quotas, Sandbox, SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import { giveAway } from '../sandboxes.ts'
import { removeWritten } from './remove-written.ts'
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
  /** Is given the folder of the run when it could not be removed. */
  readonly onLeft: (folder: string, error: unknown) => void
}

/** Bytes that a run may have in its folder while it runs. */
const FOLDER_BYTES = 64 * 1024 * 1024
const SIZE_EVERY_MS = 200

/**
 * Runs the code in a sandbox of its own that nothing else ever sees, and answers what came of it. Throws a `BelayError`
 * (`sandbox:…`) when no sandbox can be had; then nothing ran.
 */
export async function runSnippet(snippet: Snippet, options: RunOptions): Promise<SnippetRun> {
  const folder = freshFolder(options.data)
  let run: Omit<SnippetRun, 'leftBehind'>
  try {
    run = await runIn(folder, snippet, options)
  } catch (error) {
    await removed(folder, options)
    throw error
  }
  return { ...run, leftBehind: !(await removed(folder, options)) }
}

/** Whether the folder is gone. What came of the run stands, whatever becomes of the folder. */
async function removed(folder: string, { onLeft }: RunOptions): Promise<boolean> {
  try {
    await removeWritten(folder)
    return true
  } catch (error) {
    onLeft(folder, error)
    return false
  }
}

async function runIn(
  folder: string,
  snippet: Snippet,
  options: RunOptions,
): Promise<Omit<SnippetRun, 'leftBehind'>> {
  const { limits, language } = snippet
  const program = programOf(language)
  const main = MAIN[language]
  // The processes inside may run as another user than the harness; nobody else gets past the folder of the data.
  const before = layFiles(
    folder,
    { ...snippet.files, [main]: snippet.code },
    { mode: 0o666, folderMode: 0o777 },
  )
  const quotas: Quotas = {
    memory: limits.memory,
    wallTime: limits.wallTime,
    cpu: limits.cpu,
    processes: limits.processes,
    openFiles: 256,
  }
  const sandbox = await options.provider.launch({
    agent: options.agent,
    command: [...program.command, main],
    workspace: folder,
    env: { LANG: 'C.UTF-8', ...program.env },
    network: 'none',
    readOnly: program.readOnly,
    quotas,
    require: demanded(quotas),
    profile: 'snippet',
    stdio: 'pipe',
  })
  options.onSandbox?.(sandbox)
  sandbox.stdin?.on('error', () => undefined)
  sandbox.stdin?.end(snippet.stdin)
  const output = new Output(limits.output, () => void sandbox.kill('stopped'))
  const read = Promise.all([output.read('stdout', sandbox.stdout), output.read('stderr', sandbox.stderr)])
  let full = ''
  const stopWatching = watchSize(folder, (why) => {
    full = why
    void sandbox.kill('disk')
  })
  const report = await sandbox.exited.finally(stopWatching)
  await read
  const written = writtenFiles(folder, before, { files: limits.files, bytes: limits.fileBytes })
  const cause: SnippetEnd = output.exceeded ? 'output' : report.cause
  const detail = output.exceeded
    ? `more than ${limits.output} bytes were written to stdout and stderr`
    : full === ''
      ? report.detail
      : full
  return {
    ...output.texts(),
    files: written.files,
    filesLeftOut: written.leftOut,
    cause,
    report: { ...report, detail },
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

/** Where the folders of runs lie while they run. */
export function runsFolder(data: string): string {
  return join(data, 'snippets')
}

/** A folder among the data that is the run's own, and goes with it. */
function freshFolder(data: string): string {
  const parent = runsFolder(data)
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(parent, 'run-'))
  giveAway(folder)
  return folder
}

/**
 * Ends a run whose folder has become too large, or holds what cannot be looked at. Looked at now and then: a machine that
 * can hold a folder to a size may do it better, and only root can.
 */
function watchSize(folder: string, onExceeded: (why: string) => void): () => void {
  const timer = setInterval(() => {
    const bytes = bytesIn(folder, FOLDER_BYTES)
    if (bytes === null)
      onExceeded('the size of a folder in it cannot be told: too deep, or closed to its owner')
    else if (bytes > FOLDER_BYTES) onExceeded(`more than ${FOLDER_BYTES} bytes were written to files`)
  }, SIZE_EVERY_MS)
  return () => clearInterval(timer)
}

/** `null`: hostile code made a folder that cannot be read. What goes away meanwhile has no size. */
function bytesIn(folder: string, enough: number): number | null {
  let bytes = 0
  const folders = [folder]
  for (let at = folders.pop(); at !== undefined && bytes <= enough; at = folders.pop()) {
    try {
      for (const name of readdirSync(at)) {
        const stat = lstatSync(join(at, name), { throwIfNoEntry: false })
        if (stat === undefined) continue
        // An entry without content takes room too.
        bytes += stat.blocks * 512 + 256
        if (stat.isDirectory()) folders.push(join(at, name))
        if (bytes > enough) break
      }
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    }
  }
  return bytes
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
