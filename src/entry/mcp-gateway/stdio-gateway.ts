import type { Readable, Writable } from 'node:stream'
import type { JsonObject } from '../../action/json.ts'
import type { Tags } from '../../action/tags.ts'
import { Lines } from './lines.ts'
import { BadMessage, errorResponse, readMessage } from './message.ts'
import type { ServerContext } from './server-context.ts'
import { Session } from './session.ts'

export interface StdioGatewayOptions {
  readonly context: ServerContext
  readonly agent: string
  /** What the agent calls its session; `null`: each client is one. */
  readonly session: string | null
  readonly tags?: Tags | undefined
  readonly input: Readable
  readonly output: Writable
}

const MAX_CLIENT_MESSAGE = 32 * 1024 * 1024
/** A client that does not read is not fed without end. */
const MAX_UNREAD = 256 * 1024 * 1024

/**
 * One client on standard streams (MCP, stdio), one server behind it. Resolves when the client has closed its end and
 * the server has stopped.
 */
export async function runStdioGateway({
  context,
  agent,
  session: named,
  tags,
  input,
  output,
}: StdioGatewayOptions): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const write = (message: JsonObject): boolean => {
    if (output.destroyed || output.writableLength > MAX_UNREAD) {
      end()
      return false
    }
    output.write(`${JSON.stringify(message)}\n`)
    return true
  }
  const session = new Session(context, agent, { deliver: (message) => write(message) })
  const lines = new Lines(
    MAX_CLIENT_MESSAGE,
    (line) => {
      try {
        session.receive(readMessage(line), {
          scope: '',
          session: named,
          tags,
          channel: null,
          answer: (response) => void (response !== null && write(response)),
        })
      } catch (error) {
        if (!(error instanceof BadMessage)) throw error
        // JSON-RPC 2.0, section 5: where the id cannot be told it is null.
        write({ ...errorResponse('', error.code, error.message), id: null })
      }
    },
    () =>
      write({ ...errorResponse('', -32600, `a message of more than ${MAX_CLIENT_MESSAGE} bytes`), id: null }),
  )
  input.on('data', (chunk: Buffer) => lines.push(chunk))
  input.once('end', end).once('close', end).once('error', end)
  output.once('error', end).once('close', end)
  await ended
  await session.close()
}
