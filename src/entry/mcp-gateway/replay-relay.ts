import type { Readable, Writable } from 'node:stream'
import { readMessage, BadMessage, errorResponse } from './message.ts'
import { Lines } from './lines.ts'

const MAX_MESSAGE = 32 * 1024 * 1024

/**
 * A server over standard streams that was recorded: each message goes to the replay that answers for it, and its answer
 * comes back. No server is started. Resolves when the client has closed its end and everything is answered.
 */
export async function relayToReplay(url: string, input: Readable, output: Writable): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const open = new Set<Promise<void>>()
  const write = (text: string): void => void output.write(`${text}\n`)
  const pass = async (line: string): Promise<void> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: line,
    })
    const text = await response.text()
    if (text !== '') write(text)
  }
  const lines = new Lines(
    MAX_MESSAGE,
    (line) => {
      try {
        readMessage(line)
      } catch (error) {
        if (!(error instanceof BadMessage)) throw error
        write(JSON.stringify({ ...errorResponse('', error.code, error.message), id: null }))
        return
      }
      const passing = pass(line)
        // The replay has ended, and this process with it.
        .catch(() => end())
        .finally(() => open.delete(passing))
      open.add(passing)
    },
    end,
  )
  input.on('data', (chunk: Buffer) => lines.push(chunk))
  input.once('end', end).once('close', end).once('error', end)
  output.once('error', end)
  await ended
  await Promise.all(open)
}
