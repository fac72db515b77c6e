import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/action/json.ts'
import { NO_USAGE, type TokenUsage } from '../../../src/entry/model-gateway/model-call.ts'
import type { Protocol } from '../../../src/entry/model-gateway/wire-formats/wire-format.ts'
import { anthropic } from './anthropic.ts'
import { gemini } from './gemini.ts'
import { openai } from './openai.ts'
import { decide, faultOf, isRecord, type Answer, type Arrived, type Script, type Speech } from './script.ts'
import { Left, send } from './send.ts'

export type { Answer, Arrived, Fault, FaultName, Script } from './script.ts'
export { FAULTS } from './script.ts'

/** The keys that the provider accepts, by protocol. */
export const PROVIDER_KEYS: Readonly<Record<Protocol, string>> = {
  openai: 'sk-provider-openai-0001',
  anthropic: 'sk-ant-provider-0001',
  gemini: 'AIza-provider-0001',
}

const SPEECHES: Readonly<Record<Protocol, Speech>> = { openai, anthropic, gemini }
const BASES: Readonly<Record<Protocol, string>> = {
  openai: '/openai/v1',
  anthropic: '/anthropic/v1',
  gemini: '/gemini/v1beta',
}

/** Google's client speaks to `/v1` and `/v1beta`. */
const PREFIXES: Readonly<Record<Protocol, RegExp>> = {
  openai: /^\/openai\/v1/,
  anthropic: /^\/anthropic\/v1/,
  gemini: /^\/gemini\/v1(beta)?/,
}

/** All three vendors on one port of this machine, saying what the test scripts. */
export interface Provider {
  /** Base URLs as a provider's entry of the policy names them, with the version. */
  readonly urls: Readonly<Record<Protocol, string>>
  /**
   * What it answers to the next requests that generate or embed: a queue, or a function of the request. Where the
   * queue is empty or the function says nothing, a greeting. Replaces what was scripted before.
   */
  script(script: Script): void
  /** Everything that arrived with a right key on a route that exists, in order. */
  readonly requests: readonly Arrived[]
  /** The request of that number (from 0), when it has arrived. */
  arrived(number: number): Promise<Arrived>
  /** What every request costs (also one that broke off: all of its input, and what was produced); settled when `ended` of each has. */
  readonly billed: readonly TokenUsage[]
  /** Requests that were turned away: wrong key, unknown route. */
  readonly refused: readonly { readonly status: number; readonly url: string }[]
  /** A Belay key was in a header, an address or a body. */
  readonly sawBelayKey: boolean
  /** Closes the port and every connection; the function that it answers opens the same port again. */
  down(): Promise<() => Promise<void>>
  close(): Promise<void>
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export async function startProvider(): Promise<Provider> {
  const requests: Arrived[] = []
  const refused: { status: number; url: string }[] = []
  const waiting = new Map<number, PromiseWithResolvers<Arrived>>()
  let queue: Answer[] = []
  let answerTo: ((request: Arrived) => Answer | undefined) | undefined
  let sawBelayKey = false

  const next = (request: Arrived): Answer => {
    const scripted = answerTo ? answerTo(request) : takes(request) ? queue.shift() : undefined
    return scripted ?? {}
  }

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const left = new Promise<void>((resolve) => void response.once('close', resolve))
    const raw = await bytesOf(request)
    if (raw === undefined) return
    sawBelayKey ||= /blk_/.test(`${request.url}\n${request.rawHeaders.join('\n')}\n${raw.toString('latin1')}`)
    const url = new URL(request.url ?? '/', 'http://provider')
    const protocol = protocolOf(url.pathname)
    const speech = SPEECHES[protocol]
    const id = `req_${requests.length + refused.length}`
    const headers = { ...speech.headers(id), 'x-scripted-id': id }
    const refuse = (status: number, message: string): void => {
      refused.push({ status, url: request.url ?? '' })
      response.writeHead(status, { ...headers, 'content-type': 'application/json' })
      response.end(JSON.stringify(speech.failure(status, message, id)))
    }
    if (speech.key(request.headers, url.searchParams) !== PROVIDER_KEYS[protocol])
      return refuse(401, 'Incorrect API key provided.')
    const body = jsonOf(raw)
    if (body === undefined) return refuse(400, 'The body is not a JSON object.')
    const path = url.pathname.replace(PREFIXES[protocol], '')
    const heard = speech.hear(request.method ?? '', path, url.searchParams, body)
    if (heard === undefined) return refuse(404, `Unknown request URL: ${request.method} ${url.pathname}`)

    const ended = Promise.withResolvers<'answered' | 'abandoned' | 'broken'>()
    const arrived: Mutable<Arrived> = {
      ...heard,
      number: requests.length,
      protocol,
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      raw,
      body,
      billed: null,
      deltas: 0,
      ended: ended.promise,
    }
    requests.push(arrived)
    const answer = next(arrived)
    const said = decide(answer, heard, raw.length, arrived.number)
    const reportsZero = faultOf(answer)?.name === 'zero_usage'
    const bill = (share: number): void => {
      if (heard.kind !== 'generate' && heard.kind !== 'embed') return
      arrived.billed = reportsZero ? NO_USAGE : share >= 1 ? said.usage : partOf(said.usage, share)
    }
    waiting.get(arrived.number)?.resolve(arrived)
    try {
      const end = await send({
        response,
        left,
        speech,
        heard,
        said,
        answer,
        fault: faultOf(answer),
        headers: { ...headers, ...answer.headers },
        produced: (share, deltas) => {
          arrived.deltas = deltas
          bill(share)
        },
      })
      ended.resolve(end)
    } catch (error) {
      if (error instanceof Left && answer.billsAbandoned) bill(1)
      ended.resolve(error instanceof Left ? 'abandoned' : 'broken')
      if (!(error instanceof Left)) throw error
    }
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    take(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  // Half-closed and reset sockets end in errors here that are the tests' own doing.
  server.on('connection', (socket) => socket.setNoDelay(true).on('error', () => undefined))
  const port = await listen(server, 0)
  const base = `http://127.0.0.1:${port}`
  return {
    urls: { openai: base + BASES.openai, anthropic: base + BASES.anthropic, gemini: base + BASES.gemini },
    script: (script) => {
      queue = typeof script === 'function' ? [] : [...script]
      answerTo = typeof script === 'function' ? script : undefined
    },
    requests,
    arrived: (number) => {
      const there = requests[number]
      if (there) return Promise.resolve(there)
      const known = waiting.get(number) ?? Promise.withResolvers<Arrived>()
      waiting.set(number, known)
      return known.promise
    },
    get billed() {
      return requests.map(({ billed }) => billed ?? NO_USAGE)
    },
    refused,
    get sawBelayKey() {
      return sawBelayKey
    },
    down: async () => {
      await shut(server)
      return async () => void (await listen(server, port))
    },
    close: () => shut(server),
  }
}

function takes({ kind }: Arrived): boolean {
  return kind === 'generate' || kind === 'embed'
}

function protocolOf(path: string): Protocol {
  if (path.startsWith(`${BASES.anthropic}/`)) return 'anthropic'
  return path.startsWith('/gemini/') ? 'gemini' : 'openai'
}

/** All of the input, and of the output what was produced; it reasons before it speaks. */
function partOf(usage: TokenUsage, share: number): TokenUsage {
  return {
    ...usage,
    output: usage.reasoning + Math.ceil((usage.output - usage.reasoning) * share),
    outputAudio: Math.floor(usage.outputAudio * share),
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    // The client left while it was still speaking.
    return undefined
  }
  return Buffer.concat(parts)
}

function jsonOf(raw: Buffer): JsonObject | undefined {
  if (raw.length === 0) return {}
  try {
    const body: unknown = JSON.parse(raw.toString())
    return isRecord(body) ? body : undefined
  } catch {
    return undefined
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function shut(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
