import { retryAfter } from '../model-gateway/upstream/retry-after.ts'
import { Later, TooLarge, Unacceptable } from './sink.ts'

const TIMEOUT_MS = 15_000
const MAX_ANSWER = 65_536

export interface Posted {
  readonly headers: Headers
  readonly body: Buffer
}

/**
 * Sends a body and takes 2xx as "I have it". Redirects are not followed: the headers hold a key for this address alone.
 * Throws `Later` (no answer, 408, 425, 429, 5xx; 401, 403, 404 and the like as faults of configuration), `TooLarge`
 * (413), `Unacceptable` (400, 422).
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Posted> {
  let response: Response
  let answer: Buffer
  try {
    response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    answer = await bounded(response)
  } catch (error) {
    // The address may hold a key: it is not repeated.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new Later(`no answer: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unknown'}`)
  }
  const { status } = response
  if (status >= 200 && status < 300) return { headers: response.headers, body: answer }
  const said = `it answered ${status}`
  if (status === 413) throw new TooLarge(said)
  if (status === 400 || status === 422) throw new Unacceptable(said)
  const after = retryAfter(Object.fromEntries(response.headers), Date.now())
  const passing = status === 408 || status === 425 || status === 429 || status >= 500
  throw new Later(said, { after, configuration: !passing })
}

async function bounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array
    size += bytes.byteLength
    if (size > MAX_ANSWER) break
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
