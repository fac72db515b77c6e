import type { BaselineKey, BaselineRow, BaselineWrite, Store } from '../../../storage/store.ts'
import { OTHERS } from './agent-behaviour.ts'
import { Learned, learnedFrom, type Behaviour } from './behaviour.ts'
import { absorb, keepAsKnown } from './merge.ts'
import type { Watch } from './watch.ts'

/** How often what was learned goes to the store, ms: soon where replicas wait for it, seldom where only a restart does. */
const EVERY = { sqlite: 60_000, postgres: 5_000 } as const
const MAX_WRITES = 500

type Keeps = Pick<Store, 'baselines' | 'dialect' | 'now'>

/** Reads what was learned before and elsewhere, and writes what was learned here. */
export class BaselineKeeper {
  readonly #store: Keeps
  readonly #watch: Watch
  #next = 0
  /** A row was there that was not read: the policy began to watch the agent after the start, or another replica wrote. */
  #conflicted = false

  constructor(store: Keeps, watch: Watch) {
    this.#store = store
    this.#watch = watch
  }

  /** Takes over what the store has of the agents that the policy watches. */
  async load(isWatched: (agent: string) => boolean): Promise<void> {
    const heads = await this.#store.baselines.heads()
    const wanted = heads.filter(({ kind, agent }) => kind === 'behaviour' && isWatched(agent))
    for (const row of await this.#store.baselines.rows(wanted)) this.#absorb(row)
  }

  /** When it is time: reads what others have written since, and writes what is new here. */
  async tend(at: number): Promise<void> {
    if (at < this.#next && this.#next - at <= EVERY[this.#store.dialect]) return
    this.#next = at + EVERY[this.#store.dialect]
    await this.exchange()
  }

  async exchange(): Promise<void> {
    if (this.#watch.agents.size === 0) return
    if (this.#store.dialect === 'postgres' || this.#conflicted) await this.#readOthers()
    this.#conflicted = false
    const dirty: { readonly key: BaselineKey; readonly b: Behaviour }[] = []
    for (const agent of this.#watch.agents.values()) {
      if (agent.whole.dirty)
        dirty.push({ key: { agent: agent.name, action: '', kind: 'behaviour' }, b: agent.whole })
      for (const [action, b] of agent.actions)
        if (b.dirty) dirty.push({ key: { agent: agent.name, action, kind: 'behaviour' }, b })
    }
    for (let from = 0; from < dirty.length; from += MAX_WRITES)
      await this.#write(dirty.slice(from, from + MAX_WRITES))
  }

  async #readOthers(): Promise<void> {
    const heads = await this.#store.baselines.heads()
    const news = heads.filter((head) => {
      if (head.kind !== 'behaviour') return false
      const agent = this.#watch.agents.get(head.agent)
      if (agent === undefined) return false
      const b = head.action === '' ? agent.whole : agent.actions.get(head.action)
      return b?.version !== head.version
    })
    for (const row of await this.#store.baselines.rows(news)) this.#absorb(row)
  }

  #absorb(row: BaselineRow): void {
    const agent = this.#watch.agent(row.agent)
    if (agent === undefined) return
    const b = row.action === '' ? agent.whole : agent.action(row.action)
    // There is no room for the action by itself: what was learned of it waits in the store.
    if (row.action !== '' && row.action !== OTHERS && agent.actions.get(row.action) !== b) return
    const stored = learnedFrom(row.data)
    if (stored !== undefined) absorb(b, stored, row.version, this.#store.now())
    else b.version = row.version
  }

  async #write(dirty: readonly { readonly key: BaselineKey; readonly b: Behaviour }[]): Promise<void> {
    const updatedAt = this.#store.now()
    const snapshots: Learned[] = []
    const writes = dirty.map(({ key, b }): BaselineWrite => {
      const snapshot = b.learned.copy()
      snapshots.push(snapshot)
      b.dirty = false
      const row = { ...key, version: (b.version ?? 0) + 1, updatedAt, data: new Uint8Array(snapshot.bytes) }
      return { row, replaces: b.version }
    })
    let written: readonly boolean[]
    try {
      written = await this.#store.baselines.write(writes)
    } catch (error) {
      for (const { b } of dirty) b.dirty = true
      throw error
    }
    for (const [i, { b }] of dirty.entries()) {
      // Another replica was first: its row is read at the next turn, and ours put on top.
      if (written[i] === true) keepAsKnown(b, snapshots[i]!, writes[i]!.row.version)
      else {
        b.dirty = true
        this.#conflicted = true
      }
    }
  }
}
