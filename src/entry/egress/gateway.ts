import type { Socket } from 'node:net'
import type { Policy } from '../../policy/policy.ts'
import type { Addresses } from '../../flow/contain/addresses.ts'
import type { AgentConnection } from './agent-connection.ts'
import type { EgressOptions } from './egress.ts'
import type { RequestJudge } from './judge-request.ts'
import { refusalBytes, type Refusal } from './refusal.ts'
import type { Secrets } from './secrets.ts'
import type { UpstreamPool } from './upstream.ts'

/** What serving one agent's requests works with. */
export interface Gateway {
  readonly options: EgressOptions
  readonly policy: () => Policy
  readonly judge: RequestJudge
  readonly secrets: Secrets
  readonly addresses: Addresses
  readonly pool: UpstreamPool
  readonly counts: {
    requests: number
    refused: number
    bytesOut: number
    bytesIn: number
    nameQueries: number
  }
  /** Requests that are judged or answered, and reports on their way to the ledger: closing waits for them. */
  readonly underWay: Set<Promise<unknown>>
  /** Goes on with TLS on a connection that is for this host; `ahead`: what was read of it. */
  readonly secure: (socket: Socket, ahead: Buffer, host: string | null) => void
  readonly onFault: (error: unknown) => void
}

/** Answers a request with a refusal. Whatever of its body has not been read ends the connection. */
export function refuse(
  { counts }: Pick<Gateway, 'counts'>,
  connection: AgentConnection,
  refusal: Refusal,
  { method, close = false }: { readonly method: string; readonly close?: boolean },
): void {
  counts.refused++
  const ends = close || connection.wantsClose || connection.hasBody
  connection.write(refusalBytes(refusal, ends, method === 'HEAD'))
  connection.done(ends)
}
