import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'

export interface ChainHead {
  readonly chain: string
  readonly seq: number
  readonly hash: string
}

/** Where every chain stands, signed by this installation. */
export interface Checkpoint {
  readonly at: number
  readonly chains: readonly ChainHead[]
  readonly public_key: string
  readonly signature: string
}

export interface Report {
  readonly ok: boolean
  readonly chains: number
  readonly records: number
  readonly payloads: number
  readonly erased: number
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

export const checkpointQuery = queryOptions({
  queryKey: ['ledger', 'checkpoint'],
  queryFn: ({ signal }) => get<Checkpoint>('/v1/ledger/checkpoint', {}, signal),
})

/** Hands a file to the browser to keep. */
export function saveFile(name: string, content: string, type = 'application/json'): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
