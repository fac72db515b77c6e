import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { withoutKey } from '../model-gateway/client-key.ts'
import { readBody } from '../model-gateway/read-body.ts'
import { bodyOf } from '../recording/recording-of.ts'
import { sendRecorded } from './send-recorded.ts'
import { MCP_PATH, serveMcp } from './serve-mcp.ts'
import {
  describe,
  type Asked,
  type Divergence,
  type Found,
  type SessionBook,
  type Step,
} from './session-book.ts'

/** A request that is answered elsewhere: past the step at which a fork begins. */
export interface Beyond {
  readonly asked: Asked
  readonly request: IncomingMessage
  readonly bytes: Buffer
  readonly response: ServerResponse
}

export interface ReplayServerOptions {
  readonly book: SessionBook
  /** The port; 0 takes any free one. */
  readonly port: number
  /** Whether pieces come when they came. */
  readonly timing: boolean
  readonly onStep?: (step: Step) => void
  /** The first request that the recording does not have. */
  readonly onDivergence: (divergence: Divergence) => void
  /** From which step on requests go elsewhere. */
  readonly fork?: { readonly at: number; readonly serve: (beyond: Beyond) => Promise<void> }
}

export interface ReplayServer {
  readonly url: string
  /** Steps that were answered from the recording. */
  readonly answered: number
  close(): Promise<void>
}

/** Answers from the recording and from nothing else: a request that it does not have is an error, and so is every one after it. */
export async function startReplayServer(options: ReplayServerOptions): Promise<ReplayServer> {
  const { book, timing, fork, onDivergence } = options
  let answered = 0
  let diverged: Divergence | null = null
  let forked = false

  const diverge = (divergence: Divergence): void => {
    if (diverged !== null) return
    diverged = divergence
    onDivergence(divergence)
  }

  const take = (asked: Asked): Found => {
    const found = book.take(asked)
    if (found.status === 'diverged') diverge(found.divergence)
    else if (!found.again) {
      answered++
      options.onStep?.(found.step)
    }
    return found
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = request
    if (method === 'GET' && (url === '/healthz' || url === '/readyz')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
      return
    }
    const bytes = await readBody(request)
    const asked: Asked = { method, path: withoutKey(url), body: bodyOf(bytes) }
    const past = fork !== undefined && (forked || book.next >= fork.at)
    // No server runs past a fork: what is not recorded is refused, and the agent may go on without.
    if (MCP_PATH.test(asked.path) && diverged === null)
      return serveMcp(asked, response, past ? (one) => book.take(one) : take)
    if (diverged !== null) return refuse(response, 'The replay has ended: an earlier request diverged.')
    if (fork !== undefined && past) {
      forked = true
      return fork.serve({ asked, request, bytes, response })
    }
    const found = take(asked)
    if (found.status === 'diverged') return refuse(response, describe(found.divergence))
    const { answer } = found.step.recording
    if (answer !== null) await sendRecorded(response, answer, timing)
  }

  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    serve(request, response).catch(() => response.destroy())
  })
  // As the harness has it.
  server.keepAliveTimeout = 72_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get answered() {
      return answered
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Of the statuses that clients do not try again. */
function refuse(response: ServerResponse, message: string): void {
  const body = JSON.stringify({ error: { type: 'invalid_request_error', code: 'replay:diverged', message } })
  response.writeHead(400, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
