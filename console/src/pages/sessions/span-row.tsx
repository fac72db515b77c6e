import { Badge, DecisionBadge, StateBadge } from '../../parts/badge.tsx'
import { duration, money } from '../../parts/format.ts'
import type { Span, SpanKind } from './queries.ts'
import type { Node, SpanTree } from './span-tree.ts'

const KIND: Readonly<Record<SpanKind, readonly [letter: string, word: string]>> = {
  session: ['S', 'session'],
  model: ['M', 'model call'],
  tool: ['A', 'action'],
  approval: ['✓', 'approval'],
  undo: ['↶', 'undo'],
}

/** Beyond that further steps are not moved in: the names would have no room. */
const DEEPEST = 12

export function SpanRow({
  id,
  node,
  tree,
  top,
  rowIndex,
  isActive,
  isChosen,
  folded,
  onFold,
  onChoose,
}: {
  readonly id: string
  readonly node: Node
  readonly tree: SpanTree
  readonly top: number
  readonly rowIndex: number
  readonly isActive: boolean
  readonly isChosen: boolean
  /** Undefined where there is nothing to fold. */
  readonly folded: boolean | undefined
  readonly onFold: (folded: boolean) => void
  readonly onChoose: () => void
}) {
  const { span, depth, problem } = node
  const [letter, word] = KIND[span.kind]
  const total = tree.endedAt - tree.startedAt
  const from = (node.startedAt - tree.startedAt) / total
  const to = ((node.endedAt ?? tree.endedAt) - tree.startedAt) / total
  return (
    // The keys are those of the treegrid, which has the focus.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      role="row"
      className="span-row"
      aria-level={depth + 1}
      aria-rowindex={rowIndex}
      aria-posinset={node.place}
      aria-setsize={node.siblings}
      aria-expanded={folded === undefined ? undefined : !folded}
      aria-selected={isChosen}
      data-active={isActive}
      data-problem={problem ?? undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onChoose}
    >
      <span role="rowheader" className="span-name" style={{ paddingLeft: 8 + Math.min(depth, DEEPEST) * 16 }}>
        <span
          className="span-fold"
          aria-hidden="true"
          onClick={(event) => {
            if (folded === undefined) return
            event.stopPropagation()
            onFold(!folded)
          }}
        >
          {folded === undefined ? '' : folded ? '▸' : '▾'}
        </span>
        <span className="span-kind" data-kind={span.kind} aria-hidden="true">
          {letter}
        </span>
        <span className="unseen">{word}: </span>
        <span className="span-text">{titleOf(span)}</span>
      </span>
      <span role="gridcell" className="span-state">
        <SpanState span={span} />
      </span>
      <span
        role="gridcell"
        className="span-time"
        aria-label={`began ${duration(node.startedAt - tree.startedAt)} in`}
      >
        <span
          className="span-bar"
          data-kind={span.kind}
          data-problem={problem ?? undefined}
          data-running={node.endedAt === null}
          style={{ left: `${from * 100}%`, width: `${Math.max(0, to - from) * 100}%` }}
        />
      </span>
      <span role="gridcell" className="span-figure figures">
        {tookOf(node)}
      </span>
      <span role="gridcell" className="span-figure figures span-cost">
        {span.cost_usd === 0 ? '–' : money(span.cost_usd)}
      </span>
    </div>
  )
}

const WAITS = new Set(['held', 'pending', 'requested', 'ready'])

/** How long it took, or that it has not ended. */
export function tookOf({ span, startedAt, endedAt }: Node): string {
  if (endedAt !== null) return duration(endedAt - startedAt)
  return span.state !== null && WAITS.has(span.state) ? 'waits' : 'runs'
}

export function titleOf({ kind, name, model }: Span): string {
  return kind === 'model' && model?.requested != null ? `${name} ${model.requested}` : name
}

const STATES = new Set([
  'denied',
  'held',
  'ready',
  'executing',
  'succeeded',
  'failed',
  'unknown',
  'undone',
  'expired',
  'cancelled',
])

export function SpanState({ span }: { readonly span: Span }) {
  if (span.state !== null && STATES.has(span.state))
    return <StateBadge state={span.state as Parameters<typeof StateBadge>[0]['state']} />
  if (span.state !== null) return <Badge>{span.state}</Badge>
  if (span.decision !== null) return <DecisionBadge decision={span.decision} />
  return null
}
