import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { get } from '../../api/call.ts'
import { pendingApprovalsQuery } from '../../api/queries.ts'
import type { PageOf } from '../../api/answers.ts'
import { useGone } from './inbox-memory.ts'
import { inboxItem, inOrder } from './inbox-item.ts'
import type { ApprovalAnswer, InboxItem } from './inbox-item.ts'
import { likeActions } from './like-actions.ts'
import type { Batch } from './like-actions.ts'

/** States of which nothing more comes: these are not asked for again. */
const FINAL: ReadonlySet<string> = new Set(['denied', 'expired', 'cancelled', 'failed', 'undone'])

const approvalQuery = (id: string) => ({
  queryKey: ['approvals', 'one', id],
  queryFn: async ({ signal }: { signal: AbortSignal }) =>
    get<ApprovalAnswer>(`/v1/approvals/${encodeURIComponent(id)}`, {}, signal),
  enabled: ({ state: { data } }: { state: { data?: ApprovalAnswer | undefined } }) =>
    data === undefined || !FINAL.has(data.action.state),
})

export interface Inbox {
  readonly query: ReturnType<typeof useQuery<PageOf<ApprovalAnswer>>>
  /** Those that wait, like with like, soonest to expire first. */
  readonly batches: readonly Batch<InboxItem>[]
  /** The same in one row, as they stand on the screen. */
  readonly pending: readonly InboxItem[]
  /** Decided, by whomever, since this page was opened; the newest first. */
  readonly decided: readonly InboxItem[]
  readonly find: (id: string) => InboxItem | undefined
  /** There is no such approval as the one that is shown. */
  readonly missing: boolean
  /** There are more than the list can hold. */
  readonly more: boolean
}

/**
 * What waits for people, live. What leaves the list is not dropped from under one's eyes: it is asked what became of
 * it. `shown` is kept even if it was never in the list, such as from a link.
 */
export function useInbox(shown: string | undefined): Inbox {
  const query = useQuery(pendingApprovalsQuery) as unknown as Inbox['query']
  const pending = useMemo(
    () => inOrder((query.data?.items ?? []).map((approval) => inboxItem(approval))),
    [query.data],
  )
  const gone = useGone(query.data?.items.map(({ id }) => id))
  const wanted = useMemo(() => {
    const known = new Set(pending.map(({ id }) => id))
    const ids = gone.filter((id) => !known.has(id))
    if (shown !== undefined && !known.has(shown) && !ids.includes(shown) && query.data !== undefined)
      ids.unshift(shown)
    return ids
  }, [gone, pending, shown, query.data])
  const answers = useQueries({ queries: wanted.map((id) => approvalQuery(id)) })
  const decided = answers.flatMap(({ data }) => (data === undefined ? [] : [inboxItem(data)]))
  const batches = useMemo(() => likeActions(pending), [pending])
  const flat = useMemo(() => batches.flatMap(({ items }) => items), [batches])
  const find = (id: string): InboxItem | undefined =>
    flat.find((item) => item.id === id) ?? decided.find((item) => item.id === id)
  const asked = wanted.indexOf(shown ?? '')
  return {
    query,
    batches,
    pending: flat,
    decided: decided.filter((item) => !item.pending),
    find,
    missing: asked >= 0 && answers[asked]?.isError === true,
    more: typeof query.data?.next === 'string',
  }
}
