import type { Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { GATEWAY_LIMITS, type GatewayContext, type GatewayLimits } from './gateway-context.ts'
import { PendingTools } from './pending-tools.ts'
import { openPriceBook } from './prices/genai-price-book.ts'
import { resolveProviders } from './providers/resolve-providers.ts'
import { ProviderHealth } from './upstream/provider-health.ts'
import { UndiciUpstream } from './upstream/undici-upstream.ts'
import type { Upstream } from './upstream/upstream.ts'

export interface ContextOptions {
  readonly flow: Flow
  readonly policies: { current(): Policy }
  /** The store's clock, epoch ms. */
  readonly now: () => number
  /** Where keys of providers come from. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly limits?: Partial<GatewayLimits>
  readonly upstream?: Upstream
  readonly telemetry?: Telemetry
  /** Whose prompts calls may name; without it, no name is known. */
  readonly prompts?: GatewayContext['prompts']
  readonly onFault?: (error: unknown) => void
}

/** What calls of models work with: prices, connections to providers, how these are doing. */
export function openContext(options: ContextOptions): GatewayContext {
  const { flow, policies, now, env = process.env, onFault = () => undefined } = options
  const limits = { ...GATEWAY_LIMITS, ...options.limits }
  return {
    flow,
    policies,
    prompts: options.prompts ?? { named: async (ref) => ({ ref, version: null }) },
    providers: () => resolveProviders(policies.current(), env),
    prices: openPriceBook(() => policies.current()),
    upstream: options.upstream ?? new UndiciUpstream({ maxAnswer: limits.answer }),
    health: new ProviderHealth(),
    pendingTools: new PendingTools(flow, onFault),
    telemetry: options.telemetry ?? createTelemetry(),
    limits,
    now,
    onFault,
  }
}
