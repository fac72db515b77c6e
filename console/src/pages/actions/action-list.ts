import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import type { InfiniteData } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { get } from '../../api/call.ts'
import { useRecords } from '../../api/live.ts'
import { Problem } from '../../api/problem.ts'
import type { Action, LedgerRecord, PageOf } from '../../api/answers.ts'
import { withNews } from './with-news.ts'

export type ActionRow = Action & {
  readonly effect?: 'read' | 'write' | 'irreversible'
  readonly proposed_by?: string
  readonly tool_schema_version?: string
  readonly cause?: string
}

export interface ListFilter {
  readonly agent: string
  readonly action: string
  readonly state: string
  readonly decision: string
  readonly since: string
  readonly session: string
}

type Loaded = InfiniteData<PageOf<ActionRow>, string | undefined>

const PAGE = 100
/** Changes that come one upon another are asked for together, ms. */
const GATHER = 200
/** More changed rows than this at a time, and the list is asked for anew. */
const MAX_SINGLE = 20

const ask = (filter: ListFilter, before?: string, signal?: AbortSignal): Promise<PageOf<ActionRow>> =>
  get('/v1/actions', { ...filter, before, limit: PAGE }, signal)

/**
 * The actions that the filter lets through, newest first, page by page as one scrolls, and live: new ones come at the
 * top while `atTop`, else they are only counted; loaded ones change in their place. The first part of the key is not
 * `actions`: an event would ask for every loaded page again.
 */
export function useActionList(filter: ListFilter, atTop: boolean) {
  const client = useQueryClient()
  const queryKey = ['list-of-actions', filter] as const
  const query = useInfiniteQuery({
    queryKey,
    queryFn: async ({ pageParam, signal }) => ask(filter, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    // It keeps itself up to date; what was left is asked for again.
    staleTime: 0,
    refetchOnWindowFocus: false,
    gcTime: 0,
  })
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? []
  const [waiting, setWaiting] = useState<ReadonlySet<string>>(new Set())
  const changed = useRef(new Set<string>())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const flush = async (): Promise<void> => {
    timer.current = undefined
    const ids = [...changed.current]
    changed.current.clear()
    const data = client.getQueryData<Loaded>(queryKey)
    if (data === undefined) return
    const loaded = new Set(data.pages.flatMap(({ items }) => items.map(({ id }) => id)))
    const unknown = ids.filter((id) => !loaded.has(id))
    const known = ids.filter((id) => loaded.has(id))
    try {
      if (known.length > MAX_SINGLE) {
        await client.invalidateQueries({ queryKey })
        return
      }
      const [head, ...ones] = await Promise.all([
        atTop && unknown.length > 0 ? ask(filter) : null,
        ...known.map(async (id) => get<ActionRow>(`/v1/actions/${encodeURIComponent(id)}`)),
      ])
      if (head === null && unknown.length > 0) setWaiting((now) => new Set([...now, ...unknown]))
      client.setQueryData<Loaded>(queryKey, (now) => now && withNews(now, filter, head, ones))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
    }
  }
  useRecords(({ action }: LedgerRecord) => {
    if (action === null) return
    changed.current.add(action)
    timer.current ??= setTimeout(() => void flush(), GATHER)
  })
  useEffect(() => () => clearTimeout(timer.current), [])

  return {
    query,
    rows,
    /** How many came while one looked further down; perhaps not all of them pass the filter. */
    waiting: waiting.size,
    showNew: async (): Promise<void> => {
      setWaiting(new Set())
      const head = await ask(filter)
      client.setQueryData<Loaded>(queryKey, (now) => now && withNews(now, filter, head, []))
    },
  }
}
