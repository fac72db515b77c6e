import { createParser } from 'eventsource-parser'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { execute, recordable } from '../../flow/contain/execute.ts'
import type { CurrentReader, Undoer } from '../../flow/contain/undoers.ts'
import type { ApiClient } from './api-client.ts'
import { pathOf } from './action-path.ts'
import { textOf } from './text-of.ts'

interface Performer {
  readonly undo: Undoer
  readonly current?: CurrentReader
}

export interface UndoService {
  register(action: string, performer: Performer): void
  close(): Promise<void>
}

// The harness counts an undo that it asked for as unknown after a minute.
const UNDO_LIMIT_MS = 40_000
const LOOK_LIMIT_MS = 10_000
// It says that it is still there more often than this.
const SILENCE_MS = 90_000
const MAX_PAUSE_MS = 30_000
const MAX_EVENT_LENGTH = 1_000_000

/**
 * Performs the undos that a running harness asks of this agent. Listens for as long as the program holds it, and
 * looks once for those asked before.
 */
export function serveUndos(client: ApiClient): UndoService {
  const performers = new Map<string, Performer>()
  const underWay = new Map<string, Promise<void>>()
  const closing = new AbortController()
  let lastEventId: string | undefined

  function take(id: string): void {
    if (underWay.has(id) || closing.signal.aborted) return
    const work = undoOne(client, id, performers)
      .catch(warn)
      .finally(() => underWay.delete(id))
    underWay.set(id, work)
  }

  async function takeEarlier(): Promise<void> {
    const page = await client.object('GET', '/v1/actions', {
      query: { state: 'succeeded', limit: 200 },
      signal: closing.signal,
    })
    const items = Array.isArray(page['items']) ? (page['items'] as readonly JsonValue[]) : []
    for (const item of items)
      if (isJsonObject(item) && isRequested(item, performers)) take(textOf(item['id']))
  }

  async function listen(): Promise<void> {
    const silence = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const heard = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS)
    }
    heard()
    try {
      const response = await client.open(
        'GET',
        '/v1/events',
        { signal: AbortSignal.any([closing.signal, silence.signal]) },
        {
          accept: 'text/event-stream',
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
      )
      if (lastEventId === undefined) await takeEarlier()
      const parser = createParser({
        maxBufferSize: MAX_EVENT_LENGTH,
        onId: (id) => (lastEventId = id),
        onError: () => silence.abort(),
        onEvent(event) {
          if (event.event !== 'undo') return
          const record = JSON.parse(event.data) as JsonValue
          if (
            isJsonObject(record) &&
            record['status'] === 'requested' &&
            performers.has(textOf(record['name']))
          ) {
            take(textOf(record['action']))
          }
        },
      })
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        heard()
        parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async function keepListening(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted;) {
      try {
        await listen()
        failures = 0
      } catch (error) {
        if (closing.signal.aborted) return
        failures++
        if (error instanceof BelayError && (error.status === 401 || error.status === 403)) return warn(error)
        // The position is of another ledger: start with what is new.
        if (error instanceof BelayError && error.status === 400) lastEventId = undefined
      }
      await pause(Math.min(1000 * 2 ** failures, MAX_PAUSE_MS), closing.signal)
    }
  }

  const listening = Promise.resolve().then(keepListening)
  return {
    register(action, performer) {
      performers.set(action, performer)
    },
    async close() {
      closing.abort()
      await listening
      await Promise.allSettled(underWay.values())
    },
  }
}

async function undoOne(
  client: ApiClient,
  id: string,
  performers: ReadonlyMap<string, Performer>,
): Promise<void> {
  const action = await client.object('GET', pathOf(id), { retries: 5 })
  const performer = performers.get(textOf(action['action']))
  // Somebody else may have answered in the meantime.
  if (performer === undefined || !isRequested(action, performers)) return
  const input = isJsonObject(action['input']) ? action['input'] : {}
  const result = action['result'] ?? null
  let current: JsonObject | undefined
  if (performer.current !== undefined) {
    const looked = await look(id, input, result, performer.current)
    if (typeof looked === 'string') return report(client, id, { outcome: 'failed', error: looked })
    const checked = await client.object('POST', pathOf(id, 'undo'), { body: { current: looked }, retries: 5 })
    // It has changed since, or the policy's condition does not hold any more: the harness has recorded so.
    if (!isRequested(checked, performers)) return
    current = looked
  }
  const done = await execute(
    { id, state: { name: 'executing', startedAt: 0, deadline: UNDO_LIMIT_MS } },
    input,
    (given, context) =>
      performer.undo(given, result, {
        ...context,
        idempotencyKey: `${id}:undo`,
        ...(current !== undefined && { current }),
      }),
    0,
  )
  const { outcome, error } = done.report
  await report(client, id, { outcome, ...(error === undefined ? {} : { error }) })
}

/** What is there now, or why that cannot be told: then nothing is undone. */
async function look(
  id: string,
  input: JsonObject,
  result: JsonValue,
  current: CurrentReader,
): Promise<JsonObject | string> {
  const done = await execute(
    { id, state: { name: 'executing', startedAt: 0, deadline: LOOK_LIMIT_MS } },
    input,
    (given, context) => current(given, result, { ...context, idempotencyKey: `${id}:current` }),
    0,
  )
  const told = 'value' in done ? recordable(done.value) : null
  if (isJsonObject(told) && told['belay_omitted'] === undefined) return told
  return `What is there now could not be read: ${done.report.error ?? 'no object was told'}`
}

async function report(
  client: ApiClient,
  id: string,
  { outcome, error }: { readonly outcome: string; readonly error?: string },
): Promise<void> {
  const body = { outcome, ...(error === undefined ? {} : { error: error.slice(0, 2000).toWellFormed() }) }
  await client.json('POST', pathOf(id, 'undo'), { body, retries: 5 })
}

function isRequested(action: JsonObject, performers: ReadonlyMap<string, Performer>): boolean {
  return (
    isJsonObject(action['undo']) &&
    action['undo']['status'] === 'requested' &&
    performers.has(textOf(action['action']))
  )
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)), { code: 'BELAY_UNDO' })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
