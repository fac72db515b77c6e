import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { percent } from '../../parts/format.ts'
import { Badge } from '../../parts/badge.tsx'
import { Facts } from '../../parts/facts.tsx'
import { Arguments } from '../../parts/payload/arguments.tsx'
import { equalJson } from '../../parts/payload/compare-json.ts'
import { allFindings, explanationQuery } from '../../parts/payload/explanation.ts'
import { Findings } from '../../parts/payload/findings.tsx'
import { LongText, Visible } from '../../parts/payload/visible.tsx'
import { Note } from '../../parts/states.tsx'
import { Ago, At, Money } from '../../parts/values.tsx'
import { Before } from './before.tsx'
import { Chain } from './chain.tsx'
import { Countdown } from './countdown.tsx'
import { RiskBadge } from './inbox-list.tsx'
import { fateOf } from './inbox-item.ts'
import type { InboxItem } from './inbox-item.ts'

/** All that a person needs to decide, the most important first. */
export function ApprovalDetail({
  item,
  decision,
}: {
  readonly item: InboxItem
  /** The buttons, or why there are none. */
  readonly decision: ReactNode
}) {
  const { of: action, details } = item
  const explained = useQuery(explanationQuery(action.id, action.version))
  const proposed = details?.proposed_input ?? explained.data?.input ?? null
  const changed = proposed !== null && action.input !== null && !equalJson(proposed, action.input)
  return (
    <article className="approval" aria-labelledby="approval-title">
      <header className="approval-head">
        <p className="row">
          {item.pending && <RiskBadge risk={item.risk} />}
          {item.pending && <EffectBadge item={item} />}
          {item.pending && <Countdown until={item.expiresAt} label />}
        </p>
        <h2 id="approval-title" tabIndex={-1}>
          <Visible text={titleOf(item)} />
        </h2>
        {item.pending && (
          <p className="approval-plain">
            <LongText text={item.sentence} max={400} what="what will happen" />
          </p>
        )}
        {!item.pending && (
          <Note tone={action.state === 'denied' ? 'warn' : 'info'}>
            <span>
              {fateOf(item)}{' '}
              <Link to="/actions/$id" params={{ id: action.id }}>
                What became of it
              </Link>
            </span>
          </Note>
        )}
      </header>
      {decision}

      <section>
        <h3>{changed ? 'Exact arguments, with what was changed' : 'Exact arguments'}</h3>
        {changed && <p className="soft">{changedBy(item)}</p>}
        {action.input === null ? (
          <p className="soft">The arguments were erased; only their digest is left.</p>
        ) : (
          <Arguments label="Arguments" value={action.input} {...(changed ? { before: proposed } : {})} />
        )}
      </section>

      {details?.pictures?.map((path) => (
        <section key={path}>
          <h3>The page, as the browser shows it</h3>
          <a href={path} target="_blank" rel="noreferrer">
            <img className="page-picture" src={path} alt="The page that the action is about" />
          </a>
        </section>
      ))}

      <section>
        <h3>Why it waits</h3>
        <Findings findings={explained.data === undefined ? action.reasons : allFindings(explained.data)} />
      </section>

      <section>
        <h3>What the agent says</h3>
        <AgentSays item={item} />
      </section>

      {details !== null && (
        <section>
          <h3>Who decides</h3>
          <Chain approval={details} />
        </section>
      )}

      <section>
        <h3>What it did before</h3>
        <Before action={action} />
        {action.session !== null && (
          <p className="small">
            <Link to="/sessions/$id" params={{ id: action.session }} search={{ agent: action.agent }}>
              Open the session
            </Link>
          </p>
        )}
      </section>

      <section>
        <h3>Fine print</h3>
        <Facts
          facts={[
            ['Agent', <Visible key="agent" text={action.agent} />],
            action.proposed_by === undefined
              ? undefined
              : ['Asked for by', <Visible key="by" text={action.proposed_by} />],
            ['Proposed', <Ago key="at" at={action.proposed_at} />],
            details === null ? undefined : ['Decide until', <At key="until" at={item.expiresAt} />],
            action.target === undefined
              ? undefined
              : ['Target', <Visible key="target" text={action.target} />],
            [
              'Action',
              <Link key="id" to="/actions/$id" params={{ id: action.id }}>
                <code>{action.id}</code>
              </Link>,
            ],
            details === null ? undefined : ['Digest', <code key="digest">{details.digest}</code>],
            ['Policy', <code key="policy">{action.policy_version}</code>],
          ]}
        />
      </section>
    </article>
  )
}

function titleOf({ of: { agent, action }, pending }: InboxItem): string {
  return `${agent} ${pending ? 'wants' : 'wanted'} to run ${action}`
}

function EffectBadge({ item: { of: action, details } }: { readonly item: InboxItem }) {
  const cost = details?.cost_usd ?? action.cost_usd
  return (
    <>
      {details?.undoable === true ? (
        <Badge tone="good">can be undone {withinOf(details.undo)}</Badge>
      ) : (
        <Badge tone={action.effect === 'read' ? 'good' : 'bad'}>
          {action.effect === 'read' ? 'only reads' : 'cannot be undone'}
        </Badge>
      )}
      {cost > 0 && (
        <span className="soft">
          costs at most <Money usd={cost} />
        </span>
      )}
    </>
  )
}

/** `within 1 day` of `Yes, within 1 day.` */
function withinOf(undo: string | undefined): string {
  return undo?.startsWith('Yes, ') === true ? undo.slice(5).replace(/\.$/, '') : ''
}

function changedBy({ details }: InboxItem): string {
  const editors = details?.edited_by ?? []
  return editors.length === 0
    ? 'A check changed what the agent proposed. What is marked as added is what would run.'
    : `Edited by ${editors.join(', ')}. What is marked as added is what would run.`
}

function AgentSays({ item: { details, of: action } }: { readonly item: InboxItem }) {
  const reason = details?.reason
  const confidence = details?.confidence ?? action.confidence
  return (
    <>
      {typeof reason === 'string' && reason !== '' ? (
        <blockquote className="agent-says">
          <LongText text={reason} max={800} what="the agent's reason" />
        </blockquote>
      ) : (
        <p className="soft">It gave no reason.</p>
      )}
      <p className="soft small">
        {confidence === null
          ? 'It did not say how sure it is.'
          : `It claims to be ${percent(confidence)} sure. Nobody has checked that.`}
      </p>
    </>
  )
}
