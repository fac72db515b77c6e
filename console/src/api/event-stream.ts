import type { LedgerRecord } from './answers.ts'

export interface StreamEvent {
  /** Says how far the ledger has been read; goes back as `Last-Event-ID`. */
  readonly id: string
  /** Undefined for a heartbeat, which only moves the id on. */
  readonly record: LedgerRecord | undefined
}

/**
 * Reads server-sent events as the HTML standard says, from pieces that may end anywhere. Comments count as no event;
 * what is no JSON is passed over.
 */
export class EventStreamReader {
  #rest = ''
  #data: string[] = []
  #id = ''

  read(piece: string): StreamEvent[] {
    const events: StreamEvent[] = []
    const lines = (this.#rest + piece).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        const record = this.#record()
        this.#data = []
        if (this.#id !== '') events.push({ id: this.#id, record })
      } else if (line.startsWith('data: ')) this.#data.push(line.slice(6))
      else if (line.startsWith('id: ')) this.#id = line.slice(4)
    }
    return events
  }

  #record(): LedgerRecord | undefined {
    if (this.#data.length === 0) return undefined
    try {
      return JSON.parse(this.#data.join('\n')) as LedgerRecord
    } catch {
      return undefined
    }
  }
}
