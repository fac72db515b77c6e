import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { get, send } from '../../api/call.ts'
import { queryClient } from '../../api/query-client.ts'
import type { Alarm, PageOf } from '../../api/answers.ts'

/** How often an alarm came is counted beside the ledger, which tells of the first time alone; ms. */
const COUNTED_EVERY = 15_000

export interface AlarmFilter {
  readonly state: string
  readonly agent: string
  readonly kind: string
}

export const alarmsQuery = (filter: AlarmFilter) =>
  infiniteQueryOptions({
    queryKey: ['alarms', 'list', filter],
    queryFn: async ({ signal, pageParam }) =>
      get<PageOf<Alarm>>('/v1/alarms', { ...filter, before: pageParam, limit: 100 }, signal),
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
    refetchInterval: COUNTED_EVERY,
  })

export const alarmQuery = (id: string) =>
  queryOptions({
    queryKey: ['alarms', 'one', id],
    queryFn: async ({ signal }) => get<Alarm>(`/v1/alarms/${encodeURIComponent(id)}`, {}, signal),
    refetchInterval: COUNTED_EVERY,
  })

/** Says what was done about an alarm. Throws `Problem`. */
export async function answerAlarm(id: string, outcome: 'acknowledge' | 'resolve'): Promise<Alarm> {
  const alarm = await send<Alarm>('POST', `/v1/alarms/${encodeURIComponent(id)}`, { outcome })
  await queryClient.invalidateQueries({ queryKey: ['alarms'] })
  return alarm
}
