import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { LaunchedAgent } from '../../src/entry/supervisor/agent-process.ts'
import type { AgentDeclaration } from '../../src/entry/supervisor/declaration.ts'
import type {
  ExitCause,
  ExitReport,
  Sandbox,
  SandboxProvider,
  SandboxSpec,
} from '../../src/flow/contain/sandbox/provider.ts'

type PlainSpec = Pick<SandboxSpec, 'command' | 'env'> & Partial<Pick<SandboxSpec, 'workspace' | 'quotas'>>

/** Runs commands as process groups without a sandbox: what supervision and snippets do to them is the same. */
export function plainLaunch(declaration: AgentDeclaration): Promise<LaunchedAgent> {
  const { command, env } = declaration
  return Promise.resolve({
    provider: 'plain',
    sandbox: plainSandbox({ command, env }),
    close: () => Promise.resolve(),
  })
}

export const plainProvider: SandboxProvider = {
  name: 'plain',
  probe: () => Promise.reject(new Error('it confines nothing')),
  launch: (spec) => Promise.resolve(plainSandbox(spec)),
}

function plainSandbox({ command, env, workspace, quotas }: PlainSpec): Sandbox {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
    ...(workspace !== undefined && { cwd: workspace }),
  })
  const deadline =
    quotas?.wallTime === undefined ? undefined : setTimeout(() => void kill('wall_time'), quotas.wallTime)
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
    child.once('close', (code, signal) => {
      clearTimeout(deadline)
      resolve({ code, signal, cause: asked ?? (signal ? 'signal' : 'exited'), detail: '', usage: usage() })
    })
  })
  const kill = (cause: ExitCause = 'stopped'): Promise<ExitReport> => {
    asked ??= cause
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
    return exited
  }
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    freeze: async () => void process.kill(-pid, 'SIGSTOP'),
    thaw: async () => void process.kill(-pid, 'SIGCONT'),
    kill,
    usage,
  }
}

/** As /proc tells it: `T` stopped, `S` sleeping, `R` running, `D` at the disk; `undefined` when there is no such process any more. */
export function stateOf(pid: number): string | undefined {
  try {
    const state = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    // Ended, and not yet waited for by whoever it was left to.
    return state === 'Z' || state === 'X' ? undefined : state
  } catch {
    return undefined
  }
}
