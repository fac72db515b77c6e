import type pg from 'pg'
import type { Connections } from './connections.ts'
import { STARVED_CHANNEL } from './write-budgets.ts'

const COMMIT_CHANNEL = 'belay_commit'
/** Notifying transactions commit one at a time in the whole server, so commits are announced in bulk. */
const ANNOUNCE_MS = 20
const RECONNECT_MS = 1000

/** Hears what other replicas commit and lack, and tells them what this one commits. */
export class Listener {
  readonly #connections: Connections
  readonly #replica: string
  readonly #onCommit: () => void
  readonly #starved = new Set<string>()
  #client: pg.Client | undefined
  #timer: NodeJS.Timeout | undefined
  #unannounced = false
  #announcing = false
  #closed = false

  constructor(connections: Connections, replica: string, onCommit: () => void) {
    this.#connections = connections
    this.#replica = replica
    this.#onCommit = onCommit
  }

  async start(): Promise<void> {
    const client = this.#connections.client()
    client.on('notification', ({ channel, payload }) => this.#hear(channel, payload ?? ''))
    client.on('end', () => this.#restart(client))
    await client.connect()
    // An announcement that is lost in a power cut announces nothing new.
    await client.query('SET synchronous_commit = off')
    await client.query(`LISTEN ${COMMIT_CHANNEL}`)
    await client.query(`LISTEN ${STARVED_CHANNEL}`)
    this.#client = client
  }

  /** Tells other replicas, soon, that something was committed. */
  announce(): void {
    this.#unannounced = true
    if (this.#timer !== undefined || this.#announcing || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#announceNow()
    }, ANNOUNCE_MS)
    this.#timer.unref()
  }

  async #announceNow(): Promise<void> {
    this.#unannounced = false
    this.#announcing = true
    await this.#client
      ?.query('SELECT pg_notify($1, $2)', [COMMIT_CHANNEL, this.#replica])
      .catch(() => undefined)
    this.#announcing = false
    if (this.#unannounced) this.announce()
  }

  takeStarved(): readonly string[] {
    const accounts = [...this.#starved]
    this.#starved.clear()
    return accounts
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  #hear(channel: string, payload: string): void {
    const [replica = '', ...rest] = payload.split(' ')
    if (replica === this.#replica) return
    if (channel === STARVED_CHANNEL) this.#starved.add(rest.join(' '))
    else this.#onCommit()
  }

  #restart(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#closed) return
      this.start().then(
        // Whatever was announced meanwhile was missed.
        () => this.#onCommit(),
        () => this.#restart(client),
      )
    }, RECONNECT_MS)
    this.#timer.unref()
  }
}
