import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const MAX_BODY_BYTES = 256 * 1024

export interface Call {
  readonly method: string
  /** The parts of the path, decoded: `/posts/p1` is `['posts', 'p1']`. */
  readonly path: readonly string[]
  readonly authorization: string
  readonly body: Record<string, unknown>
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Serves JSON on a free port of the loopback address; answers with the base URL. */
export async function serve(answer: (call: Call) => Answer): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void respond(request, response, answer)
  })
  // The agents of the demo pause between calls; a connection closed under them would look like an outage.
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (call: Call) => Answer,
): Promise<void> {
  let given: Answer
  try {
    given = answer(await read(request))
  } catch (error) {
    given = { status: 400, body: { error: String(error) } }
  }
  response.writeHead(given.status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(given.body))
}

async function read(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = chunk as Buffer
    size += bytes.byteLength
    if (size > MAX_BODY_BYTES) throw new Error(`the body is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(bytes)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const body: unknown = text === '' ? {} : JSON.parse(text)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('the body is no object')
  const { pathname } = new URL(request.url ?? '/', 'http://world')
  return {
    method: request.method ?? 'GET',
    path: pathname.split('/').filter(Boolean).map(decodeURIComponent),
    authorization: request.headers.authorization ?? '',
    body: body as Record<string, unknown>,
  }
}

export const NOT_FOUND: Answer = { status: 404, body: { error: 'not found' } }
