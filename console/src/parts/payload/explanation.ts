import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import type { Finding } from './findings.tsx'

/** Why an action was decided so, and what became of it, as `/v1/actions/{id}/explain` answers. */
export interface Explanation {
  readonly summary: string
  readonly checks: readonly {
    readonly check: string
    readonly options: unknown
    readonly found: readonly Finding[]
  }[]
  /** Of the policy, the budget, the agent, the approval. */
  readonly reasons: readonly Finding[]
  readonly timeline: readonly {
    readonly at: number
    /** Chain and number of the record. */
    readonly record: string
    readonly what: string
    readonly details: readonly string[]
  }[]
  /** As proposed; null once it was erased. */
  readonly input: Readonly<Record<string, unknown>> | null
  readonly enforced: Readonly<Record<string, unknown>> | null
  readonly agentReason: string | null
  readonly policy: {
    readonly version: string
    readonly inForce: boolean
    readonly entry: string | null
    readonly mode: string
  }
}

/** `version`: that of the action, so that what it says is of that step. */
export const explanationQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: ['actions', 'explain', id, version],
    queryFn: async ({ signal }) =>
      get<Explanation>(`/v1/actions/${encodeURIComponent(id)}/explain`, {}, signal),
  })

/** Every reason, those of checks first. */
export function allFindings({ checks, reasons }: Explanation): readonly Finding[] {
  return [...checks.flatMap(({ found }) => found), ...reasons]
}
