import { BelayError, CATALOGUE } from '../../errors/catalogue.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { HarnessUnreachable } from './errors.ts'
import { textOf } from './text-of.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export interface ApiRequest {
  readonly body?: JsonObject
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** Milliseconds until the call is given up; 30 s unless told. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** How often the call may be repeated when no answer came. Only for calls that may safely happen twice. */
  readonly retries?: number
}

/**
 * Calls a running harness. Throws the `BelayError` that the harness answered, or `HarnessUnreachable` when there
 * was no answer to trust. Redirects are not followed: the key is for this address alone.
 */
export class ApiClient {
  readonly url: string
  readonly #token: string
  readonly #actingAs: string | undefined

  /** `actingAs` names the person for whom the admin token speaks. */
  constructor(url: string, token: string, actingAs?: string) {
    let parsed: URL
    try {
      parsed = new URL(url)
    } catch (error) {
      throw new BelayError(
        'input:invalid',
        { where: 'url', expected: 'an http(s) address', got: url },
        { cause: error },
      )
    }
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
      throw new BelayError('input:invalid', {
        where: 'url',
        expected: 'an http(s) address',
        got: parsed.protocol,
      })
    }
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new BelayError('input:invalid', {
        where: 'key',
        expected: 'a key without blanks',
        got: 'something else',
      })
    }
    this.url = parsed.href.replace(/\/$/, '')
    this.#token = token
    if (actingAs !== undefined && !/^[\x21-\x7e]{1,200}$/.test(actingAs)) {
      throw new BelayError('input:invalid', {
        where: 'as',
        expected: 'one person, as the policy names its approvers',
        got: actingAs,
      })
    }
    this.#actingAs = actingAs
  }

  /** Whether the token is an agent's key, which speaks for that agent alone. */
  get speaksForAgent(): boolean {
    return this.#token.startsWith('blk_')
  }

  /** The same harness, with the admin token speaking for this person. */
  as(person: string): ApiClient {
    return new ApiClient(this.url, this.#token, person)
  }

  async json(method: string, path: string, request: ApiRequest = {}): Promise<JsonValue> {
    const text = await this.text(method, path, request)
    if (text === '') return null
    try {
      return JSON.parse(text) as JsonValue
    } catch (error) {
      throw new HarnessUnreachable(this.url, { cause: error })
    }
  }

  async object(method: string, path: string, request: ApiRequest = {}): Promise<JsonObject> {
    const value = await this.json(method, path, request)
    if (!isJsonObject(value)) {
      throw new HarnessUnreachable(this.url, { cause: new Error('the answer is not a JSON object') })
    }
    return value
  }

  async text(method: string, path: string, request: ApiRequest = {}): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(method, path, request)
      } catch (error) {
        const repeatable =
          error instanceof HarnessUnreachable || (error instanceof BelayError && error.status === 503)
        if (!repeatable || attempt >= (request.retries ?? 0) || request.signal?.aborted === true) throw error
        await pause(Math.min(100 * 2 ** attempt, 5000) * (0.5 + Math.random() / 2), request.signal)
      }
    }
  }

  /** The open answer, for streams. The caller reads or cancels its body. */
  async open(
    method: string,
    path: string,
    request: ApiRequest = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const address = new URL(this.url + path)
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) address.searchParams.set(name, String(value))
    }
    const init: RequestInit = {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(this.#actingAs === undefined ? {} : { 'belay-acting-as': this.#actingAs }),
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    }
    if (request.body !== undefined) init.body = JSON.stringify(request.body)
    if (request.signal !== undefined) init.signal = request.signal
    let response: Response
    try {
      response = await fetch(address, init)
    } catch (error) {
      throw new HarnessUnreachable(this.url, { cause: error })
    }
    if (!response.ok) throw refusal(response.status, await bodyText(response, this.url), this.url)
    return response
  }

  async #once(method: string, path: string, request: ApiRequest): Promise<string> {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? 30_000)
    const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout])
    return bodyText(await this.open(method, path, { ...request, signal }), this.url)
  }
}

async function bodyText(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  try {
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array
      size += bytes.byteLength
      if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`)
      text += decoder.decode(bytes, { stream: true })
    }
  } catch (error) {
    throw new HarnessUnreachable(url, { cause: error })
  }
  return text + decoder.decode()
}

function refusal(status: number, text: string, url: string): Error {
  let problem: JsonValue
  try {
    problem = JSON.parse(text) as JsonValue
  } catch {
    problem = null
  }
  if (
    isJsonObject(problem) &&
    typeof problem['code'] === 'string' &&
    Object.hasOwn(CATALOGUE, problem['code'])
  ) {
    const error = new BelayError(problem['code'] as ErrorCode, detailsOf(problem['details']), {
      cause: problem,
    })
    // The harness has filled the template already, with details that it may not send along.
    if (typeof problem['detail'] === 'string') error.message = problem['detail']
    return error
  }
  return new HarnessUnreachable(url, {
    cause: new Error(`it answered ${status} without a problem+json body`),
  })
}

function detailsOf(value: JsonValue | undefined): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([name, detail]) => [name, textOf(detail)]))
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
