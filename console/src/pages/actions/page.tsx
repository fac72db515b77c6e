import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { meQuery } from '../../api/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Page } from '../../parts/page.tsx'
import { EmptyState, ErrorNote, Loading } from '../../parts/states.tsx'
import { sentenceOf } from '../../api/problem.ts'
import { useShortcuts } from '../../parts/shortcuts.ts'
import { useFilters } from '../../parts/use-filters.ts'
import { useActionList } from './action-list.ts'
import type { ListFilter } from './action-list.ts'
import { ActionDetail } from './detail.tsx'
import { Filters, NO_FILTER } from './filters.tsx'
import { ActionList } from './list.tsx'
import { UndoManyDialog } from './undo-dialog.tsx'
import './actions.css'

export function ActionsPage() {
  const { id } = useParams({ strict: false })
  const navigate = useNavigate()
  const { data: me } = useQuery(meQuery)
  const [filter, setFilter] = useFilters(NO_FILTER as ListFilter & Readonly<Record<string, string>>)
  const [atTop, setAtTop] = useState(true)
  const [undoing, setUndoing] = useState(false)
  const { query, rows, waiting, showNew } = useActionList(filter, atTop)
  const isFiltered = Object.keys(NO_FILTER).some((name) => filter[name] !== '')

  const step = (by: 1 | -1) => (): void => {
    const place = rows.findIndex((row) => row.id === id)
    const to = rows[Math.max(0, Math.min(rows.length - 1, place + by))]
    if (to !== undefined)
      void navigate({ to: '/actions/$id', params: { id: to.id }, search: true, replace: true })
  }
  useShortcuts({ j: step(1), k: step(-1) })

  return (
    <Page
      wide
      title="Actions"
      intro="Everything that agents proposed, with what was decided and what became of it."
      actions={
        me?.permissions.includes('operate') === true && (
          <Button onClick={() => setUndoing(true)}>Undo several …</Button>
        )
      }
    >
      <div className="actions" data-view={id === undefined ? 'list' : 'detail'}>
        <div className="actions-side">
          <Filters filter={filter} onChange={setFilter} />
          {query.error !== null && rows.length === 0 ? (
            <ErrorNote>
              <p>{sentenceOf(query.error)}</p>
              <Button size="small" onClick={() => void query.refetch()}>
                Try again
              </Button>
            </ErrorNote>
          ) : query.data === undefined ? (
            <Loading lines={10} />
          ) : rows.length === 0 ? (
            <Nothing isFiltered={isFiltered} onClear={() => setFilter(NO_FILTER as never)} />
          ) : (
            <ActionList
              rows={rows}
              at={id}
              hasMore={query.hasNextPage}
              isLoading={query.isFetchingNextPage}
              onMore={() => void query.fetchNextPage()}
              waiting={waiting}
              onShowNew={() => void showNew()}
              onAtTop={setAtTop}
            />
          )}
        </div>
        {id !== undefined && (
          <div className="actions-detail">
            <p className="actions-back">
              <Link to="/actions" search>
                ← All actions
              </Link>
            </p>
            <ActionDetail key={id} id={id} />
          </div>
        )}
      </div>
      {undoing && <UndoManyDialog filter={filter} onClose={() => setUndoing(false)} />}
    </Page>
  )
}

function Nothing({ isFiltered, onClear }: { readonly isFiltered: boolean; readonly onClear: () => void }) {
  return isFiltered ? (
    <EmptyState title="No action is like that.">
      <Button onClick={onClear}>Show all actions</Button>
    </EmptyState>
  ) : (
    <EmptyState title="No agent has proposed anything yet.">
      <p>
        Make a key for an agent in the <Link to="/settings">settings</Link> and send{' '}
        <code>POST /v1/actions</code>, or try it:{' '}
        <code>belay propose note.add --agent me --input {'{}'}</code>
      </p>
    </EmptyState>
  )
}
