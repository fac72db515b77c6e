import { v7 as uuidv7 } from 'uuid'
import { BelayError } from '../errors/catalogue.ts'
import type { AlarmRow, Store } from '../storage/store.ts'

export type { AlarmRow } from '../storage/store.ts'

/** What has happened, as an alarm keeps it. Times are epoch ms. */
export interface Raised extends Pick<
  AlarmRow,
  'key' | 'kind' | 'agent' | 'urgent' | 'title' | 'facts' | 'act' | 'session' | 'action'
> {
  readonly at: number
  /** How often it has come since it was last put here. */
  readonly times: number
}

/** People are told of the same again after this time, if nobody has taken note of it, ms. */
export const TELL_AGAIN_MS = 60 * 60_000
/** Ended ones are kept for this long, ms. */
const KEPT_MS = 180 * 86_400_000
const TRIES = 8
const MOST_OPEN = 1_000

/**
 * Alarms of all replicas: what repeats is one alarm until it is over, people are told of it by one replica, and not again
 * once somebody has acknowledged it.
 */
export class AlarmBook {
  readonly #store: Pick<Store, 'alarms' | 'commit' | 'now'>

  constructor(store: Pick<Store, 'alarms' | 'commit' | 'now'>) {
    this.#store = store
  }

  /** Keeps what was raised. `tell`: whether it is for the caller to tell people now. */
  async raise(raised: Raised): Promise<{ readonly alarm: AlarmRow; readonly tell: boolean }> {
    const { alarms } = this.#store
    const { key, at, times, ...shown } = raised
    for (let tried = 0; tried < TRIES; tried++) {
      const open = await alarms.open(key)
      if (open === undefined) {
        const alarm: AlarmRow = {
          id: `alm_${uuidv7()}`,
          version: 1,
          key,
          ...shown,
          raisedAt: at,
          lastAt: at,
          count: times,
          toldAt: at,
          acknowledgedBy: null,
          acknowledgedAt: null,
          resolvedAt: null,
          resolvedBy: null,
        }
        if (!(await alarms.write(alarm, null))) continue
        await this.#record(alarm, 'raise', at)
        return { alarm, tell: true }
      }
      const tell = open.acknowledgedAt === null && at - open.toldAt >= TELL_AGAIN_MS
      const alarm: AlarmRow = {
        ...open,
        ...shown,
        // What has become urgent stays so.
        urgent: open.urgent || shown.urgent,
        version: open.version + 1,
        lastAt: Math.max(open.lastAt, at),
        count: open.count + times,
        toldAt: tell ? at : open.toldAt,
      }
      if (await alarms.write(alarm, open.version)) return { alarm, tell }
    }
    throw new BelayError('store:unavailable', {
      cause: `the alarm ${key} changes faster than it can be written`,
    })
  }

  /** It is over by itself. Answers the alarm if there was one and this call ended it. */
  async over(key: string, at: number): Promise<AlarmRow | null> {
    for (let tried = 0; tried < TRIES; tried++) {
      const open = await this.#store.alarms.open(key)
      if (open === undefined) return null
      const ended = { ...open, version: open.version + 1, resolvedAt: at }
      if (!(await this.#store.alarms.write(ended, open.version))) continue
      await this.#record(ended, 'over', at)
      return ended
    }
    return null
  }

  /** Somebody has seen it: people are not told of it again until it is over. Throws `alarm:not_found`. */
  acknowledge(id: string, by: string): Promise<AlarmRow> {
    return this.#byPerson(id, by, 'acknowledge', (alarm, at) =>
      alarm.acknowledgedAt !== null || alarm.resolvedAt !== null
        ? null
        : { ...alarm, acknowledgedBy: by, acknowledgedAt: at },
    )
  }

  /** Somebody says that it is over. When it happens again it is another alarm. Throws `alarm:not_found`. */
  resolve(id: string, by: string): Promise<AlarmRow> {
    return this.#byPerson(id, by, 'resolve', (alarm, at) =>
      alarm.resolvedAt !== null ? null : { ...alarm, resolvedAt: at, resolvedBy: by },
    )
  }

  /** Keys of what is open. */
  async openKeys(): Promise<readonly string[]> {
    return (await this.#store.alarms.list({ open: true, limit: MOST_OPEN })).map(({ key }) => key)
  }

  /** Ends what has not come for a time, and forgets what ended long ago. Answers what it ended. */
  async tidy(quietFor: (alarm: AlarmRow) => number, at: number): Promise<readonly AlarmRow[]> {
    const ended: AlarmRow[] = []
    for (const alarm of await this.#store.alarms.list({ open: true, limit: MOST_OPEN })) {
      if (at - alarm.lastAt < quietFor(alarm)) continue
      const over = await this.over(alarm.key, at)
      if (over !== null) ended.push(over)
    }
    await this.#store.alarms.drop(at - KEPT_MS)
    return ended
  }

  /** `change` answers `null` where there is nothing to do. What a person does is in the ledger first. */
  async #byPerson(
    id: string,
    by: string,
    what: 'acknowledge' | 'resolve',
    change: (alarm: AlarmRow, at: number) => AlarmRow | null,
  ): Promise<AlarmRow> {
    const { alarms } = this.#store
    let recorded = false
    for (let tried = 0; tried < TRIES; tried++) {
      const alarm = await alarms.get(id)
      if (alarm === undefined) throw new BelayError('alarm:not_found', { id })
      const at = this.#store.now()
      const changed = change(alarm, at)
      if (changed === null) return alarm
      if (!recorded) {
        await this.#record(alarm, what, at, by)
        recorded = true
      }
      const written = { ...changed, version: alarm.version + 1 }
      if (await alarms.write(written, alarm.version)) return written
    }
    throw new BelayError('store:unavailable', {
      cause: `the alarm ${id} changes faster than it can be written`,
    })
  }

  /** Whoever follows the ledger learns of it, on every replica. */
  async #record(
    { id, key, agent, kind, title }: AlarmRow,
    event: 'raise' | 'over' | 'acknowledge' | 'resolve',
    at: number,
    by?: string,
  ): Promise<void> {
    const body = { event, alarm: id, key, about: kind, title, ...(by !== undefined && { by }) }
    await this.#store.commit({ records: [{ kind: 'alarm', at, action: null, agent, body }] })
  }
}
