import { spawn, type ChildProcess } from 'node:child_process'
import type { ServerResponse } from 'node:http'
import { networkInterfaces } from 'node:os'
import type { FromStage, StageReport, ToStage } from './messages.ts'
import { startReplayServer, type Beyond } from './replay-server.ts'
import { SessionBook, type Divergence } from './session-book.ts'
import { settleBy } from './volatile.ts'

/*
 * The process in which an agent is replayed: it answers the agent's requests on a loopback of its own. When whoever
 * started it is gone, it ends, and with it everything that it started.
 */

const GRACE_MS = 2_000
const MOST_LEFT = 20

type Start = Extract<ToStage, { type: 'start' }>

let agent: ChildProcess | null = null
const waiting = new Map<number, ServerResponse>()
let forwards = 0

const tell = (message: FromStage): void => void process.send?.(message)

process.on('disconnect', () => {
  killAgent('SIGKILL')
  process.exit(1)
})
// Both get it from the terminal; the report is still to be made.
process.on('SIGINT', () => killAgent('SIGINT'))
process.on('SIGTERM', () => killAgent('SIGTERM'))

process.on('message', (message: ToStage) => {
  if (message.type === 'start')
    play(message).catch((error: unknown) =>
      tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
    )
  else relay(message)
})
tell({ type: 'ready' })

async function play(start: Start): Promise<void> {
  const book = new SessionBook(start.steps, settleBy(start.volatile))
  let divergence: Divergence | null = null
  const options = {
    book,
    timing: start.timing,
    onDivergence: (found: Divergence) => {
      divergence = found
      setTimeout(() => killAgent('SIGTERM'), GRACE_MS).unref()
      setTimeout(() => killAgent('SIGKILL'), 2 * GRACE_MS).unref()
    },
    ...(start.fork !== null && { fork: { at: start.fork, serve: forward } }),
  }
  const server = await startReplayServer({ ...options, port: start.port }).catch(() =>
    startReplayServer({ ...options, port: 0 }),
  )
  const exit = await run(start, server.url)
  const due = book.due()
  const report: StageReport = {
    steps: book.steps.length,
    answered: server.answered,
    divergence,
    left: due.slice(0, MOST_LEFT).map(({ step, action, recording: { method, path } }) => ({
      step,
      action,
      request: `${method} ${path}`,
    })),
    exit,
    cpuMs: Math.round(process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000),
    interfaces: Object.keys(networkInterfaces()).filter((name) => name !== 'lo'),
  }
  await server.close()
  process.send?.({ type: 'done', report } satisfies FromStage, undefined, {}, () => process.exit(0))
}

async function run({ command, cwd, env, quiet }: Start, url: string): Promise<StageReport['exit']> {
  const [program = '', ...args] = command
  agent = spawn(program, args, {
    cwd,
    env: { ...env, ...addresses(url) },
    stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'],
    // A group of its own, so that all that it starts can be ended together.
    detached: true,
  })
  return new Promise((resolve, reject) => {
    agent?.once('error', reject)
    agent?.once('exit', (code, signal) => {
      killAgent('SIGKILL')
      resolve({ code, signal })
    })
  })
}

function killAgent(signal: NodeJS.Signals): void {
  const pid = agent?.pid
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended already.
  }
}

/** Where the clients of agents look for their provider and their harness. */
function addresses(url: string): Record<string, string> {
  const key = 'blk_replay'
  return {
    BELAY_URL: url,
    BELAY_REPLAY: url,
    BELAY_KEY: key,
    OPENAI_BASE_URL: `${url}/openai/v1`,
    OPENAI_API_KEY: key,
    ANTHROPIC_BASE_URL: `${url}/anthropic`,
    ANTHROPIC_API_KEY: key,
    GOOGLE_GEMINI_BASE_URL: `${url}/gemini`,
    GEMINI_API_KEY: key,
  }
}

const NOT_SENT = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'authorization'])
const KEYS = new Set(['x-api-key', 'x-goog-api-key', 'api-key'])

/** The agent has no network here: whoever started this asks the gateway for it. */
async function forward({ asked, request, bytes, response }: Beyond): Promise<void> {
  const id = ++forwards
  waiting.set(id, response)
  response.on('close', () => waiting.delete(id))
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === 'string' && !NOT_SENT.has(name) && !KEYS.has(name)) headers[name] = value
  const { method, path } = asked
  tell({ type: 'forward', id, method, path, headers, body: bytes.toString('base64') })
}

function relay(message: Exclude<ToStage, Start>): void {
  const response = waiting.get(message.id)
  if (response === undefined) return
  if (message.type === 'head') response.writeHead(message.status, message.headers)
  else if (message.type === 'piece') response.write(Buffer.from(message.bytes, 'base64'))
  else if (message.broken) response.destroy()
  else response.end()
}
