import type { JsonObject } from '../../action/json.ts'
import type { ChannelDesk } from '../../channels/channel-desk.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Check } from '../../policy/check.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import type { PromptRegistry } from '../prompts/prompt-registry.ts'
import type { LedgerLog } from '../open-ledger-log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { IdentityProvider } from './people/identity-provider.ts'
import type { Logins } from './people/logins.ts'
import type { Authenticator } from './authentication.ts'
import type { ServerLimits } from './server-limits.ts'

/** What the routes work with. They turn requests into calls and answers into JSON; they never decide. */
export interface ApiContext {
  readonly flow: Flow
  readonly store: Store
  /** `loadedAt`: since when the one in force is, epoch ms. */
  readonly policies: { current(): Policy; loadedAt?(): number }
  readonly prompts: PromptRegistry
  /** What policies may name in `verify:`. */
  readonly checks: readonly Check[]
  /** Proves what the ledger holds. */
  readonly ledgerLog: LedgerLog
  /** Counts what was recorded; `null`: nothing here does. */
  readonly rollups: { caughtUp(): Promise<void> } | null
  readonly version: string
  readonly authenticator: Authenticator
  readonly logins: Logins
  /** `null`: people log in with links alone. */
  readonly openIdentityProvider: (() => Promise<IdentityProvider>) | null
  /** The processes that Belay runs for agents; `null`: this process runs none. */
  readonly supervision: { process(agent: string): JsonObject | undefined } | null
  /** `null`: this process reaches nobody. */
  readonly channels: ChannelDesk | null
  readonly metrics: Metrics
  readonly limits: ServerLimits
  /** Aborts when the server closes: waits and streams end. */
  readonly closing: AbortSignal
}
