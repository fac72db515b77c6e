import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that the receiver took or refused. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly status: number
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Answers nothing at all. */
  readonly silent?: boolean
}

/** What the real backend says to a request: `undefined` takes it. */
export type Rules = (request: Omit<Received, 'status'>) => Answer | undefined

/** Stands in for a backend: refuses by its rules, and before that whatever the test has scripted. */
export interface Receiver {
  readonly url: string
  readonly requests: readonly Received[]
  /** Those it took. */
  readonly taken: readonly Received[]
  /** The next answers, in order, whatever comes; then the rules again. */
  script(...answers: readonly Answer[]): void
  /** Resolves when it has taken so many. */
  took(count: number): Promise<void>
  /** Resolves when so many requests have come. */
  saw(count: number): Promise<void>
  close(): Promise<void>
}

export async function startReceiver(rules: Rules = () => undefined, port = 0): Promise<Receiver> {
  const requests: Received[] = []
  const scripted: Answer[] = []
  const waiting = new Set<() => void>()
  const silent = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const got = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) }
      const answer = scripted.shift() ?? (request.method === 'POST' ? rules(got) : { status: 405 })
      requests.push({ ...got, status: answer?.status ?? 200 })
      for (const wake of waiting) wake()
      if (answer?.silent === true) {
        silent.add(response)
        return
      }
      response.writeHead(answer?.status ?? 200, answer?.headers ?? {})
      response.end(answer?.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const taken = (): Received[] => requests.filter(({ status }) => status >= 200 && status < 300)
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
    }
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get taken() {
      return taken()
    },
    script: (...answers) => void scripted.push(...answers),
    took: (count) => until(() => taken().length >= count),
    saw: (count) => until(() => requests.length >= count),
    async close() {
      for (const response of silent) response.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
