import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { Problem, sentenceOf } from '../../api/problem.ts'
import { actionQuery, meQuery } from '../../api/queries.ts'
import { DecisionBadge, StateBadge } from '../../parts/badge.tsx'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Facts } from '../../parts/facts.tsx'
import { percent } from '../../parts/format.ts'
import { Arguments, RawJson } from '../../parts/payload/arguments.tsx'
import { equalJson } from '../../parts/payload/compare-json.ts'
import { explanationQuery } from '../../parts/payload/explanation.ts'
import { visibleText } from '../../parts/payload/visible-text.ts'
import { LongText, Visible } from '../../parts/payload/visible.tsx'
import { Answer, ErrorNote, Note } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import { At, Money } from '../../parts/values.tsx'
import type { ActionRow } from './action-list.ts'
import { Checks, Records } from './explain.tsx'
import { UndoDialog } from './undo-dialog.tsx'

/** One action: what it was, why it was decided so, what became of it. */
export function ActionDetail({ id }: { readonly id: string }) {
  const query = useQuery(actionQuery(id))
  if (query.error instanceof Problem && query.error.status === 404 && query.data === undefined)
    return <ErrorNote>There is no action {visibleText(id)}.</ErrorNote>
  return (
    <Answer query={query} lines={8}>
      {(action) => <Found action={action} />}
    </Answer>
  )
}

function Found({ action }: { readonly action: ActionRow }) {
  const explained = useQuery(explanationQuery(action.id, action.version))
  const proposed = explained.data?.input ?? null
  const changed = proposed !== null && action.input !== null && !equalJson(proposed, action.input)
  return (
    <article className="action-detail" aria-labelledby="action-title">
      <header>
        <p className="row">
          <StateBadge state={action.state} />
          <DecisionBadge decision={action.decision} />
          {action.mode === 'observe' && action.decision !== action.effective && (
            <span className="soft">let through: the policy only observes</span>
          )}
        </p>
        <h2 id="action-title" tabIndex={-1}>
          <Visible text={action.action} /> <span className="soft">by</span> <Visible text={action.agent} />
        </h2>
        {explained.data !== undefined && (
          <p className="action-summary">
            <LongText text={explained.data.summary} max={700} what="the explanation" />
          </p>
        )}
      </header>
      <Doable action={action} />
      {action.undo !== undefined && action.state !== 'undone' && (
        <Note tone={action.undo.status === 'failed' || action.undo.status === 'unknown' ? 'bad' : 'info'}>
          <span>
            Undo {action.undo.status}, asked for by {action.undo.by}. {action.undo.error}
          </span>
        </Note>
      )}

      <section>
        <h3>{changed ? 'Arguments, with what was changed' : 'Arguments'}</h3>
        {action.input === null ? (
          <p className="soft">
            Erased. The record keeps their digest, so the ledger still verifies; the values are gone for good.
          </p>
        ) : (
          <Arguments label="Arguments" value={action.input} {...(changed ? { before: proposed } : {})} />
        )}
      </section>

      {['succeeded', 'failed', 'unknown', 'undone'].includes(action.state) && (
        <section>
          <h3>Result</h3>
          {action.result === undefined ? (
            <p className="soft">
              {action.input === null ? 'Erased, or never reported.' : 'None was reported.'}
            </p>
          ) : typeof action.result === 'object' && action.result !== null ? (
            <Arguments label="Result" value={action.result} />
          ) : (
            <RawJson value={action.result} label="Result" />
          )}
        </section>
      )}

      <Answer query={explained} lines={6}>
        {(explanation) => (
          <>
            <section>
              <h3>Check by check</h3>
              <Checks explanation={explanation} />
            </section>
            {explanation.agentReason !== null && (
              <section>
                <h3>What the agent said</h3>
                <blockquote className="agent-says">
                  <LongText text={explanation.agentReason} max={800} what="the agent's reason" />
                </blockquote>
                {action.confidence !== null && (
                  <p className="soft small">It claimed to be {percent(action.confidence)} sure.</p>
                )}
              </section>
            )}
            <section>
              <h3>What happened</h3>
              <Records explanation={explanation} />
            </section>
            <section>
              <h3>Fine print</h3>
              <FinePrint
                action={action}
                entry={explanation.policy.entry}
                inForce={explanation.policy.inForce}
              />
            </section>
          </>
        )}
      </Answer>
    </article>
  )
}

/** What can be done about it now, and where it leads. */
function Doable({ action }: { readonly action: ActionRow }) {
  const { data: me } = useQuery(meQuery)
  const [open, setOpen] = useState<'undo' | 'cancel' | null>(null)
  const may = me?.permissions.includes('operate') === true
  const undoing = action.undo?.status === 'requested' || action.undo?.status === 'executing'
  return (
    <div className="row">
      {action.state === 'held' && action.approval !== undefined && (
        <ButtonLink kind="primary" to="/approvals/$id" params={{ id: action.approval.id }}>
          Open the approval
        </ButtonLink>
      )}
      {may && action.state === 'succeeded' && action.effect !== 'read' && !undoing && (
        <Button onClick={() => setOpen('undo')}>Undo …</Button>
      )}
      {may && (action.state === 'held' || action.state === 'ready') && (
        <Button onClick={() => setOpen('cancel')}>Cancel it …</Button>
      )}
      {action.session !== null && (
        <ButtonLink to="/sessions/$id" params={{ id: action.session }} search={{ agent: action.agent }}>
          Open the session
        </ButtonLink>
      )}
      <a
        className="button button-quiet"
        href={`/v1/ledger/proof/${encodeURIComponent(action.id)}`}
        download={`belay-proof-${action.id}.json`}
      >
        Download the proof
      </a>
      {open === 'undo' && <UndoDialog action={action} onClose={() => setOpen(null)} />}
      {open === 'cancel' && <CancelDialog action={action} onClose={() => setOpen(null)} />}
    </div>
  )
}

function CancelDialog({ action, onClose }: { readonly action: ActionRow; readonly onClose: () => void }) {
  const client = useQueryClient()
  const cancelling = useMutation({
    mutationFn: async () => send('POST', `/v1/actions/${encodeURIComponent(action.id)}/cancel`, {}),
    onSuccess: () => {
      say('Cancelled: it will not run.')
      onClose()
    },
    onSettled: async () => client.invalidateQueries({ queryKey: ['actions'] }),
  })
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Cancel ${visibleText(action.action)}`}
      intro="It has not started and will not run. The agent can propose it again."
    >
      {cancelling.error !== null && <ErrorNote>{sentenceOf(cancelling.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>Keep it</Button>
        <Button kind="danger" busy={cancelling.isPending} onClick={() => cancelling.mutate()}>
          Cancel the action
        </Button>
      </DialogButtons>
    </Dialog>
  )
}

function FinePrint({
  action,
  entry,
  inForce,
}: {
  readonly action: ActionRow
  readonly entry: string | null
  readonly inForce: boolean
}) {
  return (
    <Facts
      facts={[
        ['Id', <code key="id">{action.id}</code>],
        ['Proposed', <At key="at" at={action.proposed_at} />],
        action.proposed_by === undefined
          ? undefined
          : ['Asked for by', <Visible key="by" text={action.proposed_by} />],
        ['Effect', action.effect ?? 'not known'],
        ['Cost', <Money key="cost" usd={action.cost_usd} />],
        action.target === undefined ? undefined : ['Target', <Visible key="target" text={action.target} />],
        action.tool_schema_version === undefined
          ? undefined
          : ['Tool schema', <Visible key="schema" text={action.tool_schema_version} />],
        action.cause === undefined ? undefined : ['Why unknown', <Visible key="why" text={action.cause} />],
        [
          'Policy',
          <span key="policy">
            {entry !== null && <code>{entry}</code>} <code className="soft">{action.policy_version}</code>
            {inForce ? ' (in force)' : ' (no longer in force)'}
          </span>,
        ],
      ]}
    />
  )
}
