import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

export interface ProgramRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const MAX_OUTPUT = 64 * 1024 * 1024
/** A program that takes longer is ended, milliseconds. */
const TIME_LIMIT = 10 * 60_000

/** Runs a program of others to its end, without a shell. Throws a plain sentence when it cannot, takes too long or says too much. */
export function runProgram(
  command: readonly string[],
  folder: string,
  { timeLimit = TIME_LIMIT }: { readonly timeLimit?: number } = {},
): Promise<ProgramRun> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let fault: string | undefined
    let size = 0
    const end = (why: string): void => {
      fault ??= why
      // It may have started others: the whole group goes.
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        child.kill('SIGKILL')
      }
    }
    const gather = (parts: Buffer[]) => (part: Buffer) => {
      size += part.length
      if (size > MAX_OUTPUT) end(`it printed more than ${MAX_OUTPUT / 1024 / 1024} MB`)
      else parts.push(part)
    }
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', gather(out))
    child.stderr.on('data', gather(err))
    const timer = setTimeout(() => end(`it took longer than ${timeLimit / 1000} s`), timeLimit)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new Error(fault ?? error.message))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (fault !== undefined) return reject(new Error(fault))
      resolve({
        code,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      })
    })
  })
}

/** A program on the PATH. */
export function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(runs)
}

/** A program of the project's own packages, else of those that Belay lies among. */
export function inPackages(name: string, folder: string): string | undefined {
  return [...foldersAbove(folder), ...foldersAbove(import.meta.dirname)]
    .map((above) => join(above, 'node_modules', '.bin', name))
    .find(runs)
}

function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...foldersAbove(above)]
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
