import type { NetworkHandover } from '../../flow/contain/sandbox/provider.ts'
import type { Policy } from '../../policy/policy.ts'
import type { ActionDoor } from '../mcp-gateway/action-door.ts'

/** The pipeline as the egress gateway uses it: `flowDoor` in this process, `apiDoor` of a running harness. */
export type EgressDoor = Pick<
  ActionDoor,
  'propose' | 'get' | 'wait' | 'start' | 'cancel' | 'finish' | 'report'
>

export interface EgressOptions {
  readonly agent: string
  /** The session of every request. */
  readonly session?: string
  readonly door: EgressDoor
  readonly policies: { current(): Policy }
  /** The data folder, where the certificate authority of the installation lies. */
  readonly data: string
  /** Where the model gateway answers and the agent's own key (`blk_…`) for it; `null`: models are hosts like others. */
  readonly models: { readonly url: string; readonly key: string } | null
  /** Where values of `secrets:` that are `$NAME` come from. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** `quotas.requests`: after so many requests, all are refused. */
  readonly requests?: number
  /** A quota that the gateway counts was hit: called once for each. Made for `sandbox.kill(cause)`. */
  readonly onQuota?: (cause: 'requests' | 'budget') => void
  readonly onFault?: (error: unknown) => void
  /** Addresses of a host, IPv4 or IPv6. Default: the resolver of this machine. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
  /** Certificates that servers are verified by, PEM. Default: those that Node trusts. */
  readonly trusted?: readonly string[]
}

/** What went out of one agent's sandbox. */
export interface EgressCounts {
  readonly requests: number
  /** Requests that the policy or the gateway refused. */
  readonly refused: number
  readonly bytesOut: number
  readonly bytesIn: number
  readonly nameQueries: number
}

/** One agent's way out, for the length of one run of its sandbox. */
export interface Egress {
  /** For `SandboxSpec.network`. */
  readonly handover: NetworkHandover
  /** For `SandboxSpec.ca`: PEM of the authority that signs for every host the agent sees. */
  readonly ca: string
  /**
   * For `SandboxSpec.env`: a placeholder for each of the agent's secrets, and the variables by which programs find
   * the authorities they trust.
   */
  readonly env: Readonly<Record<string, string>>
  counts(): EgressCounts
  /** Cuts every connection, closes the sockets, records what was under way. */
  close(): Promise<void>
}
