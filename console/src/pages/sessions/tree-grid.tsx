import { useVirtualizer } from '@tanstack/react-virtual'
import { useId, useMemo, useRef, useState } from 'react'
import type { KeyboardEvent } from 'react'
import { Button } from '../../parts/button.tsx'
import { duration } from '../../parts/format.ts'
import { useShortcuts } from '../../parts/shortcuts.ts'
import { SpanRow } from './span-row.tsx'
import { visibleOf } from './span-tree.ts'
import type { SpanTree } from './span-tree.ts'

/** As `.span-row` is high. */
const ROW = 34
const PAGE = 15

/**
 * The tree of a session with its times beside it. Only the rows in sight are in the document; the arrow keys reach all
 * of them, as the pattern of a treegrid says.
 */
export function TreeGrid({
  tree,
  isComplete,
  chosen,
  onChoose,
}: {
  readonly tree: SpanTree
  readonly isComplete: boolean
  /** Id of the span whose details are shown. */
  readonly chosen: string | null
  readonly onChoose: (id: string | null) => void
}) {
  const { nodes, problems } = tree
  const id = useId()
  const frame = useRef<HTMLDivElement>(null)
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const [active, setActive] = useState(0)
  const [problemAt, setProblemAt] = useState(-1)
  const shown = useMemo(() => visibleOf(nodes, folded), [nodes, folded])
  const at = Math.min(active, Math.max(0, shown.length - 1))
  // Nothing here is compiled to remember what it was drawn from.
  // oxlint-disable-next-line react/incompatible-library
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 8,
    initialRect: { width: 0, height: 600 },
  })

  const goTo = (index: number, align: 'auto' | 'center' = 'auto'): void => {
    const next = Math.max(0, Math.min(shown.length - 1, index))
    setActive(next)
    rows.scrollToIndex(next, { align })
    const span = nodes[shown[next] ?? 0]?.span
    if (chosen !== null && span !== undefined) onChoose(span.id)
  }
  const fold = (place: number, isFolded: boolean): void => {
    const span = nodes[place]?.span
    if (span === undefined) return
    const next = new Set(folded)
    if (isFolded) next.add(span.id)
    else next.delete(span.id)
    setFolded(next)
  }
  const goToProblem = (step: 1 | -1): void => {
    if (problems.length === 0) return
    const which = (problemAt + step + problems.length) % problems.length
    const place = problems[problemAt < 0 && step < 0 ? problems.length - 1 : which]!
    setProblemAt(problems.indexOf(place))
    const open = new Set(folded)
    for (let up = nodes[place]!.parent; up >= 0; up = nodes[up]!.parent) open.delete(nodes[up]!.span.id)
    const next = open.size === folded.size ? shown : visibleOf(nodes, open)
    setFolded(open)
    const index = next.indexOf(place)
    setActive(index)
    onChoose(nodes[place]!.span.id)
    requestAnimationFrame(() => rows.scrollToIndex(index, { align: 'center' }))
  }
  useShortcuts({ n: () => goToProblem(1), p: () => goToProblem(-1) })

  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const place = shown[at] ?? 0
    const node = nodes[place]
    if (node === undefined) return
    const hasChildren = node.end > place + 1
    const isFolded = folded.has(node.span.id)
    const acts: Readonly<Record<string, () => void>> = {
      ArrowDown: () => goTo(at + 1),
      ArrowUp: () => goTo(at - 1),
      PageDown: () => goTo(at + PAGE),
      PageUp: () => goTo(at - PAGE),
      Home: () => goTo(0),
      End: () => goTo(shown.length - 1),
      ArrowRight: () => {
        if (hasChildren && isFolded) fold(place, false)
        else if (hasChildren) goTo(at + 1)
      },
      ArrowLeft: () => {
        if (hasChildren && !isFolded) fold(place, true)
        else if (node.parent >= 0) goTo(shown.indexOf(node.parent))
      },
      Enter: () => onChoose(chosen === node.span.id ? null : node.span.id),
      Escape: () => onChoose(null),
    }
    const act = Object.hasOwn(acts, event.key) ? acts[event.key] : undefined
    if (act === undefined) return
    event.preventDefault()
    act()
  }

  return (
    <div className="session-tree">
      <div className="row session-tools">
        <span className="soft small" role="status">
          {nodes.length.toLocaleString('en-US')} spans{isComplete ? '' : ', more are coming …'}
        </span>
        <span className="row">
          {problems.length > 0 ? (
            <>
              <span className="soft small">
                {problemAt < 0 ? '' : `${problemAt + 1} of `}
                {problems.length} to look at
              </span>
              <Button size="small" onClick={() => goToProblem(-1)}>
                Previous
              </Button>
              <Button size="small" kind="primary" onClick={() => goToProblem(1)}>
                {problemAt < 0 ? 'First problem' : 'Next problem'}
              </Button>
            </>
          ) : (
            isComplete && <span className="soft small">Nothing failed, nothing was denied.</span>
          )}
          <Button size="small" onClick={() => setFolded(folded.size > 0 ? new Set() : foldable(tree))}>
            {folded.size > 0 ? 'Unfold all' : 'Fold all'}
          </Button>
        </span>
      </div>
      <div className="span-head" aria-hidden="true">
        <span>What</span>
        <span>State</span>
        <span className="span-times">
          <span>0</span>
          <span>{duration((tree.endedAt - tree.startedAt) / 2)}</span>
          <span>{duration(tree.endedAt - tree.startedAt)}</span>
        </span>
        <span className="span-figure">Took</span>
        <span className="span-figure">Cost</span>
      </div>
      <div
        ref={frame}
        className="span-frame"
        role="treegrid"
        aria-label="Model calls, actions, approvals and undos"
        aria-rowcount={shown.length}
        aria-activedescendant={`${id}-${shown[at] ?? 0}`}
        tabIndex={0}
        onKeyDown={press}
      >
        <div className="span-room" role="rowgroup" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const place = shown[index]!
            const node = nodes[place]!
            return (
              <SpanRow
                key={node.span.id}
                id={`${id}-${place}`}
                node={node}
                tree={tree}
                top={start}
                rowIndex={index + 1}
                isActive={index === at}
                isChosen={chosen === node.span.id}
                folded={node.end > place + 1 ? folded.has(node.span.id) : undefined}
                onFold={(isFolded) => fold(place, isFolded)}
                onChoose={() => {
                  setActive(index)
                  onChoose(chosen === node.span.id ? null : node.span.id)
                  frame.current?.focus({ preventScroll: true })
                }}
              />
            )
          })}
        </div>
      </div>
      <p className="soft small">
        Arrow keys move and fold, Enter shows what is known of a span, <kbd>N</kbd> and <kbd>P</kbd> go to the
        next and the previous problem.
      </p>
    </div>
  )
}

/** Everything below the first level. */
function foldable({ nodes }: SpanTree): ReadonlySet<string> {
  return new Set(nodes.flatMap(({ depth, end, span }, at) => (depth > 0 && end > at + 1 ? [span.id] : [])))
}
