import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { JsonObject } from '../../action/json.ts'
import { Lines } from './lines.ts'
import { BadMessage, readMessage } from './message.ts'
import type { LinkEvents, OpenLink, ServerLink } from './server-link.ts'

export interface StdioServerOptions {
  readonly command: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Bytes of one message from the server. */
  readonly maxMessage: number
  /** What the server writes to stderr, in pieces that are whole lines. */
  readonly onStderr: (text: string) => void
  /** Remarks about the server: what it sent that is no message, when it ended. */
  readonly onNote: (text: string) => void
}

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 30_000
/** A server that has run this long starts again with the first back-off. */
const STEADY_MS = 60_000
const TERMINATE_AFTER_MS = 2_000
const KILL_AFTER_MS = 2_000
/** Lines on stdout that are no messages before the server is taken for broken. */
const MAX_GARBAGE = 100
/** Bytes that the server has not yet read of what was sent to it. */
const MAX_PENDING_WRITE = 64 * 1024 * 1024
const STDERR_PER_SECOND = 64 * 1024
/** Variables of this process that a server may see: what programs need to run, and nothing of a secret's kind. */
const PASSED_ON =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PATHEXT',
        'PROCESSOR_ARCHITECTURE',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'USERNAME',
        'USERPROFILE',
        'PROGRAMFILES',
      ]
    : [
        'HOME',
        'LOGNAME',
        'PATH',
        'SHELL',
        'TERM',
        'USER',
        'LANG',
        'LC_ALL',
        'TZ',
        'TMPDIR',
        'NODE_EXTRA_CA_CERTS',
        'SSL_CERT_FILE',
        'HTTP_PROXY',
        'HTTPS_PROXY',
        'NO_PROXY',
        'http_proxy',
        'https_proxy',
        'no_proxy',
      ]

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Starts a server as a process of its own and speaks with it over its standard streams (MCP, stdio). When it ends it
 * is started again, after 100 ms and then ever longer up to 30 s. Messages for a server that is not there are the
 * session's to refuse: `send` drops them.
 */
export function stdioServer(options: StdioServerOptions): OpenLink {
  return (events) => new StdioServer(options, events)
}

class StdioServer implements ServerLink {
  readonly #options: StdioServerOptions
  readonly #events: LinkEvents
  #child: Child | null = null
  #closing = false
  #failures = 0
  #startedAt = 0
  #restart: NodeJS.Timeout | null = null
  #ended: Promise<void> = Promise.resolve()

  constructor(options: StdioServerOptions, events: LinkEvents) {
    this.#options = options
    this.#events = events
    this.#start()
  }

  get alive(): boolean {
    return this.#child !== null
  }

  send(message: JsonObject): void {
    const child = this.#child
    if (child === null) return
    child.stdin.write(`${JSON.stringify(message)}\n`)
    if (child.stdin.writableLength > MAX_PENDING_WRITE) {
      this.#options.onNote('the server does not read what is sent to it')
      killGroup(child, 'SIGKILL')
    }
  }

  abandon(): void {}

  negotiated(): void {}

  /** As the specification asks: close its input, then terminate it, then kill it. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    const child = this.#child
    if (child === null) return
    child.stdin.end()
    const terminate = setTimeout(() => killGroup(child, 'SIGTERM'), TERMINATE_AFTER_MS)
    const kill = setTimeout(() => killGroup(child, 'SIGKILL'), TERMINATE_AFTER_MS + KILL_AFTER_MS)
    await this.#ended
    clearTimeout(terminate)
    clearTimeout(kill)
  }

  #start(): void {
    const { command, env, cwd, maxMessage, onStderr, onNote } = this.#options
    const [program, ...args] = command
    this.#startedAt = performance.now()
    let child: Child
    try {
      child = spawn(program, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...inherited(), ...env },
        ...(cwd !== undefined && { cwd }),
        // A group of its own: what it starts itself ends with it, and Ctrl-C at the terminal is ours to pass on.
        detached: process.platform !== 'win32',
        windowsHide: true,
      })
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error))
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#child = child
    let garbage = 0
    const broken = (why: string): void => {
      onNote(`${why}; it is stopped`)
      killGroup(child, 'SIGKILL')
    }
    const lines = new Lines(
      maxMessage,
      (line) => {
        if (this.#child !== child) return
        let message
        try {
          message = readMessage(line)
        } catch (error) {
          if (!(error instanceof BadMessage)) throw error
          if (++garbage === 1)
            onNote(`the server wrote a line to stdout that is no message (${error.message})`)
          if (garbage > MAX_GARBAGE) broken(`the server wrote ${garbage} lines that are no messages`)
          return
        }
        this.#events.message(message)
      },
      // Whose answer it is cannot be told: whoever waits for it gets to know that nobody knows.
      () => broken(`the server sent a message of more than ${maxMessage} bytes`),
    )
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk))
    boundedText(child.stderr, onStderr)
    child.stdin.on('error', () => undefined)
    child.stdout.on('error', () => undefined)
    let gone = false
    const ended = (why: string): void => {
      if (gone) return
      gone = true
      if (this.#child === child) this.#child = null
      killGroup(child, 'SIGKILL')
      resolve()
      if (!this.#closing) this.#lost(why)
    }
    child.once('error', (error) => ended(`it could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      // What it wrote before it ended is still in the pipe.
      const rest = setTimeout(() => ended(endOf(code, signal)), 500)
      child.once('close', () => {
        clearTimeout(rest)
        ended(endOf(code, signal))
      })
    })
  }

  #lost(why: string): void {
    if (performance.now() - this.#startedAt > STEADY_MS) this.#failures = 0
    const wait = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS)
    this.#failures++
    this.#options.onNote(`the server is gone: ${why}; it is started again in ${wait} ms`)
    this.#restart = setTimeout(() => {
      this.#restart = null
      this.#start()
      if (this.#child !== null) this.#events.up()
    }, wait)
    this.#events.down(why, true)
  }
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by ${signal}`
}

function killGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // Nobody of the group is left.
  }
}

/** Passes text on as it comes, and drops what exceeds the rate: a server cannot fill a disk through its log. */
function boundedText(stream: Readable, onText: (text: string) => void): void {
  let second = 0
  let used = 0
  let dropped = 0
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const now = Math.floor(performance.now() / 1_000)
    if (now !== second) {
      if (dropped > 0) onText(`[${dropped} characters dropped]\n`)
      second = now
      used = 0
      dropped = 0
    }
    const room = Math.max(0, STDERR_PER_SECOND - used)
    used += text.length
    if (text.length > room) dropped += text.length - room
    if (room > 0) onText(text.slice(0, room))
  })
  stream.on('error', () => undefined)
}
