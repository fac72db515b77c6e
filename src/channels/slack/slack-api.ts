import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { Later, Undeliverable } from '../outbox.ts'

export interface SlackApiOptions {
  readonly url: string
  readonly token: string
  /** ms. */
  readonly timeout?: number
}

/** Refusals that are Slack's own trouble and may pass. */
const PASSING: ReadonlySet<string> = new Set([
  'ratelimited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
])
const MAX_ANSWER = 4_000_000

/** Slack said `ok: false`; `code` is its `error`. */
export class SlackRefused extends Undeliverable {
  readonly code: string

  constructor(method: string, code: string, more: string) {
    super(`${method}: ${code}${more}`)
    this.code = code
  }
}

/** The Web API. Throws `Later` for 429 with what `Retry-After` says, `SlackRefused` for what will not pass by itself. */
export class SlackApi {
  readonly #options: SlackApiOptions

  constructor(options: SlackApiOptions) {
    this.#options = options
  }

  /** For methods that take JSON. */
  call(method: string, body: JsonObject): Promise<JsonObject> {
    return this.#send(method, 'application/json; charset=utf-8', JSON.stringify(body))
  }

  /** For methods that take forms only (those that read). */
  ask(method: string, fields: Readonly<Record<string, string>>): Promise<JsonObject> {
    return this.#send(method, 'application/x-www-form-urlencoded', new URLSearchParams(fields).toString())
  }

  async #send(method: string, contentType: string, body: string): Promise<JsonObject> {
    const { url, token, timeout = 10_000 } = this.#options
    const response = await fetch(`${url}/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
      body,
      // The token goes to the one address that the policy names.
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
    })
    if (response.status === 429) {
      await response.body?.cancel()
      throw new Later(`${method}: rate limited`, retryAfter(response.headers.get('retry-after')))
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`${method}: HTTP ${response.status}`)
    }
    const answer = parsed(method, await boundedText(response))
    if (answer['ok'] === true) return answer
    const code = typeof answer['error'] === 'string' ? answer['error'].slice(0, 100) : 'no error named'
    if (PASSING.has(code)) throw new Error(`${method}: ${code}`)
    throw new SlackRefused(method, code, details(answer))
  }
}

function retryAfter(header: string | null): number {
  const seconds = Number(header ?? '')
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : 30_000
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.byteLength
    if (size > MAX_ANSWER) throw new Error('the answer is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsed(method: string, text: string): JsonObject {
  try {
    const value = JSON.parse(text) as JsonValue
    if (isJsonObject(value)) return value
  } catch {
    // Said below.
  }
  throw new Error(`${method}: the answer is not a JSON object`)
}

/** What was wrong with the blocks, or which scope the app lacks. */
function details({ needed, response_metadata: meta }: JsonObject): string {
  const parts: string[] = []
  if (typeof needed === 'string') parts.push(`needs the scope ${needed.slice(0, 100)}`)
  if (isJsonObject(meta) && Array.isArray(meta['messages']))
    parts.push(...meta['messages'].slice(0, 3).map((one) => String(one).slice(0, 200)))
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`
}
