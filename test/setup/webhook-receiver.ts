import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHmac, timingSafeEqual } from 'node:crypto'

// oxlint-disable-next-line typescript/no-explicit-any -- what an event holds is for each test to assert
type Any = any

export const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`

export interface WebhookReceiver {
  readonly url: string
  /** Events whose signature holds, in order of arrival. */
  readonly events: Any[]
  readonly refused: string[]
  /** Statuses of the next answers. */
  readonly failures: number[]
  until(condition: () => boolean): Promise<void>
  close(): Promise<void>
}

/** Verifies as the Standard Webhooks specification tells receivers to. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const watchers = new Set<() => void>()
  const events: Any[] = []
  const refused: string[] = []
  const failures: number[] = []
  const key = Buffer.from(WEBHOOK_SECRET.slice('whsec_'.length), 'base64')
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8')
      const id = String(request.headers['webhook-id'])
      const timestamp = String(request.headers['webhook-timestamp'])
      const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
      const genuine = String(request.headers['webhook-signature'])
        .split(' ')
        .some((one) => {
          const given = Buffer.from(one.replace(/^v1,/, ''), 'base64')
          return given.length === expected.length && timingSafeEqual(given, expected)
        })
      const fresh = Math.abs(Date.now() / 1_000 - Number(timestamp)) < 300
      const failure = failures.shift()
      if (!genuine || !fresh) refused.push(body)
      else if (failure === undefined)
        events.push({ ...JSON.parse(body), webhookId: id, type_: request.headers['content-type'] })
      response.writeHead(genuine && fresh ? (failure ?? 204) : 401).end()
      for (const watcher of watchers) watcher()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`,
    events,
    refused,
    failures,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no event: ${condition.toString()}`)), 60_000)
        const look = (): void => {
          if (!condition()) return
          watchers.delete(look)
          clearTimeout(late)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
