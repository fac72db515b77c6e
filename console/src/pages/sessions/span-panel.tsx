import { useEffect, useRef } from 'react'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { DecisionBadge } from '../../parts/badge.tsx'
import { Facts } from '../../parts/facts.tsx'
import { count, money } from '../../parts/format.ts'
import { At } from '../../parts/values.tsx'
import { actionOf } from './queries.ts'
import { SpanState, titleOf, tookOf } from './span-row.tsx'
import type { Node } from './span-tree.ts'

/** What is known of one span, and the way to its action: explain, undo, payloads. */
export function SpanPanel({ node, onClose }: { readonly node: Node; readonly onClose: () => void }) {
  const { span } = node
  const action = actionOf(span)
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    // On a phone the panel stands under the tree.
    if (matchMedia('(max-width: 899px)').matches) panel.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  return (
    <aside ref={panel} className="span-panel" aria-label={`Span ${titleOf(span)}`}>
      <header className="section-head">
        <h2>{titleOf(span)}</h2>
        <Button kind="quiet" size="small" aria-label="Close the span" onClick={onClose}>
          ✕
        </Button>
      </header>
      <Facts
        facts={[
          ['What', span.kind === 'tool' ? 'action' : span.kind],
          span.state === null ? undefined : ['State', <SpanState key="state" span={span} />],
          span.decision === null
            ? undefined
            : ['Decision', <DecisionBadge key="decision" decision={span.decision} />],
          span.effective === undefined || span.effective === span.decision
            ? undefined
            : ['In effect', <DecisionBadge key="effective" decision={span.effective} />],
          span.reason == null ? undefined : ['Reason', <code key="reason">{span.reason}</code>],
          ['Began', <At key="began" at={span.started_at} />],
          ['Took', tookOf(node)],
          span.cost_usd === 0 ? undefined : ['Cost', money(span.cost_usd)],
          span.tokens.input + span.tokens.output === 0
            ? undefined
            : ['Tokens', `${count(span.tokens.input)} in, ${count(span.tokens.output)} out`],
          span.model === undefined ? undefined : ['Model', modelOf(span.model)],
          span.prompt === undefined ? undefined : ['Prompt', promptOf(span.prompt)],
          span.release === undefined ? undefined : ['Release', span.release],
          span.trace_id == null ? undefined : ['Trace', <code key="trace">{span.trace_id}</code>],
        ]}
      />
      {action !== null && (
        <div className="row span-links">
          <ButtonLink to="/actions/$id" params={{ id: action }} kind="primary">
            Open the action
          </ButtonLink>
          <span className="soft small">Why it was decided so, its input, and undo.</span>
        </div>
      )}
    </aside>
  )
}

function modelOf({
  requested,
  responded,
  system_fingerprint: print,
}: NonNullable<Node['span']['model']>): string {
  const answered = responded !== null && responded !== requested ? `, answered by ${responded}` : ''
  return `${requested ?? 'unknown'}${answered}${print === null ? '' : ` (${print})`}`
}

function promptOf({ name, version, digest }: NonNullable<Node['span']['prompt']>): string {
  if (name === null) return `unregistered, ${digest?.slice(0, 12) ?? 'unknown'}`
  return version === null ? name : `${name} version ${version}`
}
