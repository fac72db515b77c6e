import { globMatches } from '../../action/glob.ts'
import type { HistoryView } from '../../policy/policy.ts'
import type { HistoryEntry } from '../../storage/store.ts'
import { Series } from './series.ts'

/** What agents did, for `history.count` and `history.sum`, actions in flight included. */
export class History {
  /** agent → action name → its actions by time. */
  readonly #agents = new Map<string, Map<string, Series>>()
  /** How far back any condition looks, ms; 0 keeps nothing. */
  readonly keepFor: number

  constructor(keepFor: number) {
    this.keepFor = keepFor
  }

  add({ agent, name, at, measures }: HistoryEntry): void {
    if (this.keepFor === 0) return
    let actions = this.#agents.get(agent)
    if (actions === undefined) this.#agents.set(agent, (actions = new Map()))
    let series = actions.get(name)
    if (series === undefined) actions.set(name, (series = new Series(this.keepFor)))
    series.add(at, measures)
  }

  /** An action that will not run after all. */
  remove({ agent, name, at, measures }: HistoryEntry): void {
    this.#agents.get(agent)?.get(name)?.change(at, measures, -1)
  }

  /** Undoes `remove`. */
  restore(entry: HistoryEntry): void {
    const { agent, name, at, measures } = entry
    if (this.#agents.get(agent)?.get(name)?.change(at, measures, 1) !== true) this.add(entry)
  }

  view(agent: string, now: number): HistoryView {
    const total = (scope: 'agent' | 'all', name: string, value: (series: Series) => number): number => {
      let sum = 0
      for (const series of this.#seriesOf(scope === 'agent' ? agent : undefined, name)) sum += value(series)
      return sum
    }
    return {
      count: (scope, name, window) => total(scope, name, (series) => series.countAfter(now - window)),
      sum: (scope, name, path, window) => total(scope, name, (series) => series.sumAfter(now - window, path)),
    }
  }

  *#seriesOf(agent: string | undefined, name: string): Iterable<Series> {
    const perAgent = agent === undefined ? this.#agents.values() : [this.#agents.get(agent)]
    for (const actions of perAgent) {
      if (actions === undefined) continue
      if (!name.includes('*')) {
        const series = actions.get(name)
        if (series !== undefined) yield series
        continue
      }
      for (const [candidate, series] of actions) if (globMatches(name, candidate)) yield series
    }
  }
}

/** A view over entries read from the store, for decisions that must be exact across replicas. */
export function viewOf(entries: readonly HistoryEntry[], agent: string, now: number): HistoryView {
  const history = new History(Infinity)
  for (const entry of entries) history.add(entry)
  return history.view(agent, now)
}
