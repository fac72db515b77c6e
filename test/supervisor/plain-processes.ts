import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { LaunchedAgent } from '../../src/entry/supervisor/agent-process.ts'
import type { AgentDeclaration } from '../../src/entry/supervisor/declaration.ts'
import type { ExitCause, ExitReport, Sandbox } from '../../src/flow/contain/sandbox/provider.ts'

/** Runs commands as process groups without a sandbox: what supervision does to them is the same. */
export function plainLaunch(declaration: AgentDeclaration): Promise<LaunchedAgent> {
  return Promise.resolve({
    provider: 'plain',
    sandbox: plainSandbox(declaration),
    close: () => Promise.resolve(),
  })
}

function plainSandbox({ command, env }: AgentDeclaration): Sandbox {
  const [program = '', ...args] = command
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...env } })
  const startedAt = performance.now()
  const pid = child.pid ?? 0
  let asked: ExitCause | undefined
  const usage = () => ({
    memoryPeak: null,
    memory: null,
    cpuMs: null,
    processes: null,
    wallMs: performance.now() - startedAt,
    forksRefused: null,
    throttledMs: null,
  })
  const exited = new Promise<ExitReport>((resolve) => {
    child.once('close', (code, signal) =>
      resolve({ code, signal, cause: asked ?? (signal ? 'signal' : 'exited'), detail: '', usage: usage() }),
    )
  })
  return {
    pid,
    stdin: null,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    freeze: async () => void process.kill(-pid, 'SIGSTOP'),
    thaw: async () => void process.kill(-pid, 'SIGCONT'),
    kill(cause = 'stopped') {
      asked ??= cause
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // It has ended already.
      }
      return exited
    },
    usage,
  }
}

/** As /proc tells it: `T` stopped, `S` sleeping, `R` running; `undefined` when there is no such process any more. */
export function stateOf(pid: number): string | undefined {
  try {
    const state = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    // Ended, and not yet waited for by whoever it was left to.
    return state === 'Z' || state === 'X' ? undefined : state
  } catch {
    return undefined
  }
}
