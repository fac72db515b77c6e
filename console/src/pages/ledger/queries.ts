import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import { problemFrom } from '../../api/problem.ts'

export interface Witness {
  readonly name: string
  /** The largest tree that it signed. */
  readonly size: number
  readonly at: string | null
  /** Null: it signed. */
  readonly problem: 'fork' | 'rolled_back' | 'refused' | 'unreachable' | null
  readonly message: string | null
}

/** The log of one chain. */
export interface Log {
  readonly chain: string
  readonly origin: string
  readonly key: string
  readonly records: number
  readonly size: number
  /** Up to where enough witnesses signed; null where none are named. */
  readonly witnessed_size: number | null
  readonly live: boolean
  readonly witnesses: readonly Witness[]
}

export interface Logs {
  readonly key: string
  /** How many witnesses must have signed. */
  readonly quorum: number
  readonly items: readonly Log[]
}

export interface Report {
  readonly ok: boolean
  readonly chains: number
  readonly records: number
  readonly payloads: number
  readonly erased: number
  /** Those that signed what was verified. */
  readonly witnesses: readonly string[]
  readonly faults: readonly {
    readonly code: string
    readonly chain: string
    readonly seq: number
    readonly message: string
  }[]
}

export interface Erasable {
  readonly payloads: number
  readonly actions: readonly string[]
  readonly kinds: Readonly<Record<string, number>>
}

export type EraseWhat = { readonly subject: string } | { readonly action: string }

export const logsQuery = queryOptions({
  queryKey: ['ledger', 'logs'],
  queryFn: ({ signal }) => get<Logs>('/v1/ledger/logs', {}, signal),
})

/** What is no JSON. Throws `Problem`. */
export async function getText(path: string): Promise<string> {
  const response = await fetch(path, { credentials: 'same-origin', redirect: 'error' })
  if (!response.ok) throw await problemFrom(response)
  return response.text()
}

/** Hands a file to the browser to keep. */
export function saveFile(name: string, content: string, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
