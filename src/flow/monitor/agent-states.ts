import type { AgentRow, Store } from '../../storage/store.ts'

/** The rows of all agents, in memory: whether one is paused is asked for every action. */
export class AgentStates {
  readonly #rows = new Map<string, AgentRow>()
  readonly #watchers = new Set<(row: AgentRow) => void>()
  readonly #store: Pick<Store, 'agents'>

  constructor(store: Pick<Store, 'agents'>) {
    this.#store = store
  }

  /** Reads what other replicas have changed. What was set here and could not be recorded stays until somebody sets it anew. */
  async refresh(): Promise<void> {
    for (const row of await this.#store.agents()) {
      if (row.version > (this.#rows.get(row.name)?.version ?? 0)) this.set(row)
    }
  }

  /** Tells of every change of a state, in this process at once. Answers how to stop it. */
  watch(watcher: (row: AgentRow) => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  names(): readonly string[] {
    return [...this.#rows.keys()]
  }

  get(name: string): AgentRow {
    return (
      this.#rows.get(name) ?? {
        name,
        version: 0,
        state: 'active',
        reason: null,
        changedBy: null,
        changedAt: 0,
      }
    )
  }

  /** Takes effect in this process at once, before it is durable. */
  set(row: AgentRow): void {
    const before = this.get(row.name).state
    this.#rows.set(row.name, row)
    if (row.state !== before) for (const watcher of this.#watchers) watcher(row)
  }
}
