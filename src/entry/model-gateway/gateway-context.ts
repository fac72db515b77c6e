import type { Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import type { PriceBook } from './prices/price-book.ts'
import type { Provider } from './providers/provider.ts'
import type { Upstream } from './upstream/upstream.ts'
import type { ProviderHealth } from './upstream/provider-health.ts'
import type { PendingTools } from './pending-tools.ts'
import type { PromptRegistry } from '../prompts/prompt-registry.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/** Bounds of the gateway. Times are milliseconds, sizes bytes. */
export interface GatewayLimits {
  readonly body: number
  readonly answer: number
  readonly jsonDepth: number
  readonly jsonNodes: number
  /** One server-sent event of a provider. */
  readonly event: number
  /** Tokens for an answer where neither the agent nor the policy says how many. */
  readonly defaultMaxTokens: number
  /** Characters of texts that are kept with the record of an answer. */
  readonly keptText: number
  /** How long calls in flight may go on when the gateway closes. */
  readonly closing: number
}

export const GATEWAY_LIMITS: GatewayLimits = {
  body: 32 * 1024 * 1024,
  answer: 64 * 1024 * 1024,
  jsonDepth: 128,
  jsonNodes: 1_000_000,
  event: 8 * 1024 * 1024,
  defaultMaxTokens: 16_384,
  keptText: 262_144,
  closing: 4_000,
}

/** What every part of the gateway works with. */
export interface GatewayContext {
  readonly flow: Flow
  readonly policies: { current(): Policy }
  readonly prompts: Pick<PromptRegistry, 'named'>
  readonly providers: () => ReadonlyMap<string, Provider>
  readonly prices: PriceBook
  readonly upstream: Upstream
  readonly health: ProviderHealth
  readonly pendingTools: PendingTools
  readonly telemetry: Telemetry
  readonly limits: GatewayLimits
  readonly now: () => number
  readonly onFault: (error: unknown) => void
}
