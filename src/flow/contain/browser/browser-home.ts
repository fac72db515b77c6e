import { spawn } from 'node:child_process'
import type { BrowserRule } from '../../../policy/compile-browser.ts'
import type { ExitCause, ExitReport, Sandbox, Usage } from '../sandbox/provider.ts'

/** Where browsers live: in a sandbox, or on the machine as it is. */
export interface BrowserHome {
  /** What a path of this machine is called for the browser. */
  inside(profile: string): string
  /** Flags that this home needs. */
  readonly flags: readonly string[]
  /** Whether the browser looks up names itself. */
  readonly resolves: boolean
  /** Starts the command with `profile` as the only folder that it may write. */
  launch(account: string, profile: string, command: readonly string[], rule: BrowserRule): Promise<Sandbox>
}

/**
 * The machine as it is: the browser is a process of its own that sees what the harness sees. Chromium's own sandbox
 * contains its pages, but not as root, where Chromium refuses to make one.
 */
export function plainHome(): BrowserHome {
  return {
    inside: (profile) => profile,
    flags: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    resolves: true,
    launch: async (_account, profile, command) => plainProcess(profile, command),
  }
}

const NOTHING: Omit<Usage, 'wallMs'> = {
  memoryPeak: null,
  memory: null,
  cpuMs: null,
  processes: null,
  forksRefused: null,
  throttledMs: null,
}

function plainProcess(profile: string, command: readonly string[]): Promise<Sandbox> {
  const [program = '', ...args] = command
  const began = performance.now()
  const child = spawn(program, args, {
    // A group of its own, so that all of it can be ended; and none of the harness's environment, which holds keys.
    detached: true,
    cwd: profile,
    env: { HOME: profile, PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const usage = (): Usage => ({ ...NOTHING, wallMs: Math.round(performance.now() - began) })
  let cause: ExitCause | undefined
  const exited = new Promise<ExitReport>((resolve) => {
    child.once('exit', (code, signal) => {
      signalGroup(child.pid, 'SIGKILL')
      resolve({
        code,
        signal,
        cause: cause ?? (signal === null ? 'exited' : 'signal'),
        detail: '',
        usage: usage(),
      })
    })
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () =>
      resolve({
        pid: child.pid ?? 0,
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exited,
        freeze: async () => signalGroup(child.pid, 'SIGSTOP'),
        thaw: async () => signalGroup(child.pid, 'SIGCONT'),
        kill(why = 'stopped') {
          cause ??= why
          signalGroup(child.pid, 'SIGKILL')
          return exited
        },
        usage,
      }),
    )
  })
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left.
  }
}
