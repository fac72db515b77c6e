import { Later, TooLarge, Unacceptable, type ExportedRecord, type Sink } from './sink.ts'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 60_000
/** Of what only a change of configuration mends. */
const CONFIGURATION_WAIT_MS = 60_000
/** A receiver may ask for longer waits, up to this. */
const LONGEST_ASKED_MS = 600_000

export interface Delivery {
  readonly sink: Sink
  /** Ends waits and attempts. */
  readonly signal: AbortSignal
  /** A failed attempt; the next is made after a while. */
  readonly onFailure: (error: Error) => void
  readonly onSent: (records: number) => void
  /** Nobody will ever take this one. */
  readonly onDropped: (record: ExportedRecord, error: Error) => void
  /** Of waits, for tests. */
  readonly scale?: number
}

/**
 * Sends records, in order, until the receiver has each of them or has refused it by itself: what is refused together is
 * halved, so that one bad record does not take the others with it. Throws only when the signal aborts.
 */
export async function deliver(records: readonly ExportedRecord[], delivery: Delivery): Promise<void> {
  const { sink, signal } = delivery
  for (let from = 0; from < records.length; from += sink.batch) {
    const batch = records.slice(from, from + sink.batch)
    await attempt(batch, delivery)
    signal.throwIfAborted()
  }
}

async function attempt(batch: readonly ExportedRecord[], delivery: Delivery): Promise<void> {
  const { sink, signal } = delivery
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      await sink.send(batch, signal)
      delivery.onSent(batch.length)
      return
    } catch (thrown) {
      signal.throwIfAborted()
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      if (error instanceof TooLarge || error instanceof Unacceptable) return halve(batch, error, delivery)
      delivery.onFailure(error)
      await pause(waitAfter(error, failures) * (delivery.scale ?? 1), signal)
    }
  }
}

async function halve(batch: readonly ExportedRecord[], error: Error, delivery: Delivery): Promise<void> {
  const [only] = batch
  if (only === undefined) return
  if (batch.length === 1) {
    delivery.onDropped(only, error)
    return
  }
  const middle = Math.ceil(batch.length / 2)
  await attempt(batch.slice(0, middle), delivery)
  await attempt(batch.slice(middle), delivery)
}

function waitAfter(error: Error, failures: number): number {
  if (error instanceof Later && error.after !== undefined) return Math.min(error.after, LONGEST_ASKED_MS)
  if (error instanceof Later && error.configuration) return CONFIGURATION_WAIT_MS
  return Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures, 10), LONGEST_WAIT_MS) * (0.5 + Math.random() / 2)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    // It keeps no process alive: what is not sent is sent after the next start.
    const timer = setTimeout(done, ms).unref()
    signal.addEventListener('abort', done, { once: true })
  })
}
