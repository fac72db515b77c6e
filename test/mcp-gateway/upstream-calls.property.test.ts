import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { Session } from '../../src/entry/mcp-gateway/session.ts'
import type { ServerContext } from '../../src/entry/mcp-gateway/server-context.ts'
import type { LinkEvents } from '../../src/entry/mcp-gateway/server-link.ts'
import { TaskBook } from '../../src/entry/mcp-gateway/task-book.ts'
import { readMessage } from '../../src/entry/mcp-gateway/message.ts'

/** A session before a server that answers when told to, in any order. */
function wired() {
  let events!: LinkEvents
  const sent: JsonObject[] = []
  const delivered: JsonObject[] = []
  const context = {
    name: 's',
    settings: { timeout: 60_000, maxResult: 1, elicitApprover: null },
    pins: { onChange: () => () => undefined },
    tasks: new TaskBook(),
    open: (given: LinkEvents) => {
      events = given
      return {
        alive: true,
        send: (message: JsonObject) => void sent.push(message),
        abandon: () => undefined,
        negotiated: () => undefined,
        close: () => Promise.resolve(),
      }
    },
    door: { keeps: () => true, keep: () => Promise.resolve() },
    onNote: () => undefined,
    onFault: (error: unknown) => {
      throw error
    },
  } as unknown as ServerContext
  const session = new Session(context, 'a', { deliver: (message) => delivered.push(message) > 0 })
  const answers: JsonObject[] = []
  const client = (message: JsonObject, scope = ''): void =>
    void session.receive(readMessage(JSON.stringify(message)), {
      scope,
      session: null,
      channel: null,
      answer: (response) => void (response !== null && answers.push({ ...response, scope })),
    })
  const server = (message: JsonObject): void => events.message(readMessage(JSON.stringify(message)))
  return { session, sent, delivered, answers, client, server }
}

const id = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 8 }),
  fc.constantFrom(0, '0', 1, '1', -1, '', 'n1', 's1'),
)
const idKey = (value: string | number): string => `${typeof value}:${value}`

it('every client gets the answer to its own request under its own id, once, in whatever order they come', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ id, scope: fc.constantFrom('', 'x ', 'y ') }), {
        maxLength: 30,
        selector: (entry) => entry.scope + idKey(entry.id),
      }),
      fc.infiniteStream(fc.nat()),
      (requests, picks) => {
        const { sent, answers, client, server } = wired()
        for (const { id: own, scope } of requests)
          client({ jsonrpc: '2.0', id: own, method: 'x/y', params: { mine: idKey(own), scope } }, scope)
        expect(new Set(sent.map((message) => message['id'])).size).toBe(requests.length)
        const open = [...sent]
        while (open.length > 0) {
          const [message] = open.splice(picks.next().value % open.length, 1)
          const { id: ours, params } = message!
          const answer = { jsonrpc: '2.0', id: ours!, result: { of: params! } }
          server(answer)
          server(answer)
          server({ ...answer, id: `${ours as number}` })
        }
        expect(answers).toHaveLength(requests.length)
        for (const { id: own, scope, result } of answers)
          expect((result as JsonObject)['of']).toMatchObject({ mine: idKey(own as string), scope })
      },
    ),
    { numRuns: 300 },
  )
})

it('every request of the server gets the answer of the client under its own id, once', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(id, { maxLength: 20, selector: idKey }),
      fc.infiniteStream(fc.nat()),
      (ids, picks) => {
        const { sent, delivered, client, server } = wired()
        for (const own of ids)
          server({
            jsonrpc: '2.0',
            id: own,
            method: 'roots/list',
            params: { mine: idKey(own), _meta: { progressToken: own } },
          })
        expect(new Set(delivered.map((message) => message['id'])).size).toBe(ids.length)
        const open = [...delivered]
        while (open.length > 0) {
          const [message] = open.splice(picks.next().value % open.length, 1)
          const { id: ours, params } = message!
          client({
            jsonrpc: '2.0',
            method: 'notifications/progress',
            params: { progressToken: ours!, progress: 1 },
          })
          client({ jsonrpc: '2.0', id: ours!, result: { of: params! } })
          client({ jsonrpc: '2.0', id: ours!, result: { of: 'again' } })
        }
        const responses = sent.filter((message) => message['method'] === undefined)
        expect(responses).toHaveLength(ids.length)
        for (const { id: own, result } of responses)
          expect(((result as JsonObject)['of'] as JsonObject)['mine']).toBe(idKey(own as string))
        const progress = sent.filter((message) => message['method'] === 'notifications/progress')
        expect(
          progress.map(({ params }) => idKey((params as JsonObject)['progressToken'] as string)).toSorted(),
        ).toEqual(ids.map(idKey).toSorted())
      },
    ),
    { numRuns: 300 },
  )
})

it('whatever a server sends, the session stands', () => {
  const junk = fc.oneof(
    fc.record({ jsonrpc: fc.constant('2.0'), id, result: fc.object({ maxDepth: 2 }) }),
    fc.record({ jsonrpc: fc.constant('2.0'), id, error: fc.object({ maxDepth: 1 }) }),
    fc.record({
      jsonrpc: fc.constant('2.0'),
      method: fc.constantFrom(
        'notifications/progress',
        'notifications/cancelled',
        'notifications/tasks/status',
        'notifications/message',
        'x',
      ),
      params: fc.object({
        maxDepth: 2,
        key: fc.constantFrom(
          'requestId',
          'progressToken',
          '_meta',
          'taskId',
          'io.modelcontextprotocol/subscriptionId',
        ),
      }),
    }),
    fc.record({ jsonrpc: fc.constant('2.0'), id, method: fc.string(), params: fc.object({ maxDepth: 2 }) }),
  )
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 30 }), (messages) => {
      const { answers, client, server, sent } = wired()
      client({ jsonrpc: '2.0', id: 'q', method: 'x/y' })
      for (const message of messages) {
        if ('result' in message || 'error' in message) if (message.id === 1) continue
        server(message as unknown as JsonObject)
      }
      expect(answers).toEqual([])
      server({ jsonrpc: '2.0', id: sent[0]!['id']!, result: {} })
      expect(answers).toMatchObject([{ id: 'q', result: {} }])
    }),
    { numRuns: 300 },
  )
})
