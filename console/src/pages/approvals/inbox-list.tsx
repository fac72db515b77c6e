import { Link } from '@tanstack/react-router'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { classes } from '../../parts/class-names.ts'
import { Visible } from '../../parts/payload/visible.tsx'
import { Money } from '../../parts/values.tsx'
import { Countdown } from './countdown.tsx'
import { fateWord } from './inbox-item.ts'
import type { InboxItem } from './inbox-item.ts'
import type { Batch } from './like-actions.ts'

/** Everything that waits, and below it what was decided meanwhile. */
export function InboxList({
  batches,
  decided,
  at,
  selected,
  canDecide,
  onSelect,
  onBatch,
}: {
  readonly batches: readonly Batch<InboxItem>[]
  readonly decided: readonly InboxItem[]
  readonly at: string | null
  readonly selected: ReadonlySet<string>
  readonly canDecide: boolean
  readonly onSelect: (id: string) => void
  readonly onBatch: (items: readonly InboxItem[]) => void
}) {
  const row = (item: InboxItem) => (
    <li key={item.id} className="inbox-row" data-at={item.id === at || undefined}>
      {canDecide && item.pending && (
        <label className="inbox-check">
          <input type="checkbox" checked={selected.has(item.id)} onChange={() => onSelect(item.id)} />
          <span className="unseen">Select {item.action}</span>
        </label>
      )}
      <Link
        to="/approvals/$id"
        params={{ id: item.id }}
        className="inbox-link"
        id={`row-${item.id}`}
        aria-current={item.id === at ? 'true' : undefined}
      >
        <RowText item={item} />
      </Link>
    </li>
  )
  return (
    <>
      <ul className="inbox-list" aria-label="Approvals that wait">
        {batches.map(({ key, items }) =>
          items.length === 1 ? (
            row(items[0]!)
          ) : (
            <li key={key} className="inbox-batch">
              <div className="inbox-batch-head">
                <span>
                  <strong>{items.length} alike</strong>{' '}
                  <span className="soft">
                    <Visible text={items[0]!.action} />
                  </span>
                </span>
                {canDecide && (
                  <Button size="small" onClick={() => onBatch(items)}>
                    Decide together
                  </Button>
                )}
              </div>
              <ul aria-label={`${items.length} alike`}>{items.map(row)}</ul>
            </li>
          ),
        )}
      </ul>
      {decided.length > 0 && (
        <section className="inbox-decided" aria-label="No longer waiting">
          <h2 className="small soft">No longer waiting</h2>
          <ul className="inbox-list">{decided.map(row)}</ul>
        </section>
      )}
    </>
  )
}

function RowText({ item }: { readonly item: InboxItem }) {
  const { of: action, details, pending, risk } = item
  return (
    <>
      <span className="inbox-row-top">
        <strong>
          <Visible text={action.action} />
        </strong>
        {pending ? <Countdown until={item.expiresAt} /> : <FateBadge item={item} />}
      </span>
      <span className={classes('inbox-row-what', !pending && 'soft')}>
        <Visible text={gistOf(item)} />
      </span>
      <span className="inbox-row-about soft small">
        <Visible text={action.agent} />
        {details !== null && details.cost_usd !== undefined && details.cost_usd > 0 && (
          <>
            {' · '}
            <Money usd={details.cost_usd} />
          </>
        )}
        {pending && risk !== 'medium' && <RiskBadge risk={risk} />}
        {pending && details?.may_decide === false && <span>· not yours to decide</span>}
      </span>
    </>
  )
}

export function RiskBadge({ risk }: { readonly risk: InboxItem['risk'] }) {
  return <Badge tone={risk === 'high' ? 'bad' : risk === 'low' ? 'good' : 'warn'}>{risk} risk</Badge>
}

function FateBadge({ item }: { readonly item: InboxItem }) {
  const word = fateWord(item.of)
  return <Badge tone={word === 'approved' ? 'good' : word === 'changed' ? 'info' : 'neutral'}>{word}</Badge>
}

/** The first plain values of the input in one line; the detail has all of it. */
function gistOf({ input, of: action }: InboxItem): string {
  if (input === null) return 'its arguments were erased'
  const plain = Object.entries(input as Readonly<Record<string, unknown>>)
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .slice(0, 3)
    .map(([name, value]) => `${name}: ${String(value).slice(0, 80)}`)
  return plain.length === 0
    ? (action.target?.slice(0, 120) ?? 'no arguments')
    : plain.join(' · ').slice(0, 160)
}
