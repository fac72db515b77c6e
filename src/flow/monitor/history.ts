import { globMatches } from '../../action/glob.ts'
import type { HistoryView } from '../../policy/policy.ts'
import type { HistoryEntry } from '../../storage/store.ts'

/** A longer series is coalesced to about this share of the time it covers. */
const MAX_POINTS = 8192
const RESOLUTION = 1 / 2048

interface Point {
  at: number
  count: number
  measures: Record<string, number>
}

/**
 * What agents did, for `history.count` and `history.sum`, actions in flight included. Memory is bounded: in
 * long series neighbouring points are merged and keep the later time, so a merged point leaves a window
 * later than its parts would: by at most 1/2048 of the time that is kept. The count can be too high, never too low.
 */
export class History {
  /** agent → action name → points by time. */
  readonly #agents = new Map<string, Map<string, Point[]>>()
  /** How far back any condition looks, ms; 0 keeps nothing. */
  readonly keepFor: number

  constructor(keepFor: number) {
    this.keepFor = keepFor
  }

  add({ agent, name, at, measures }: HistoryEntry): void {
    if (this.keepFor === 0) return
    let actions = this.#agents.get(agent)
    if (actions === undefined) this.#agents.set(agent, (actions = new Map()))
    let points = actions.get(name)
    if (points === undefined) actions.set(name, (points = []))
    // One that was proposed earlier may be judged later: the points stay in the order of time.
    let place = points.length
    while (place > 0 && (points[place - 1] as Point).at > at) place--
    points.splice(place, 0, { at, count: 1, measures: { ...measures } })
    if (points.length > MAX_POINTS && this.keepFor < Infinity)
      actions.set(name, compact(points, this.keepFor, at))
  }

  /** An action that will not run after all. */
  remove({ agent, name, at, measures }: HistoryEntry): void {
    const point = this.#agents
      .get(agent)
      ?.get(name)
      ?.find((candidate) => candidate.at >= at)
    if (point === undefined) return
    point.count -= 1
    for (const [path, value] of Object.entries(measures))
      point.measures[path] = (point.measures[path] ?? 0) - value
  }

  /** Undoes `remove`. */
  restore(entry: HistoryEntry): void {
    const point = this.#agents
      .get(entry.agent)
      ?.get(entry.name)
      ?.find((candidate) => candidate.at >= entry.at)
    if (point === undefined) return this.add(entry)
    point.count += 1
    for (const [path, value] of Object.entries(entry.measures))
      point.measures[path] = (point.measures[path] ?? 0) + value
  }

  view(agent: string, now: number): HistoryView {
    return {
      count: (scope, name, window) =>
        this.#fold(scope === 'agent' ? agent : undefined, name, now - window, (point) => point.count),
      sum: (scope, name, path, window) =>
        this.#fold(
          scope === 'agent' ? agent : undefined,
          name,
          now - window,
          (point) => point.measures[path] ?? 0,
        ),
    }
  }

  #fold(agent: string | undefined, name: string, since: number, value: (point: Point) => number): number {
    let total = 0
    const perAgent = agent === undefined ? this.#agents.values() : [this.#agents.get(agent)]
    for (const actions of perAgent) {
      if (actions === undefined) continue
      for (const points of seriesOf(actions, name)) {
        for (let i = points.length - 1; i >= 0; i--) {
          const point = points[i] as Point
          if (point.at <= since) break
          total += value(point)
        }
      }
    }
    return total
  }
}

/** A view over entries read from the store, for decisions that must be exact across replicas. */
export function viewOf(entries: readonly HistoryEntry[], agent: string, now: number): HistoryView {
  const history = new History(Infinity)
  for (const entry of entries) history.add(entry)
  return history.view(agent, now)
}

function* seriesOf(actions: ReadonlyMap<string, Point[]>, name: string): Iterable<Point[]> {
  if (!name.includes('*')) {
    const points = actions.get(name)
    if (points !== undefined) yield points
    return
  }
  for (const [candidate, points] of actions) if (globMatches(name, candidate)) yield points
}

function compact(points: readonly Point[], keepFor: number, now: number): Point[] {
  const span = keepFor * RESOLUTION
  const merged: Point[] = []
  let startedAt = Number.NEGATIVE_INFINITY
  for (const point of points) {
    if (point.at <= now - keepFor) continue
    const last = merged.at(-1)
    if (last === undefined || point.at - startedAt >= span) {
      merged.push(point)
      startedAt = point.at
      continue
    }
    last.at = point.at
    last.count += point.count
    for (const [path, value] of Object.entries(point.measures))
      last.measures[path] = (last.measures[path] ?? 0) + value
  }
  return merged
}
