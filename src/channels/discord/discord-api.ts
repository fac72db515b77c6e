import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { Later, Undeliverable } from '../outbox.ts'

const TIMEOUT = 10_000
const MAX_ANSWER = 1_000_000

/** Discord refused it for good; `status` is HTTP's. */
export class DiscordRefused extends Undeliverable {
  readonly status: number

  constructor(path: string, status: number, why: string) {
    super(`${path}: HTTP ${status}${why}`)
    this.status = status
  }
}

/** The REST API, as far as messages need it. Throws `Later` for 429, `DiscordRefused` for what will not pass by itself. */
export class DiscordApi {
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  async call(method: 'POST' | 'PATCH', path: string, body: JsonObject): Promise<JsonObject> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bot ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    })
    const text = await response.text()
    const answer = text.length > MAX_ANSWER ? {} : parsed(text)
    // What stands in the path after a webhook's id is a secret.
    const shown = path.startsWith('/webhooks/') ? '/webhooks/…' : path
    if (response.ok) return answer
    if (response.status === 429) {
      const seconds = Number(answer['retry_after'] ?? response.headers.get('retry-after') ?? 1)
      throw new Later(`${shown}: rate limited`, Math.min(Math.max(seconds, 0.1), 3_600) * 1_000)
    }
    if (response.status >= 500) throw new Error(`${shown}: HTTP ${response.status}`)
    const why = typeof answer['message'] === 'string' ? ` (${answer['message'].slice(0, 200)})` : ''
    throw new DiscordRefused(shown, response.status, why)
  }
}

function parsed(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
