import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import type { StoredRecord } from '../../storage/store.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import type { Principal } from './authentication.ts'
import { BEFORE_FIRST, headPosition, readPosition, writePosition } from './event-position.ts'
import type { EventPosition } from './event-position.ts'
import { confirm } from './people/identify.ts'
import { routeSchema } from './route-schema.ts'
import { object } from './schemas.ts'

const BATCH = 256
/** Commits that follow each other closely are read together, ms. */
const GATHER = 20

/**
 * Server-sent events: one for each record of the ledger. The ledger itself is the buffer, so a slow reader costs
 * no memory, and a reader that comes back goes on exactly where it was.
 */
export function eventRoutes(app: FastifyInstance, context: ApiContext): void {
  const { store, limits, metrics, closing } = context
  const wakes = new Set<() => void>()
  const stopListening = store.onCommit(() => {
    for (const wake of wakes) wake()
  })
  closing.addEventListener('abort', stopListening, { once: true })
  let clients = 0
  metrics.gauge('belay_event_clients', 'Readers of the event stream.', () => clients)

  app.get<{ Querystring: { after?: string } }>(
    '/v1/events',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'The ledger as it grows, as server-sent events',
        tag: 'events',
        querystring: object({
          after: {
            type: 'string',
            maxLength: 16_000,
            description: 'like Last-Event-ID; `start` for everything',
          },
        }),
        headers: { type: 'object', properties: { 'last-event-id': { type: 'string', maxLength: 16_000 } } },
        answers: {
          200: {
            description:
              "Events whose type is the record's kind and whose data is the record; new ones only, unless a position is given",
            schema: { type: 'string' },
            media: 'text/event-stream',
          },
        },
      }),
    },
    async (request, reply) => {
      const principal = principalOf(request)
      if (clients >= limits.eventClients)
        throw new BelayError('server:busy', { max: String(limits.eventClients) })
      clients++
      const client = new EventClient(reply.raw, limits.slowReader)
      try {
        const heads = await store.chains()
        const after = (request.headers['last-event-id'] as string | undefined) || request.query.after
        const position =
          after === undefined
            ? headPosition(heads)
            : after === 'start'
              ? new Map()
              : readPosition(after, heads)
        wakes.add(client.wake)
        closing.addEventListener('abort', client.end, { once: true })
        reply.hijack()
        client.open()
        await follow(context, client, principal, position)
      } catch (error) {
        if (!reply.raw.headersSent) throw error
        // The reader comes back by itself and goes on from its last event.
        request.log.debug({ err: error }, 'event stream ended')
      } finally {
        clients--
        wakes.delete(client.wake)
        closing.removeEventListener('abort', client.end)
        if (reply.raw.headersSent) client.end()
      }
      return reply
    },
  )
}

async function follow(
  context: ApiContext,
  client: EventClient,
  principal: Principal,
  position: EventPosition,
): Promise<void> {
  const { store, limits } = context
  while (!client.ended) {
    client.rest()
    await confirm(principal, context)
    for (const { chain, seq: head } of await store.chains()) {
      let seen = position.get(chain) ?? BEFORE_FIRST
      while (seen < head && !client.ended) {
        const batch = await store.records(chain, seen, BATCH)
        if (batch.length === 0) break
        await confirm(principal, context)
        let text = ''
        for (const record of batch) {
          seen = record.seq
          position.set(chain, seen)
          if (maySee(principal, record.agent) && mayFollow(principal, record))
            text += eventOf(record, position)
        }
        await client.write(text)
      }
    }
    if (!(await client.woken(limits.heartbeat)))
      await client.write(`: still here\nid: ${writePosition(position)}\n\n`)
  }
}

/** Who logs in and who gave out keys is for those who keep watch over that. */
function mayFollow(principal: Principal, { kind }: StoredRecord): boolean {
  if (principal.kind !== 'person' || (kind !== 'login' && kind !== 'key')) return true
  const { permissions } = principal
  return permissions.includes('audit') || permissions.includes(kind === 'key' ? 'keys' : 'people')
}

function eventOf(record: StoredRecord, position: EventPosition): string {
  // The text is canonical JSON, which has no line breaks, and it is what the chain hashes: readers can check it.
  return `id: ${writePosition(position)}\nevent: ${record.kind}\ndata: ${record.text}\n\n`
}

class EventClient {
  readonly #response: ServerResponse
  readonly #slowReader: number
  #news = false
  #rouse: (() => void) | null = null
  ended = false

  constructor(response: ServerResponse, slowReader: number) {
    this.#response = response
    this.#slowReader = slowReader
    response.once('close', this.end).once('error', this.end)
  }

  open(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    })
    this.#response.write('retry: 1000\n\n')
  }

  /** Forgets the news: what follows reads everything there is. */
  rest(): void {
    this.#news = false
  }

  readonly wake = (): void => {
    this.#news = true
    this.#rouse?.()
  }

  readonly end = (): void => {
    if (this.ended) return
    this.ended = true
    this.#rouse?.()
    this.#response.end()
  }

  /** Resolves with `true` at news or the end, with `false` when `ms` have passed without. */
  async woken(ms: number): Promise<boolean> {
    if (!this.#news && !this.ended) await this.#pause(ms)
    const news = this.#news || this.ended
    if (news && !this.ended) await new Promise((resolve) => setTimeout(resolve, GATHER))
    return news
  }

  /** Waits while the reader is behind; one that stays behind is cut off. */
  async write(text: string): Promise<void> {
    if (text === '' || this.ended || this.#response.write(text)) return
    const response = this.#response
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        response.off('drain', done).off('close', done)
        resolve()
      }
      const timer = setTimeout(() => response.destroy(), this.#slowReader)
      response.once('drain', done).once('close', done)
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#rouse = null
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#rouse = done
    })
  }
}
