import { spawn } from 'node:child_process'
import type { ExitReport } from '../../flow/contain/sandbox/provider.ts'
import { CommandFailure } from './failure.ts'
import { note } from './print.ts'
import type { Signals } from './run-signals.ts'

/** Runs a command as it is, with all rights of whoever typed it. */
export async function runUncontained(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  signals: Signals,
): Promise<ExitReport> {
  note(
    'belay: warning: no sandbox: the command can do all that you can, and nothing of it passes the harness',
  )
  const began = performance.now()
  const child = spawn(command[0]!, command.slice(1), { env, stdio: 'inherit' })
  signals.passTo(
    (signal) => void child.kill(signal),
    () => void child.kill('SIGKILL'),
  )
  const { code, signal } = await new Promise<Pick<ExitReport, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new CommandFailure(`${command[0]} cannot be started: ${error.message}`, { cause: error })),
    )
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  return {
    code,
    signal,
    cause: signal === null ? 'exited' : 'signal',
    detail: '',
    usage: {
      memory: null,
      memoryPeak: null,
      cpuMs: null,
      processes: null,
      forksRefused: null,
      throttledMs: null,
      wallMs: Math.round(performance.now() - began),
    },
  }
}
