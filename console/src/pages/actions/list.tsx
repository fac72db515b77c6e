import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useEffectEvent, useRef } from 'react'
import { DecisionBadge, StateBadge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Visible } from '../../parts/payload/visible.tsx'
import { Ago, Money } from '../../parts/values.tsx'
import type { ActionRow } from './action-list.ts'

const ROW = 60
/** Above this the reader is looking at something further down. */
const NEAR_TOP = 120

/** As many rows as one likes: only those in sight are drawn. */
export function ActionList({
  rows,
  at,
  hasMore,
  isLoading,
  onMore,
  waiting,
  onShowNew,
  onAtTop,
}: {
  readonly rows: readonly ActionRow[]
  readonly at: string | undefined
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly onMore: () => void
  /** How many came since one scrolled down. */
  readonly waiting: number
  readonly onShowNew: () => void
  readonly onAtTop: (atTop: boolean) => void
}) {
  const frame = useRef<HTMLDivElement>(null)
  // oxlint-disable-next-line react/incompatible-library -- its rows are drawn anew with each scroll by intent
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  const more = useEffectEvent(onMore)
  useEffect(() => {
    if (hasMore && !isLoading && last >= rows.length - 20) more()
  }, [hasMore, isLoading, last, rows.length])
  return (
    <div className="actions-list">
      {waiting > 0 && (
        <Button
          size="small"
          className="actions-new"
          onClick={() => {
            frame.current?.scrollTo({ top: 0 })
            onShowNew()
          }}
        >
          Show what is new
        </Button>
      )}
      <div
        ref={frame}
        className="actions-scroll"
        tabIndex={0}
        role="region"
        aria-label="Actions, newest first"
        onScroll={(event) => onAtTop(event.currentTarget.scrollTop < NEAR_TOP)}
      >
        <ul style={{ height: virtual.getTotalSize() }}>
          {shown.map(({ index, start, key }) => (
            <li
              key={key}
              style={{ transform: `translateY(${start}px)`, height: ROW }}
              data-at={rows[index]?.id === at || undefined}
            >
              {rows[index] !== undefined && <Row row={rows[index]} current={rows[index].id === at} />}
            </li>
          ))}
        </ul>
        {isLoading && <p className="soft small actions-end">Loading …</p>}
        {!hasMore && rows.length > 0 && (
          <p className="soft small actions-end">
            {rows.length === 1
              ? 'This is the only one.'
              : `These are all ${rows.length.toLocaleString('en')}.`}
          </p>
        )}
      </div>
    </div>
  )
}

function Row({ row, current }: { readonly row: ActionRow; readonly current: boolean }) {
  return (
    <Link
      to="/actions/$id"
      params={{ id: row.id }}
      search
      className="actions-row"
      id={`row-${row.id}`}
      aria-current={current ? 'true' : undefined}
    >
      <span className="actions-state">
        <StateBadge state={row.state} />
      </span>
      <span className="actions-what">
        <span className="actions-name">
          <strong>
            <Visible text={row.action} />
          </strong>
          {row.decision !== 'allow' && row.state !== 'denied' && row.state !== 'held' && (
            <DecisionBadge decision={row.decision} />
          )}
        </span>
        <span className="soft small actions-gist">
          <Visible text={`${row.agent} · ${gistOf(row)}`} />
        </span>
      </span>
      <span className="actions-when soft small">
        <Ago at={row.proposed_at} />
        {row.cost_usd > 0 && <Money usd={row.cost_usd} />}
      </span>
    </Link>
  )
}

/** For what was refused, why; else the first plain values of the input. */
function gistOf({ input, reasons, state }: ActionRow): string {
  if (state === 'denied' && reasons[0] !== undefined) return reasons[0].message.slice(0, 200)
  if (input === null) return 'erased'
  const plain = Object.entries(input)
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .slice(0, 3)
    .map(([name, value]) => `${name}: ${String(value).slice(0, 80)}`)
  return plain.length === 0 ? 'no arguments' : plain.join(' · ').slice(0, 200)
}
