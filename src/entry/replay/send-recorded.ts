import type { ServerResponse } from 'node:http'
import type { RecordedAnswer } from '../../action/recording.ts'

/** Sends a recorded answer: the same status, headers and bytes, cut where they were cut; with `timing`, when they came. */
export async function sendRecorded(
  response: ServerResponse,
  answer: RecordedAnswer,
  timing: boolean,
): Promise<void> {
  const bytes = Buffer.from(answer.body, answer.encoding)
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : [...value],
    ]),
  )
  const started = performance.now()
  const reach = async (ms: number): Promise<void> => {
    const wait = ms - (performance.now() - started)
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  }
  if (answer.whole) {
    if (timing) await reach(answer.cuts[0]?.[0] ?? 0)
    response.writeHead(answer.status, { ...headers, 'content-length': bytes.length })
    response.end(bytes)
    return
  }
  delete headers['content-length']
  response.writeHead(answer.status, headers)
  // Corked, pieces would become one chunk (RFC 9112 §7.1); within one turn they leave together all the same.
  let at = 0
  for (const [ms, length] of answer.cuts) {
    if (timing) await reach(ms)
    if (response.destroyed) return
    response.write(bytes.subarray(at, at + length))
    at += length
  }
  if (!answer.broken) response.end()
  // What came before the break arrives; it is written at the end of this turn.
  else setImmediate(() => response.socket?.destroySoon())
}
