import type { AgentRow, Store } from '../../storage/store.ts'

/** The rows of all agents, in memory: whether one is paused is asked for every action. */
export class AgentStates {
  readonly #rows = new Map<string, AgentRow>()
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Reads what other replicas have changed. What was set here and could not be recorded stays until somebody sets it anew. */
  async refresh(): Promise<void> {
    for (const row of await this.#store.agents()) {
      if (row.version > (this.#rows.get(row.name)?.version ?? 0)) this.#rows.set(row.name, row)
    }
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
    this.#rows.set(row.name, row)
  }
}
