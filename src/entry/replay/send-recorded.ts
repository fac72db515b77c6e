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
    const wait = timing ? ms - (performance.now() - started) : 0
    // A turn of its own for each piece, so that none is joined with the next.
    await new Promise((resolve) => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)))
  }
  if (answer.whole) {
    if (timing) await reach(answer.cuts[0]?.[0] ?? 0)
    response.writeHead(answer.status, { ...headers, 'content-length': bytes.length })
    response.end(bytes)
    return
  }
  delete headers['content-length']
  response.writeHead(answer.status, headers)
  let at = 0
  for (const [ms, length] of answer.cuts) {
    await reach(ms)
    if (response.destroyed) return
    response.write(bytes.subarray(at, at + length))
    at += length
  }
  await reach(0)
  if (answer.broken) response.destroy()
  else response.end()
}
