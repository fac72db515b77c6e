import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'

export const ROLES = ['viewer', 'operator', 'approver', 'auditor', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface AgentKey {
  readonly id: string
  readonly agent: string
  readonly created_at: string
  readonly revoked_at: string | null
  /** In the answer that made it, and nowhere else. */
  readonly key?: string
}

export interface Login {
  readonly id: string
  readonly kind: 'link' | 'login'
  readonly by: string
  readonly via: 'link' | 'oidc'
  readonly roles: readonly Role[]
  readonly created_at: string
  readonly seen_at: string
  readonly expires_at: string
  readonly current: boolean
}

export interface People {
  readonly oidc: { readonly issuer: string } | null
  readonly public_url: string | null
  readonly login: { readonly idle_seconds: number; readonly longest_seconds: number }
  readonly roles: Readonly<Record<Role, readonly string[]>>
  readonly approvers: Readonly<Record<string, readonly string[]>>
}

export interface Channel {
  readonly name: string
  readonly configured: boolean
  readonly open: boolean
  readonly missing: string | null
  readonly delivered_at: string | null
  readonly failed_at: string | null
  readonly failure: string | null
}

export interface Standing {
  readonly id: string
  readonly agent: string
  readonly action: string
  readonly targets: readonly string[]
  readonly input: Readonly<Record<string, unknown>>
  readonly max_count: number
  readonly used: number
  readonly max_sum: { readonly path: string; readonly limit: number; readonly used: number } | null
  readonly reason: string
  readonly state: string
  readonly granted_by: readonly { readonly by: string; readonly at: string }[]
  readonly created_by: string
  readonly expires_at: string
}

export interface Absence {
  readonly id: string
  readonly person: string
  readonly substitute: string
  readonly from: string
  readonly until: string
  readonly reason: string | null
  readonly active: boolean
}

const items = async <T>(path: string, signal: AbortSignal): Promise<readonly T[]> =>
  (await get<{ items: readonly T[] }>(path, {}, signal)).items

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }) => items<AgentKey>('/v1/keys', signal),
})

export const loginsQuery = queryOptions({
  queryKey: ['logins'],
  queryFn: ({ signal }) => items<Login>('/v1/logins', signal),
})

export const peopleQuery = queryOptions({
  queryKey: ['policy', 'people'],
  queryFn: ({ signal }) => get<People>('/v1/people', {}, signal),
})

export const channelsQuery = queryOptions({
  queryKey: ['channel'],
  queryFn: ({ signal }) => items<Channel>('/v1/channels', signal),
})

export const standingQuery = queryOptions({
  queryKey: ['standing'],
  queryFn: ({ signal }) => items<Standing>('/v1/standing-approvals?open=true&limit=200', signal),
})

export const absencesQuery = queryOptions({
  queryKey: ['absence'],
  queryFn: ({ signal }) => items<Absence>('/v1/absences', signal),
})
