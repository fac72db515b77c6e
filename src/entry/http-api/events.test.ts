import { createParser } from 'eventsource-parser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN, startTestServer } from '../../../test/setup/http-server.ts'
import type { Json, TestServer } from '../../../test/setup/http-server.ts'

let server: TestServer
let writer: string
let reader: string
beforeAll(async () => {
  server = await startTestServer({ limits: { heartbeat: 50, eventClients: 4 } })
  writer = await server.key('writer')
  reader = await server.key('reader')
})
afterAll(() => server.close())

interface Event {
  readonly id: string
  readonly event: string
  readonly data: Json
}

/** A reader of the stream; `until` reads on until an event fits, and leaves the rest for later. */
async function listen(from: TestServer, token: string, after?: string, query = '') {
  const hangUp = new AbortController()
  const response = await fetch(`${from.url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...(after === undefined ? {} : { 'last-event-id': after }) },
    signal: hangUp.signal,
  })
  const events: Event[] = []
  const comments: string[] = []
  let lastId = ''
  const parser = createParser({
    onEvent: ({ id = '', event = '', data }) => events.push({ id, event, data: JSON.parse(data) }),
    onComment: (comment) => comments.push(comment),
  })
  const chunks = response.body!.getReader()
  const decoder = new TextDecoder()
  const read = async (): Promise<boolean> => {
    const { value, done } = await chunks.read()
    if (done) return false
    const text = decoder.decode(value, { stream: true })
    for (const [, id] of text.matchAll(/^id: (.*)$/gm)) lastId = id!
    parser.feed(text)
    return true
  }
  return {
    response,
    events,
    comments,
    lastId: () => lastId,
    read,
    until: async (fits: (event: Event) => boolean): Promise<Event> => {
      for (;;) {
        const found = events.find(fits)
        if (found !== undefined) return found
        if (!(await read())) throw new Error('the stream ended')
      }
    },
    close: () => hangUp.abort(),
  }
}

const about = (id: string) => (event: Event) => event.data.action === id

test('tells each record as it is committed, without payloads', async () => {
  const stream = await listen(server, ADMIN)
  expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const { id } = await server.propose('note.read', writer, { input: { text: 'only in the payload' } })
  const event = await stream.until(about(id))
  expect(event).toMatchObject({
    event: 'decision',
    data: { kind: 'decision', action: id, agent: 'writer', decision: 'allow' },
  })
  expect(event.id).toMatch(/^[\x21-\x7e]+$/)
  expect(JSON.stringify(stream.events)).not.toContain('only in the payload')
  stream.close()
})

test('a reader that comes back misses nothing and sees nothing twice', async () => {
  const proposed: string[] = []
  const propose = async () => proposed.push((await server.propose('note.read', writer)).id)
  const seen: string[] = []
  let after: string | undefined
  let stream = await listen(server, ADMIN)
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, propose))
    // Read on from the middle of what there is, and be gone.
    await stream.until(about(proposed.at(-1)!))
    const part = stream.events.slice(0, 7)
    seen.push(...part.map((event) => event.data.seq))
    after = part.at(-1)!.id
    stream.close()
    await Promise.all(Array.from({ length: 5 }, propose))
    stream = await listen(server, ADMIN, after)
    await stream.until(about(proposed.at(-1)!))
    const missed = stream.events.map((event) => event.data.seq)
    expect(missed).toEqual(missed.map((_, index) => Number(seen.at(-1)) + 1 + index))
    seen.push(...missed)
    after = stream.events.at(-1)!.id
    stream.close()
    stream = await listen(server, ADMIN, after)
  }
  stream.close()
  expect(new Set(seen).size).toBe(seen.length)
})

test('an agent is told its own records and no other', async () => {
  const stream = await listen(server, reader, undefined, '?after=start')
  const theirs = await server.propose('note.read', writer)
  const own = await server.propose('note.read', reader)
  await stream.until(about(own.id))
  expect(stream.events.every((event) => event.data.agent === 'reader')).toBe(true)
  expect(JSON.stringify(stream.events)).not.toContain(theirs.id)
  stream.close()
})

test('heartbeats move the position on past what a reader is not told', async () => {
  const stream = await listen(server, reader)
  const { id } = await server.propose('note.read', writer)
  const head = (await server.harness.store.recordsOf(id)).at(-1)!
  while (!stream.lastId().endsWith(`:${head.seq}`)) expect(await stream.read()).toBe(true)
  expect(stream.comments).toContain('still here')
  expect(stream.events).toEqual([])
  stream.close()
})

test('everything can be read from the start, in order', async () => {
  const stream = await listen(server, ADMIN, undefined, '?after=start')
  const { id } = await server.propose('note.read', writer)
  await stream.until(about(id))
  expect(stream.events.map((event) => event.data.seq)).toEqual(stream.events.map((_, index) => index + 1))
  stream.close()
})

test('refuses a position that this ledger never gave', async () => {
  for (const after of ['nonsense', 'other-chain:1', 'x'.repeat(20_000)]) {
    const answer = await server.call('GET', '/v1/events', undefined, { headers: { 'last-event-id': after } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'input:invalid' } })
  }
})

test('a revoked key ends its stream', async () => {
  const made = (await server.call('POST', '/v1/keys', { agent: 'reader' })).body
  const stream = await listen(server, made.key)
  await server.call('DELETE', `/v1/keys/${made.id}`)
  await server.propose('note.read', reader)
  while (await stream.read());
  expect(stream.events.filter((event) => event.event === 'decision')).toEqual([])
})

test('only so many may listen, and closing ends every stream', async () => {
  const small = await startTestServer({ limits: { eventClients: 1 } })
  const stream = await listen(small, ADMIN)
  const second = await small.call('GET', '/v1/events')
  expect(second).toMatchObject({ status: 503, body: { code: 'server:busy' } })
  const closing = small.close()
  while (await stream.read());
  await closing
})

test('a place is free again when a listener has gone', async () => {
  const small = await startTestServer({ limits: { eventClients: 1 } })
  for (let round = 0; round < 3; round++) {
    const stream = await listen(small, ADMIN)
    stream.close()
    const clients = async () => (await small.call('GET', '/metrics')).body.includes('belay_event_clients 0\n')
    for (let left = 500; !(await clients()); left--) expect(left).toBeGreaterThan(0)
  }
  await small.close()
})

test('a reader that does not read is cut off', async () => {
  const small = await startTestServer({ limits: { slowReader: 100 } })
  const key = await small.key('writer')
  const { request } = await import('node:http')
  const socket = await new Promise<import('node:http').IncomingMessage>((resolve) => {
    request(
      `${small.url}/v1/events?after=start`,
      { headers: { authorization: `Bearer ${ADMIN}` } },
      resolve,
    ).end()
  })
  socket.pause()
  const gone = async () => (await small.call('GET', '/metrics')).body.includes('belay_event_clients 0\n')
  const input = { text: 'hello' }
  let proposed = 0
  while (!(await gone())) {
    await Promise.all(Array.from({ length: 100 }, () => small.propose('note.read', key, { input })))
    proposed += 100
    expect(proposed).toBeLessThan(20_000)
  }
  socket.destroy()
  await small.close()
})
