import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { meQuery } from '../../api/queries.ts'
import type { Me } from '../../api/answers.ts'
import { Button } from '../../parts/button.tsx'
import { Page } from '../../parts/page.tsx'
import { Answer, EmptyState, ErrorNote, Loading } from '../../parts/states.tsx'
import { useShortcutsEnabled } from '../../parts/shortcuts.ts'
import { say } from '../../parts/toast.tsx'
import { BatchDialog } from './batch-dialog.tsx'
import { DecisionBar } from './decision-bar.tsx'
import { ApprovalDetail } from './detail.tsx'
import { EditDialog, PassOnDialog } from './edit-dialog.tsx'
import { HelpDialog } from './help-dialog.tsx'
import { moveCursor, neighbour } from './inbox-keys.ts'
import type { Command } from './inbox-keys.ts'
import { useSelected } from './inbox-memory.ts'
import { InboxList } from './inbox-list.tsx'
import { needsReason, whyNot } from './inbox-item.ts'
import type { InboxItem } from './inbox-item.ts'
import { BreakGlassDialog, DecideDialog } from './decide-dialog.tsx'
import { decide, failureOf, resultOf, useDeciding } from './decide.ts'
import type { Outcome } from './decide.ts'
import { askServerClock, serverNow } from './server-clock.ts'
import { useInbox } from './use-inbox.ts'
import { useInboxKeys } from './use-inbox-keys.ts'
import './approvals.css'

/** What came under the cursor a moment ago has not been read: a key that decides waits this long, ms. */
const READ_FIRST = 400

type Open =
  | { readonly what: 'decide'; readonly outcome: Outcome; readonly item: InboxItem }
  | { readonly what: 'edit' | 'pass-on' | 'break-glass'; readonly item: InboxItem }
  | { readonly what: 'batch'; readonly items: readonly InboxItem[] }
  | { readonly what: 'help' }
  | null

export function ApprovalsPage() {
  const me = useQuery(meQuery)
  return me.data === undefined ? <Loading /> : <Inbox me={me.data} />
}

function Inbox({ me }: { readonly me: Me }) {
  const { id } = useParams({ strict: false })
  const navigate = useNavigate()
  const inbox = useInbox(id)
  const [shortcuts] = useShortcutsEnabled()
  const [selected, setSelected] = useSelected()
  const [open, setOpen] = useState<Open>(null)
  const [failure, setFailure] = useState<{ readonly id: string; readonly text: string } | null>(null)
  const deciding = useDeciding((given: { item: InboxItem; outcome: Outcome; reason?: string }) =>
    decide(given.item, given.outcome, given.reason),
  )
  const ids = inbox.pending.map((item) => item.id)
  const item = id === undefined ? undefined : inbox.find(id)
  const canDecide = me.permissions.includes('approve')
  const isLookedAt = useLookedAt(`${item?.id} ${item?.details?.digest}`)
  const first = ids[0]

  useEffect(() => void askServerClock(), [])
  useEffect(() => {
    // Beside the list something is always shown; on a phone the list comes first.
    if (id === undefined && first !== undefined && isWide())
      void navigate({ to: '/approvals/$id', params: { id: first }, replace: true })
  }, [id, first, navigate])

  const go = (to: string | null, focus = true): void => {
    if (to === null) {
      void navigate({ to: '/approvals', replace: true })
      return
    }
    void navigate({ to: '/approvals/$id', params: { id: to }, replace: true, resetScroll: true }).then(() => {
      if (focus) document.getElementById(isWide() ? `row-${to}` : 'approval-title')?.focus()
    })
  }
  const toggle = (which: string): void => {
    const next = new Set(selected)
    if (!next.delete(which)) next.add(which)
    setSelected(next)
  }
  /** The server has recorded it: on to the next one. */
  const recorded = (done: InboxItem, sentence: string): void => {
    say(sentence)
    setOpen(null)
    setFailure(null)
    if (done.id !== id) return
    const next = neighbour(ids, done.id)
    // Beside the list, what became of the last one stays in sight.
    if (next !== null || !isWide()) go(next)
  }
  const failed = (of: InboxItem, error: unknown): void => {
    setFailure({ id: of.id, text: failureOf(error) })
    setOpen(null)
  }
  const start = (what: 'approve' | 'reject' | 'edit' | 'pass-on', of: InboxItem): void => {
    const why = whyNot(of, me, serverNow() >= of.expiresAt)
    if (why !== null) {
      say(why)
      return
    }
    if (deciding.isPending) return
    setFailure(null)
    if (what === 'edit' || what === 'pass-on') {
      setOpen({ what, item: of })
      return
    }
    if (what === 'reject' || needsReason(of)) {
      setOpen({ what: 'decide', outcome: what, item: of })
      return
    }
    deciding.mutate(
      { item: of, outcome: 'approve' },
      {
        onSuccess: (action) => recorded(of, resultOf('approve', action)),
        onError: (error) => failed(of, error),
      },
    )
  }
  useInboxKeys((command: Command) => {
    switch (command) {
      case 'help':
        setOpen({ what: 'help' })
        return
      case 'back':
        if (!isWide() && id !== undefined) go(null)
        return
      case 'undo-selection':
        setSelected(new Set())
        return
      case 'approve':
      case 'reject':
      case 'edit':
      case 'delegate': {
        const chosen = inbox.pending.filter((each) => selected.has(each.id))
        if (chosen.length > 0 && (command === 'approve' || command === 'reject')) {
          setOpen({ what: 'batch', items: chosen })
          return
        }
        if (item === undefined) return
        if (!isLookedAt) say('Look at it first, then press again.')
        else start(command === 'delegate' ? 'pass-on' : command, item)
        return
      }
      case 'next':
      case 'previous':
      case 'first':
      case 'last':
      case 'select': {
        const moved = moveCursor({ at: id ?? null, selected }, command, ids)
        if (moved.selected !== selected) setSelected(moved.selected)
        if (moved.at !== null && moved.at !== id) go(moved.at)
      }
    }
  })

  const chosen = inbox.pending.filter((each) => selected.has(each.id))
  const under =
    deciding.isPending && deciding.variables.item.id === item?.id ? deciding.variables.outcome : null
  return (
    <Page
      wide
      title="Approvals"
      intro={summaryOf(inbox.pending, inbox.more)}
      actions={
        <>
          {chosen.length > 0 && (
            <>
              <Button kind="primary" onClick={() => setOpen({ what: 'batch', items: chosen })}>
                Decide {chosen.length} selected
              </Button>
              <Button onClick={() => setSelected(new Set())}>Undo selection</Button>
            </>
          )}
          <Button kind="quiet" className="keys-hint" onClick={() => setOpen({ what: 'help' })}>
            Keys {shortcuts && <kbd aria-hidden="true">?</kbd>}
          </Button>
        </>
      }
    >
      <Answer query={inbox.query} lines={8}>
        {() =>
          inbox.pending.length === 0 && id === undefined && inbox.decided.length === 0 ? (
            <Nothing />
          ) : (
            <div className="inbox" data-view={id === undefined ? 'list' : 'detail'}>
              <div className="inbox-side">
                {inbox.pending.length === 0 && <p className="soft">Nothing waits any more.</p>}
                <InboxList
                  batches={inbox.batches}
                  decided={inbox.decided}
                  at={id ?? null}
                  selected={selected}
                  canDecide={canDecide}
                  onSelect={toggle}
                  onBatch={(items) => setOpen({ what: 'batch', items })}
                />
              </div>
              <div className="inbox-detail" data-looked-at={isLookedAt}>
                {id !== undefined && (
                  <p className="inbox-back">
                    <Link to="/approvals">← All approvals</Link>
                  </p>
                )}
                {item === undefined ? (
                  id === undefined ? (
                    <Nothing />
                  ) : inbox.missing ? (
                    <ErrorNote>
                      <p>
                        There is no approval {id}. One that was edited since waits as a new one, in{' '}
                        <Link to="/approvals">the list</Link>.
                      </p>
                    </ErrorNote>
                  ) : (
                    <Loading lines={6} />
                  )
                ) : (
                  <ApprovalDetail
                    key={item.id}
                    item={item}
                    decision={
                      <DecisionBar
                        item={item}
                        me={me}
                        busy={under}
                        failure={failure?.id === item.id ? failure.text : null}
                        shortcuts={shortcuts}
                        onApprove={() => start('approve', item)}
                        onReject={() => start('reject', item)}
                        onEdit={() => start('edit', item)}
                        onPassOn={() => start('pass-on', item)}
                        onBreakGlass={() => setOpen({ what: 'break-glass', item })}
                      />
                    }
                  />
                )}
              </div>
            </div>
          )
        }
      </Answer>
      <HelpDialog open={open?.what === 'help'} onClose={() => setOpen(null)} />
      {open?.what === 'batch' && <BatchDialog items={open.items} onClose={() => setOpen(null)} />}
      {open?.what === 'decide' && (
        <DecideDialog
          item={open.item}
          outcome={open.outcome}
          onClose={() => setOpen(null)}
          onDone={(action) => recorded(open.item, resultOf(open.outcome, action))}
          onStale={(error) => failed(open.item, error)}
        />
      )}
      {open?.what === 'edit' && (
        <EditDialog
          item={open.item}
          onClose={() => setOpen(null)}
          onDone={(action) => {
            const again = action.approval?.id
            recorded(open.item, editedSentence(action.state))
            if (action.state === 'held' && again !== undefined) go(again)
          }}
        />
      )}
      {open?.what === 'break-glass' && (
        <BreakGlassDialog
          item={open.item}
          onClose={() => setOpen(null)}
          onDone={({ state }) => {
            say(state === 'held' ? 'Recorded. A second person has to ask for it too.' : 'Released.')
            setOpen(null)
          }}
          onStale={(error) => failed(open.item, error)}
        />
      )}
      {open?.what === 'pass-on' && (
        <PassOnDialog
          item={open.item}
          onClose={() => setOpen(null)}
          onDone={(to) => recorded(open.item, `Your vote is passed on to ${to}.`)}
        />
      )}
    </Page>
  )
}

function Nothing() {
  return (
    <EmptyState title="Nothing waits for a person.">
      <p>
        An action waits here when the policy asks for approval. New ones appear by themselves; leave this page
        open, or let <Link to="/settings">channels</Link> reach you.
      </p>
      <p>
        Which actions ask is said by <code>approve:</code> in the <Link to="/policy">policy</Link>. What was
        decided is among the <Link to="/actions">actions</Link>.
      </p>
    </EmptyState>
  )
}

function summaryOf(pending: readonly InboxItem[], more: boolean): string | undefined {
  if (pending.length === 0) return undefined
  const high = pending.filter(({ risk }) => risk === 'high').length
  const count = `${pending.length}${more ? ' and more' : ''} ${pending.length === 1 ? 'waits' : 'wait'}`
  return `${count}${high > 0 ? `, ${high} of high risk` : ''}. The soonest to expire is first.`
}

function editedSentence(state: string): string {
  return state === 'held'
    ? 'Edited and judged anew: it waits as a new approval.'
    : 'Edited and judged anew: it needs no approval any more and may run.'
}

/** Whether what is under this key has been on the screen long enough to have been looked at. */
function useLookedAt(key: string): boolean {
  const [lookedAt, setLookedAt] = useState<string | null>(null)
  useEffect(() => {
    const timer = setTimeout(() => setLookedAt(key), READ_FIRST)
    return () => clearTimeout(timer)
  }, [key])
  return lookedAt === key
}

function isWide(): boolean {
  return window.matchMedia('(min-width: 1000px)').matches
}
