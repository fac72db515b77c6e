import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Command } from 'commander'
import { closeInheritedDescriptors } from '../../flow/contain/sandbox/bubblewrap/descriptors.ts'
import { ApiClient } from '../sdk/api-client.ts'
import { createDataFolder, ensureAdminToken, removeServerFile, writeServerFile } from './data-folder.ts'
import { CommandFailure } from './failure.ts'
import { requireConfig } from './harness-config.ts'
import { loginLink } from './people.ts'
import { withHarness, wholeNumber } from './options.ts'
import type { HarnessOptions } from './options.ts'
import { line, note } from './print.ts'
import { YoungSpace } from './young-space.ts'

interface UpOptions extends HarnessOptions {
  readonly port: number
  readonly host: string
}

// The launcher and the terminal may both deliver one Ctrl-C; only a later signal is a second one.
const SAME_SIGNAL_MS = 500

export function addUp(program: Command): void {
  withHarness(program.command('up').description('run the harness: API and policy in one process'))
    .option('--port <number>', 'the port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 7300)
    .option('--host <address>', 'the address to bind', '127.0.0.1')
    .action(up)
}

async function up(options: UpOptions): Promise<void> {
  closeInheritedDescriptors()
  requireConfig(options.config)
  if (!['127.0.0.1', '::1', 'localhost'].includes(options.host)) {
    note(
      `belay: warning: ${options.host} can be reached from outside this machine. Keys and inputs travel ` +
        'unencrypted: put TLS in front of it.',
    )
  }
  createDataFolder(options.data)
  const adminToken = ensureAdminToken(options.data)
  const youngSpace = new YoungSpace()
  // Garbage of many calls is collected sooner, for a smaller process.
  setFlagsFromString('--heap-growing-percent=40')
  const { serve } = await import('./serve.ts')

  const stopped = stopSignal()
  const server = await serve({ ...options, adminToken, watch: true, supervise: true }).catch(
    (error: unknown) => {
      throw portFailure(error, options)
    },
  )
  try {
    writeServerFile(options.data, { url: server.url, pid: process.pid })
    youngSpace.release()
    setTimeout(collectOnce, IDLE_MS).unref()
    line(`belay is up at ${server.url}`)
    // Whoever starts it may log in. Without a link it is up all the same.
    await loginLink(new ApiClient(server.url, adminToken)).then(
      ({ url }) => note(`belay: the console: ${url} (logs in once, within 10 minutes)`),
      (error: unknown) => note(`belay: no log-in link could be made: ${String(error)}`),
    )
    note(`belay: ${await stopped} received, stopping; a second one stops at once`)
  } finally {
    youngSpace.close()
    removeServerFile(options.data)
    await server.close()
  }
}

const IDLE_MS = 2000

/**
 * What starting needed and nothing holds any more is collected by the engine only when there is new work: 15 MB of an
 * idle harness. Once, for 35 ms, soon after the start.
 */
function collectOnce(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
}

/** Resolves at the first signal to stop; the second ends the process. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined
    const stop = (signal: NodeJS.Signals): void => {
      if (first === undefined) {
        first = Date.now()
        resolve(signal)
      } else if (Date.now() - first > SAME_SIGNAL_MS) {
        process.exit(signal === 'SIGINT' ? 130 : 143)
      }
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('SIGHUP', stop)
  })
}

function portFailure(error: unknown, options: UpOptions): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    return new CommandFailure(`Port ${options.port} on ${options.host} is in use.`, {
      advice: 'Stop what listens there, or choose another with --port (0 takes a free one).',
      cause: error,
    })
  }
  if (code === 'EACCES') {
    return new CommandFailure(`Port ${options.port} on ${options.host} may not be opened by this user.`, {
      advice: 'Choose a port above 1023 with --port.',
      cause: error,
    })
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new CommandFailure(`${options.host} is not an address of this machine.`, {
      advice: 'Choose one with --host; 127.0.0.1 is the default.',
      cause: error,
    })
  }
  return error
}
