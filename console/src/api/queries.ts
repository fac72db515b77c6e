import { queryOptions } from '@tanstack/react-query'
import { get, renewMe } from './call.ts'
import type { Action, Agent, AgentBudget, Alarm, Approval, PageOf, Stats, StatsBy } from './answers.ts'

// The first part of a key names the subject: `live.ts` invalidates by it. Questions of one page alone stay in the
// page's folder, under the same first parts.

export const meQuery = queryOptions({ queryKey: ['me'], queryFn: renewMe, staleTime: Infinity })

export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: async ({ signal }) => (await get<{ items: Agent[] }>('/v1/agents', {}, signal)).items,
})

/** Every agent that has limits, and all together under `agent: null`. */
export const budgetsQuery = queryOptions({
  queryKey: ['budgets', 'all'],
  queryFn: async ({ signal }) =>
    (await get<{ items: readonly AgentBudget[] }>('/v1/budgets', {}, signal)).items,
})

export const pendingApprovalsQuery = queryOptions({
  queryKey: ['approvals', 'pending'],
  queryFn: async ({ signal }) =>
    get<PageOf<Approval>>('/v1/approvals', { state: 'pending', limit: 200 }, signal),
})

/** What is abnormal now. */
export const openAlarmsQuery = queryOptions({
  queryKey: ['alarms', 'open'],
  queryFn: async ({ signal }) => get<PageOf<Alarm>>('/v1/alarms', { state: 'open', limit: 200 }, signal),
})

export interface ActionFilter {
  readonly agent?: string
  readonly action?: string
  readonly state?: string
  readonly decision?: string
  readonly before?: string
  readonly limit?: number
}

export const actionsQuery = (filter: ActionFilter = {}) =>
  queryOptions({
    queryKey: ['actions', 'list', filter],
    queryFn: async ({ signal }) => get<PageOf<Action>>('/v1/actions', { ...filter }, signal),
  })

export const actionQuery = (id: string) =>
  queryOptions({
    queryKey: ['actions', 'one', id],
    queryFn: async ({ signal }) => get<Action>(`/v1/actions/${encodeURIComponent(id)}`, {}, signal),
  })

export interface StatsFilter {
  /** ISO 8601; rounded by the caller, so that the same question has the same key. */
  readonly from: string
  readonly to?: string
  /** Without it one row for all. */
  readonly by?: StatsBy | `${StatsBy},${StatsBy}`
  readonly agent?: string
  readonly action?: string
}

export const statsQuery = (filter: StatsFilter) =>
  queryOptions({
    queryKey: ['stats', filter],
    queryFn: async ({ signal }) => get<Stats>('/v1/stats', { ...filter }, signal),
  })
