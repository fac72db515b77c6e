import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Witness } from '../../flow/audit/transparency/witness.ts'

export interface WitnessServer {
  /** The prefix for submissions and for monitoring. */
  readonly url: string
  close(): Promise<void>
}

const MAX_BODY = 128 * 1024
const REQUEST_MS = 10_000
const CHECKPOINT = /^\/([0-9a-f]{64})\/checkpoint$/

/** Serves a witness (C2SP tlog-witness). There is no authentication: what counts is who signed the checkpoint. */
export async function serveWitness(
  witness: Witness,
  {
    host = '127.0.0.1',
    port,
    onFault = () => undefined,
  }: { readonly host?: string; readonly port: number; readonly onFault?: (error: unknown) => void },
): Promise<WitnessServer> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, maxHeaderSize: 8192 },
    (request, response) => {
      answer(witness, request, response).catch((error: unknown) => {
        onFault(error)
        if (!response.headersSent) send(response, 500, 'the witness cannot sign now\n')
      })
    },
  )
  server.maxConnections = 1000
  await listen(server, host, port)
  const { port: bound, family, address } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const [, hash] = CHECKPOINT.exec(path) ?? []
  if (hash !== undefined && request.method === 'GET') {
    const checkpoint = witness.checkpoint(hash)
    return checkpoint === undefined ? send(response, 404, 'never signed\n') : send(response, 200, checkpoint)
  }
  if (path !== '/add-checkpoint') return send(response, 404, 'not here\n')
  if (request.method !== 'POST') return send(response, 405, 'POST only\n')
  const body = await bodyOf(request)
  if (body === undefined) return send(response, 413, 'too large\n')
  const { status, body: text, type } = witness.addCheckpoint(body)
  send(response, status, text, type)
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What is left of a body that was too large is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  })
  response.end(body)
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY) return undefined
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => resolve())
  })
}
