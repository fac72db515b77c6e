import type { Tags } from '../../action/tags.ts'
import { withTags } from '../tags.ts'
import type { Proposal } from '../../action/action.ts'
import { sha256 } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import { rememberRecent } from '../../action/recent-texts.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { NanoUsd } from '../../action/money.ts'
import type { Policy } from '../../policy/policy.ts'
import type { NamedPrompt } from '../prompts/prompt-registry.ts'
import { promptFacts, promptInput } from '../prompts/recognise.ts'
import { decisionFacts } from './call-record.ts'
import type { GatewayContext } from './gateway-context.ts'
import { joinTexts } from './joined-text.ts'
import type { ModelRequest } from './model-call.ts'
import { inputBound } from './prices/input-bound.ts'
import type { ModelPrice } from './prices/price-book.ts'
import type { Provider } from './providers/provider.ts'
import type { RouteMatch, WireFormat } from './wire-formats/wire-format.ts'

/** The request as it came from the agent, read once. */
export interface IncomingCall {
  readonly agent: string
  readonly method: string
  /** Behind the provider's base URL, without the query. */
  readonly path: string
  /** With its question mark, without any key; empty when there is none. */
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly session: string | undefined
  readonly lowPriority: boolean
  /** This model answers or none: no other takes its place, and nothing is added to the prompt. */
  readonly pinned?: true
  readonly reason: string | undefined
  readonly release: string | undefined
  readonly tags?: Tags | undefined
  /** What the header `belay-prompt` names; `null` without one. */
  readonly prompt: NamedPrompt | null
  readonly trace: Proposal['trace']
  readonly startedAt: number
}

/** One action's worth of a call: what goes to which model, and what it can cost at most. */
export interface Plan {
  readonly provider: Provider
  readonly format: WireFormat
  readonly route: RouteMatch
  /** Behind the provider's base URL, without the query. */
  readonly path: string
  readonly body: JsonObject | null
  /** The bytes that `body` was read from, while nothing is changed. */
  readonly bytes: Buffer | null
  readonly request: ModelRequest
  /** `null`: the call has no price of its own (lists, counts, what is passed through). */
  readonly price: ModelPrice | null
  /** The most that is billed beside the tokens, or above their listed price, as the policy declares it. */
  readonly unlisted: NanoUsd
  readonly inputTokens: number
  readonly prompt: JsonObject | null
  /** Why it is not what the agent asked for: the action that it heals, where there was one. */
  readonly cause: { readonly action: string | null; readonly why: string } | null
}

const LONGEST_MODEL = 200
/** An answer of fewer tokens is no answer: with less room the call is refused. */
const LEAST_OUTPUT = 16

/** Reads the request for one provider and model. Throws `model:unknown_price`, `input:invalid` … */
export function planCall(
  context: GatewayContext,
  incoming: IncomingCall,
  target: Pick<Plan, 'provider' | 'format' | 'route' | 'path' | 'body' | 'bytes' | 'cause'>,
): Plan {
  const { format, route, provider, body, bytes } = target
  const request = format.readRequest(body ?? {}, route)
  if (request.model !== null && request.model.length > LONGEST_MODEL)
    throw new BelayError('input:too_large', {
      where: 'model',
      max: `${LONGEST_MODEL} characters`,
      got: String(request.model.length),
    })
  const price = priceOf(context, provider, format, request)
  const size = bytes?.length ?? (body === null ? 0 : Buffer.byteLength(JSON.stringify(body)))
  const unlisted = price === null ? 0 : unlistedCost(context.policies.current(), format, request, provider)
  const inputTokens =
    price === null ? 0 : inputBound(size, request.media, price, request.toolSchemas !== null)
  if (!Number.isFinite(inputTokens))
    throw new BelayError('model:unbounded_prompt', { provider: provider.name, model: request.model ?? '' })
  return { ...target, request, price, unlisted, inputTokens, prompt: promptOf(incoming, request) }
}

/** What the flow is asked. Where the agent sets no limit of tokens, the cost is elastic: down to a short answer. */
export function proposalOf(context: GatewayContext, incoming: IncomingCall, plan: Plan): Proposal {
  const { request, provider, price, unlisted, inputTokens, format } = plan
  const wanted = wantedTokens(context, plan)
  const session = incoming.session ?? request.session ?? undefined
  return {
    agent: incoming.agent,
    action: format.operation,
    input: inputOf(plan),
    interceptionPoint: format.operation === 'model.generate' ? 'pre_model_call' : 'pre_tool_call',
    target: provider.name,
    ...(session !== undefined && { session }),
    ...(incoming.reason !== undefined && { reason: incoming.reason }),
    ...(incoming.release !== undefined && { release: incoming.release }),
    ...(incoming.trace && { trace: incoming.trace }),
    ...(price !== null && { cost: unlisted + price.worst(inputTokens, wanted) }),
    ...(price !== null &&
      setsLimit(plan) && {
        costAtLeast: unlisted + price.worst(inputTokens, Math.min(wanted, LEAST_OUTPUT * request.answers)),
      }),
    ...withTags(decisionFacts(plan, price), incoming.tags),
  }
}

/** What the policy judges. */
export function inputOf({ request, provider, path, format, prompt }: Plan): JsonObject {
  if (format.operation === 'model.request') return { provider: provider.name, path }
  const named = promptInput(prompt)
  return {
    provider: provider.name,
    model: request.model,
    text: joinTexts(request.texts.map(({ text }) => text)),
    max_tokens: request.maxTokens,
    tools: request.tools,
    stream: request.stream,
    ...(named !== undefined && { prompt: named }),
    ...(request.media.images > 0 && { images: request.media.images }),
    ...(request.media.hosted.length > 0 && { hosted_tools: request.media.hosted }),
  }
}

/** The client did not ask for server-sent events where the protocol streams a JSON array without them (Gemini). */
export function wantsArray(query: string, { format, request }: Plan): boolean {
  const asked = format.stream?.sseQuery
  if (asked === undefined || !request.stream) return false
  return new URLSearchParams(query).get(asked.name) !== asked.value
}

/** The gateway limits the answer, because the agent did not and somebody pays for it. */
export function setsLimit({ format, request, price }: Plan): boolean {
  return (
    format.operation === 'model.generate' &&
    request.maxTokens === null &&
    price !== null &&
    price.worst(0, 1) > 0
  )
}

/** Tokens of all answers together that the call may have at most. */
function wantedTokens({ limits }: GatewayContext, plan: Plan): number {
  const { request, price, format } = plan
  if (format.operation !== 'model.generate') return 0
  const one =
    request.maxTokens ??
    Math.min(limits.defaultMaxTokens, price?.maxOutput ?? Infinity, price?.contextWindow ?? Infinity)
  return one * request.answers
}

/** Tokens for one answer that the reserved amount pays for. */
export function grantedTokens(context: GatewayContext, plan: Plan, reserved: number): number {
  const { price, unlisted, inputTokens, request } = plan
  const wanted = wantedTokens(context, plan) / request.answers
  if (price === null) return wanted
  return Math.min(wanted, Math.floor(price.affordable(reserved - unlisted, inputTokens) / request.answers))
}

function priceOf(
  { prices }: GatewayContext,
  provider: Provider,
  { operation }: WireFormat,
  { model }: ModelRequest,
): ModelPrice | null {
  if (operation !== 'model.generate' && operation !== 'model.embed') return null
  const price = model === null ? undefined : prices.price(provider.name, model)
  if (price === undefined)
    throw new BelayError('model:unknown_price', { provider: provider.name, model: model ?? 'no model' })
  return price
}

/**
 * What is passed through unread has no price but the one that the policy declares, and never none by silence.
 * Throws `model:unpriced_request`.
 */
export function refuseUnpriced(policy: Policy, plan: Plan, method: string): void {
  if (plan.format.operation !== 'model.request' || method === 'GET' || plan.provider.local === true) return
  if ((policy.action('model.request')?.cost ?? 0) > 0 || policy.action('model.request') === undefined) return
  throw new BelayError('model:unpriced_request', { method, path: plan.path })
}

/** Options under which a vendor bills more than its price list says. */
const DEARER: Readonly<Record<string, (value: unknown) => boolean>> = {
  service_tier: (value) => value === 'priority' || value === 'fast',
  speed: (value) => value === 'fast',
  inference_geo: (value) => value !== 'global',
}

/**
 * Tools that the provider runs and options above the listed price need a worst case that the policy declares:
 * `cost_usd` of the entry is added to what the tokens can cost. Throws `model:unpriced_option`.
 */
function unlistedCost(
  policy: Policy,
  { operation }: WireFormat,
  { params, media }: ModelRequest,
  provider: Provider,
): NanoUsd {
  const option =
    media.hosted[0] ??
    Object.keys(DEARER).find((name) => params[name] != null && DEARER[name]?.(params[name]))
  if (option === undefined || provider.local === true) return 0
  const declared = policy.action(operation)?.cost ?? 0
  // Without an entry the policy refuses the call by itself.
  if (declared === 0 && policy.action(operation) !== undefined)
    throw new BelayError('model:unpriced_option', { option: option.slice(0, 100), action: operation })
  return declared
}

/** Calls of one agent mostly begin with the same words. */
const digestOfSystem = rememberRecent((text) => `sha256:${sha256(text)}`)

/** Prompts that nobody registered are known by the digest of what the system says. */
function promptOf({ prompt }: IncomingCall, { texts }: ModelRequest): JsonObject | null {
  const system = texts.filter(({ role }) => role === 'system').map(({ text }) => text)
  return promptFacts(prompt, texts, system.length === 0 ? null : digestOfSystem(joinTexts(system)))
}
