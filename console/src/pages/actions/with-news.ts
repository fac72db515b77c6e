import type { InfiniteData } from '@tanstack/react-query'
import type { PageOf } from '../../api/answers.ts'
import type { ActionRow, ListFilter } from './action-list.ts'

type Loaded = InfiniteData<PageOf<ActionRow>, string | undefined>

/**
 * The loaded list with a newer first page and rows that changed. Ids are ordered by time. A row that the filter no
 * longer lets through goes; where the first page does not reach down to what was loaded, only it remains, so that
 * there is never a gap in the list.
 */
export function withNews(
  loaded: Loaded,
  filter: ListFilter,
  head: PageOf<ActionRow> | null,
  changed: readonly ActionRow[],
): Loaded {
  const before = loaded.pages.flatMap(({ items }) => items)
  const newest = before[0]?.id
  const lowest = head?.items.at(-1)?.id
  const isAll = head !== null && head.next === null
  if (head !== null && (isAll || newest === undefined || lowest === undefined || lowest > newest))
    return { pages: [head], pageParams: [undefined] }

  const fresh = new Map(changed.map((row) => [row.id, row]))
  const headIds = new Set(head?.items.map(({ id }) => id))
  const pages = loaded.pages.map((page) => ({
    ...page,
    items: page.items.flatMap((row) => {
      if (lowest !== undefined && row.id >= lowest) return []
      const now = fresh.get(row.id)
      if (now === undefined || now.version < row.version) return [row]
      return passes(now, filter) ? [now] : []
    }),
  }))
  if (head === null) return { ...loaded, pages }
  const [first, ...others] = pages
  return {
    ...loaded,
    pages: [
      {
        items: [...head.items, ...(first?.items.filter(({ id }) => !headIds.has(id)) ?? [])],
        next: first?.next ?? null,
      },
      ...others,
    ],
  }
}

function passes(row: ActionRow, { agent, action, state, decision, session }: ListFilter): boolean {
  return (
    (agent === '' || row.agent === agent) &&
    (action === '' || row.action === action) &&
    (state === '' || row.state === state) &&
    (decision === '' || row.decision === decision) &&
    (session === '' || row.session === session)
  )
}
