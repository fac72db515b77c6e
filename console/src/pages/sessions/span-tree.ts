import type { Span } from './queries.ts'

/** A span at its place in the tree. */
export interface Node {
  readonly span: Span
  readonly depth: number
  /** Place of the parent among all nodes; -1 for the root. */
  readonly parent: number
  /** Place behind the last descendant. */
  end: number
  readonly startedAt: number
  /** Null while it runs. */
  readonly endedAt: number | null
  /** Somebody should look at it. */
  readonly problem: Problem | null
  /** Place among its siblings from 1, and how many there are. */
  place: number
  siblings: number
}

export type Problem = 'failed' | 'denied' | 'waiting'

export interface SpanTree {
  /** Depth first: a node's descendants follow it. */
  readonly nodes: readonly Node[]
  readonly startedAt: number
  readonly endedAt: number
  /** Places of the nodes with a problem, the worst kind first, each kind in order of time. */
  readonly problems: readonly number[]
}

const PROBLEMS: Readonly<Record<string, Problem>> = {
  failed: 'failed',
  unknown: 'failed',
  denied: 'denied',
  held: 'waiting',
  requested: 'waiting',
}
const WORST_FIRST: readonly Problem[] = ['failed', 'denied', 'waiting']

/** Puts spans in the order of the tree. One whose parent is not there stands under the first one. */
export function treeOf(spans: readonly Span[]): SpanTree {
  const first = spans[0]
  if (first === undefined) return { nodes: [], startedAt: 0, endedAt: 0, problems: [] }
  const children = new Map<string, Span[]>()
  const known = new Set(spans.map(({ id }) => id))
  for (const span of spans) {
    if (span === first) continue
    const parent = span.parent !== null && known.has(span.parent) ? span.parent : first.id
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [span])
    else siblings.push(span)
  }
  const nodes: Node[] = []
  // A stack of our own: a chain of ten thousand calls is deeper than the browser's.
  const waiting: { span: Span; depth: number; parent: number; place: number; siblings: number }[] = [
    { span: first, depth: 0, parent: -1, place: 1, siblings: 1 },
  ]
  const placed = new Set<string>()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { span } = next
    if (placed.has(span.id)) continue
    placed.add(span.id)
    const at = nodes.length
    nodes.push({
      ...next,
      end: at + 1,
      startedAt: Date.parse(span.started_at),
      endedAt: span.ended_at === null ? null : Date.parse(span.ended_at),
      problem: (span.state === null ? undefined : PROBLEMS[span.state]) ?? null,
    })
    const below = children.get(span.id) ?? []
    for (let index = below.length - 1; index >= 0; index--) {
      waiting.push({
        span: below[index]!,
        depth: next.depth + 1,
        parent: at,
        place: index + 1,
        siblings: below.length,
      })
    }
  }
  for (let at = nodes.length - 1; at > 0; at--) {
    const { end, parent } = nodes[at]!
    const above = nodes[parent]!
    if (end > above.end) above.end = end
  }
  let startedAt = Number.POSITIVE_INFINITY
  let endedAt = 0
  for (const node of nodes) {
    startedAt = Math.min(startedAt, node.startedAt)
    endedAt = Math.max(endedAt, node.endedAt ?? node.startedAt)
  }
  const problems = WORST_FIRST.flatMap((kind) =>
    // An approval that waits is told by the action that waits for it.
    nodes.flatMap(({ problem, span }, at) => (problem === kind && span.kind !== 'approval' ? [at] : [])),
  )
  return { nodes, startedAt, endedAt: Math.max(endedAt, startedAt + 1), problems }
}

/** Places of the nodes that are shown when these are folded. */
export function visibleOf(nodes: readonly Node[], folded: ReadonlySet<string>): readonly number[] {
  const shown: number[] = []
  for (let at = 0; at < nodes.length;) {
    const node = nodes[at]!
    shown.push(at)
    at = folded.has(node.span.id) ? node.end : at + 1
  }
  return shown
}
