import { queryOptions } from '@tanstack/react-query'
import { get, send } from '../../api/call.ts'
import type { Decision } from '../../api/answers.ts'

export interface Fault {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly expected: string
  readonly found: string
}

export interface PolicyFile {
  readonly path: string | null
  /** Null when it cannot be read. */
  readonly text: string | null
  readonly in_force: boolean
  readonly digest: string
  readonly loaded_at: string | null
  readonly changed_at: string | null
  readonly faults: readonly Fault[]
}

export interface Backtest {
  readonly policy: { readonly digest: string; readonly mode: string }
  readonly from: string | null
  readonly until: string | null
  readonly judged: number
  readonly changed: number
  readonly stricter: number
  readonly looser: number
  readonly not_judgeable: { readonly erased: number }
  readonly complete: boolean
  readonly groups: readonly {
    readonly action: string
    readonly before: Decision
    readonly after: Decision
    readonly code: string
    readonly message: string
    readonly count: number
    readonly examples: readonly string[]
  }[]
}

// The file may change without a record: a bad one is none.
export const fileQuery = queryOptions({
  queryKey: ['policy', 'file'],
  queryFn: ({ signal }) => get<PolicyFile>('/v1/policy/file', {}, signal),
  refetchInterval: 5_000,
})

export const lintQuery = (text: string) =>
  queryOptions({
    queryKey: ['lint', text],
    queryFn: async () =>
      (await send<{ faults: readonly Fault[] }>('POST', '/v1/policy/lint', { text })).faults,
    staleTime: Infinity,
    gcTime: 10_000,
  })

export const sentenceOfFault = ({ expected, found }: Fault): string => `expected ${expected}, found ${found}`
