import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const running = new Set<ChildProcess>()

// Whatever ends the demo, nothing that it started stays behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Ends every program that the demo has started. */
export function stopAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** A script of the demo: `.ts` in a checkout, `.js` in the published package. */
export function scriptPath(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url))
}

export interface Program {
  readonly script: string
  readonly args?: readonly string[]
  readonly nodeOptions?: readonly string[]
  /** Added to the little that every program needs; nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

/** Runs a Node program until it ends; its output lines. Throws when it fails, with what it said. */
export async function run(program: Program): Promise<string[]> {
  const { code, lines, said } = await finish(program)
  if (code !== 0) throw new Error(`${program.script} ended with ${code}: ${said.slice(-2000)}`)
  return lines
}

/** Like `run`, but an exit code that is not 0 is an answer. */
export async function finish(
  program: Program,
): Promise<{ code: number | null; lines: string[]; said: string }> {
  const child = start(program)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000)
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    program.onLine?.(line)
  })
  child.stdin?.end()
  const code = await ended
  program.signal?.throwIfAborted()
  return { code, lines, said }
}

export interface Serving {
  /** The first line that the program printed. */
  readonly line: string
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts a program that serves until it is stopped; answers when it has printed its first line. */
export async function serving(program: Program): Promise<Serving> {
  const child = start(program)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000)
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const line = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      reject(new Error(`${program.script} ended with ${code} before it served: ${said.trim()}`)),
    )
    createInterface({ input: child.stdout! }).once('line', resolve)
  })
  return {
    line,
    ended: closed,
    stop: async () => {
      child.kill('SIGTERM')
      await closed
    },
  }
}

function start(program: Program): ChildProcess {
  const child = spawn(
    process.execPath,
    [...(program.nodeOptions ?? []), program.script, ...(program.args ?? [])],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...inherited(), ...program.env },
      ...(program.signal === undefined ? {} : { signal: program.signal }),
    },
  )
  running.add(child)
  child.once('close', () => running.delete(child))
  child.stdin?.on('error', () => undefined)
  return child
}

function inherited(): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'SystemRoot', 'TEMP', 'USERPROFILE']) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}
