import type { Action } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { HealRule, ModelChoice } from '../../policy/policy.ts'
import type { Called } from './called.ts'
import type { GatewayContext } from './gateway-context.ts'
import { planCall, type IncomingCall, type Plan } from './plan-call.ts'
import { formatFor } from './wire-formats/index.ts'

const FIRST_BACKOFF_MS = 250

/** What a plan is made from. */
export type Target = Pick<Plan, 'provider' | 'format' | 'route' | 'path' | 'body' | 'bytes' | 'cause'>

/** With little budget left, what is not urgent goes to the cheaper model; of an agent whose rule says so, everything. */
export async function thrifty(
  { flow, policies, providers }: GatewayContext,
  incoming: IncomingCall,
  target: Target,
  { lowBudget }: HealRule,
): Promise<Target> {
  const policy = policies.current()
  const downgrade = policy.agent(incoming.agent)?.downgrade
  const low = incoming.lowPriority ? lowBudget : null
  if ((low === null && downgrade === undefined) || target.body === null || policy.mode === 'observe')
    return target
  const left = await flow.budgetLeft(incoming.agent, incoming.session)
  const isGone = downgrade !== undefined && 1 - left >= downgrade.at
  const use = low !== null && left < low.below ? low.use : isGone ? downgrade.use : null
  const cheaper = use === null ? null : withModel(providers(), target, use, null)
  return cheaper === null ? target : { ...cheaper, cause: { action: null, why: 'low_budget' } }
}

/** The same prompt with the reason why the last answer was rejected. */
export function corrected(
  plan: Plan,
  action: Action,
  called: Called & { readonly kind: 'rejected' },
): Target | null {
  if (plan.body === null || called.status === 'not called') return null
  const reasons = called.verdict?.reasons.map(({ message }) => message).join(' ') ?? ''
  const correction = `Your last answer was rejected: ${reasons} Answer again so that this no longer applies.`
  const body = plan.format.rewriteRequest(plan.body, { correction }, plan.route)
  return { ...plan, body, bytes: null, cause: { action: action.id, why: 'answer_rejected' } }
}

/** The next model that can be called; `choices` loses those that were tried. What has no price there is passed over. */
export function fallenBack(
  context: GatewayContext,
  incoming: IncomingCall,
  plan: Plan,
  action: Action,
  called: Called,
  choices: ModelChoice[],
): Plan | null {
  const cause = { action: action.id, why: `provider_failed: ${called.status}` }
  for (let choice = choices.shift(); choice !== undefined; choice = choices.shift()) {
    const target = withModel(context.providers(), { ...plan, cause }, choice, incoming.method)
    if (target === null) continue
    try {
      return planCall(context, incoming, target)
    } catch (error) {
      if (!(error instanceof BelayError)) throw error
    }
  }
  return null
}

/** The same request for another model; `null` where it cannot be: another protocol, no key, the same model again. */
function withModel(
  known: ReturnType<GatewayContext['providers']>,
  target: Target,
  choice: ModelChoice,
  method: string | null,
): Target | null {
  const provider = choice.provider === null ? target.provider : known.get(choice.provider)
  const { format, body, route } = target
  if (provider === undefined || provider.protocol !== format.protocol || body === null) return null
  if (provider.key === null && provider.keyVariable !== null) return null
  const changes = { model: choice.model }
  const path = format.rewritePath?.(target.path, changes) ?? target.path
  const matched = formatFor(format.protocol, method ?? 'POST', path)
  const changed = format.rewriteRequest(body, changes, route)
  return { ...target, provider, path, route: matched?.route ?? route, body: changed, bytes: null }
}

/** Before a further attempt where the provider does not say how long, ms. */
export function backoff(retry: number): number {
  return FIRST_BACKOFF_MS * 2 ** Math.min(retry, 6) * (0.75 + Math.random() / 2)
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
