import type { Action, DoorReport } from '../../action/action.ts'
import type { HealRule, ModelChoice } from '../../policy/policy.ts'
import type { Admitted } from '../../flow/flow.ts'
import type { AnswerSink } from './answer-sink.ts'
import { awaitApproval } from './await-approval.ts'
import { callProvider } from './call-provider.ts'
import type { Called } from './called.ts'
import { outcomeFacts, type AttemptNote, type CallEnd } from './call-record.ts'
import { factOf, lostFact, refusedFact, startOf } from './observed-call.ts'
import type { OpenCall } from '../telemetry/telemetry.ts'
import type { GatewayContext } from './gateway-context.ts'
import { splitTexts } from './joined-text.ts'
import { judgeToolCalls } from './judge-tool-calls.ts'
import type { RequestChanges } from './model-call.ts'
import { refusal } from './model-errors.ts'
import {
  grantedTokens,
  planCall,
  proposalOf,
  refuseUnpriced,
  setsLimit,
  wantsArray,
  type IncomingCall,
  type Plan,
} from './plan-call.ts'
import { responseHeaders } from './upstream/headers.ts'
import { retryAfter } from './upstream/retry-after.ts'
import { formatFor } from './wire-formats/index.ts'

const NO_HEALING: HealRule = { retries: 0, maxWait: 0, fallback: [], rejected: 0, lowBudget: null }
const FIRST_BACKOFF_MS = 250
const RESHAPING = ['alt', '$alt', 'fields', '$fields', 'callback', '$callback']

type Target = Pick<Plan, 'provider' | 'format' | 'route' | 'path' | 'body' | 'bytes' | 'cause'>

/**
 * One call of an agent, from the proposal to the last byte. One action is one model and one prompt, billed once: what
 * costs nothing (a rate limit, a refused connection) is tried again within it; another model, or a prompt with a
 * correction, is an action of its own, judged and reserved anew.
 */
export async function serveCall(
  context: GatewayContext,
  incoming: IncomingCall,
  asked: Target,
  sink: AnswerSink,
): Promise<void> {
  const heal = context.policies.current().action(asked.format.operation)?.heal ?? NO_HEALING
  let plan = planCall(context, incoming, await thrifty(context, incoming, asked, heal))
  refuseUnpriced(context.policies.current(), plan, incoming.method)
  context.pendingTools.report(incoming.agent, plan.request.toolResults)
  const fallback = [...heal.fallback]
  let rejections = 0
  for (;;) {
    const before = context.settling.of(incoming.agent)
    if (before !== undefined) await before
    const proposed = await context.flow.propose(proposalOf(context, incoming, plan), {
      venue: 'belay',
      start: true,
    })
    const awaited = await awaitApproval(context, proposed, sink.left)
    const start = startOf(context, incoming, plan)
    if (awaited.status === 'refused') {
      context.telemetry.modelCall(refusedFact(start, plan, proposed.action, awaited.reasons))
      sink.error(plan.provider.protocol, refusal(awaited.reasons), proposed.action.id)
      return
    }
    const { action } = awaited.admitted
    const opened = context.telemetry.begin(start)
    const attempts: AttemptNote[] = []
    const called = await attempt(
      context,
      incoming,
      plan,
      awaited.admitted,
      sink,
      heal,
      opened,
      attempts,
    ).catch(async (error: unknown) => {
      await context.flow.report(action.id, { outcome: 'unknown' }).catch(context.onFault)
      context.telemetry.modelCall(lostFact(start, plan, action), opened)
      throw error
    })
    const end = endOf(called, attempts)
    const report = reportOf(plan, called, end)
    const reporting = context.flow.report(action.id, report)
    context.settling.add(incoming.agent, reporting)
    context.telemetry.modelCall(factOf(context, start, plan, awaited.admitted, end, report), opened)
    reporting.catch(context.onFault)
    if (called.kind === 'answered') return
    const next = sink.left.aborted
      ? null
      : called.kind === 'rejected'
        ? rejections++ < heal.rejected
          ? corrected(plan, action, called)
          : null
        : called.transient
          ? fallenBack(context, incoming, plan, action, called, fallback)
          : null
    if (next === null) {
      answerFailure(plan, action, called, sink)
      return
    }
    plan = planCall(context, incoming, next)
  }
}

/** Tries until something was billed, was answered, or waiting is no use. */
async function attempt(
  context: GatewayContext,
  incoming: IncomingCall,
  plan: Plan,
  admitted: Admitted,
  sink: AnswerSink,
  heal: HealRule,
  opened: OpenCall | null,
  notes: AttemptNote[],
): Promise<Called> {
  const { action } = admitted
  const outgoing = outgoingOf(context, incoming, plan, admitted)
  if (outgoing === undefined) return unredactable(admitted)
  const origin = plan.provider.baseUrl
  const session = incoming.session ?? plan.request.session ?? undefined
  const headers =
    opened === null ? incoming.headers : { ...incoming.headers, traceparent: opened.traceparent }
  let waited: number | undefined
  for (let retry = 0; ; retry++) {
    const startedAt = performance.now()
    const ticket = context.health.admit(origin)
    const called =
      typeof ticket === 'number'
        ? leftAlone(plan, ticket)
        : await callProvider(context, {
            plan,
            action,
            incoming,
            sink,
            path: outgoing.path,
            body: outgoing.body,
            rule: context.policies.current().action(plan.format.operation)?.result ?? null,
            maxTokens:
              plan.price === null || plan.price.worst(0, 1) === 0
                ? Infinity
                : grantedTokens(context, plan, action.cost) * plan.request.answers,
            asArray: wantsArray(incoming.query, plan),
            headers,
            judgeCalls: (calls) =>
              judgeToolCalls(context, calls, {
                agent: incoming.agent,
                session,
                trace: incoming.trace,
                action,
                signal: sink.left,
              }),
          })
    notes.push({
      provider: plan.provider.name,
      model: plan.request.model,
      status: called.status,
      ms: Math.round(performance.now() - startedAt),
      ...(waited !== undefined && { waited }),
    })
    const asked = called.kind === 'failed' ? retryAfter(called.headers, Date.now()) : undefined
    if (typeof ticket !== 'number') {
      if (called.kind !== 'failed') ticket.succeeded()
      else if (sink.left.aborted) ticket.dropped()
      else if (typeof called.status === 'number' && called.status < 500) ticket.succeeded()
      else ticket.failed(asked)
    }
    if (called.kind !== 'failed' || !called.transient || called.cost > 0 || retry >= heal.retries)
      return called
    const wait = asked ?? (typeof ticket === 'number' ? ticket : backoff(retry))
    if (wait > heal.maxWait || sink.left.aborted || isOver(context, action, wait)) return called
    waited = Math.round(wait)
    await pause(wait, sink.left)
    if (sink.left.aborted) return called
  }
}

/** What goes to the provider: the bytes of the agent where nothing has to change. `undefined`: a redaction cannot be brought back into the request. */
function outgoingOf(
  context: GatewayContext,
  incoming: IncomingCall,
  plan: Plan,
  { action, input }: Admitted,
): { readonly path: string; readonly body: Buffer | null } | undefined {
  const { body, bytes, format, route, request } = plan
  const path = plan.path + queryOf(incoming, plan)
  if (body === null) return { path, body: bytes }
  let texts: Map<number, string> | undefined
  if (action.effective === 'transform') {
    const before = request.texts.map(({ text }) => text)
    const { text } = input
    const after = typeof text === 'string' ? splitTexts(text, before) : undefined
    if (after === undefined) return undefined
    texts = new Map([...after.entries()].filter(([index, changed]) => changed !== before[index]))
  }
  const changes: RequestChanges = {
    ...(texts !== undefined && { texts }),
    ...(setsLimit(plan) && { maxTokens: grantedTokens(context, plan, action.cost) }),
    ...(request.stream && { usageInStream: true }),
    maxTokensMember: plan.provider.maxTokensMember ?? 'max_tokens',
  }
  if (texts === undefined && !request.stream && !setsLimit(plan) && bytes !== null)
    return { path, body: bytes }
  const changed = format.rewriteRequest(body, changes, route)
  return { path, body: changed === body && bytes !== null ? bytes : Buffer.from(JSON.stringify(changed)) }
}

/** Providers are always asked for server-sent events, also where the client is answered by a JSON array. */
function queryOf({ query }: IncomingCall, { format, request }: Plan): string {
  if (format.protocol !== 'gemini' || format.operation === 'model.request') return query
  const parameters = new URLSearchParams(query)
  // They change the shape of the answer, which must be read.
  for (const name of RESHAPING) parameters.delete(name)
  const asked = request.stream ? format.stream?.sseQuery : undefined
  if (asked !== undefined) parameters.set(asked.name, asked.value)
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}

/** A check changed more than texts: what it wanted gone would go out all the same. */
function unredactable({ action }: Admitted): Called {
  return {
    kind: 'rejected',
    cost: 0,
    usage: null,
    usageSource: 'none',
    answer: null,
    verdict: { decision: 'deny', effective: 'deny', reasons: action.reasons, result: {} },
    firstByteMs: null,
    status: 'not called',
  }
}

/** The provider failed too often of late. */
function leftAlone(plan: Plan, ms: number): Called {
  return {
    kind: 'failed',
    cost: 0,
    usage: null,
    usageSource: 'none',
    answer: null,
    verdict: null,
    firstByteMs: null,
    status: 'breaker open',
    error: {
      status: 503,
      code: 'provider:unavailable',
      message: `The provider ${plan.provider.name} failed too often; it is tried again in ${Math.ceil(ms / 1000)} s.`,
      retryAfter: Math.ceil(ms / 1000),
    },
    response: null,
    transient: true,
    headers: {},
  }
}

/** With little budget left, what is not urgent goes to the cheaper model. */
async function thrifty(
  { flow, policies, providers }: GatewayContext,
  incoming: IncomingCall,
  target: Target,
  { lowBudget }: HealRule,
): Promise<Target> {
  if (lowBudget === null || !incoming.lowPriority || target.body === null) return target
  if (policies.current().mode === 'observe') return target
  if ((await flow.budgetLeft(incoming.agent, incoming.session)) >= lowBudget.below) return target
  return withModel(providers(), target, lowBudget.use, null) ?? target
}

function corrected(
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

function fallenBack(
  { providers }: GatewayContext,
  incoming: IncomingCall,
  plan: Plan,
  action: Action,
  called: Called,
  choices: ModelChoice[],
): Target | null {
  for (let choice = choices.shift(); choice !== undefined; choice = choices.shift()) {
    const cause = { action: action.id, why: `provider_failed: ${called.status}` }
    const target = withModel(providers(), { ...plan, cause }, choice, incoming.method)
    if (target !== null) return target
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

function answerFailure(
  plan: Plan,
  action: Action,
  called: Exclude<Called, { readonly kind: 'answered' }>,
  sink: AnswerSink,
): void {
  const { protocol } = plan.provider
  if (called.kind === 'rejected') {
    sink.error(protocol, refusal(called.verdict?.reasons ?? []), action.id)
    return
  }
  const { response, error } = called
  if (response === null || typeof called.status !== 'number') {
    const again = called.transient && called.cost === 0 && error.retryAfter === undefined
    sink.error(protocol, again ? { ...error, retryAfter: 1 } : error, action.id)
    return
  }
  const headers = responseHeaders(response.headers, { rewritten: false })
  headers['belay-action'] = action.id
  sink.whole(called.status, headers, response.body)
}

function endOf(called: Called, attempts: readonly AttemptNote[]): CallEnd {
  return {
    ended:
      called.kind === 'answered' ? called.ended : called.kind === 'rejected' ? 'refused' : 'provider_error',
    answer: called.answer,
    cost: called.cost,
    usage: called.usage,
    usageSource: called.usageSource,
    attempts,
    firstByteMs: called.firstByteMs === null ? null : Math.round(called.firstByteMs * 1000) / 1000,
    verdict: called.verdict,
    error:
      called.kind === 'answered'
        ? called.error
        : called.kind === 'failed'
          ? called.error.message
          : (called.verdict?.reasons[0]?.code ?? 'policy:denied'),
  }
}

function reportOf(plan: Plan, called: Called, end: CallEnd): DoorReport {
  const good = called.kind === 'answered' && (called.ended === 'complete' || called.ended === 'client_gone')
  // A call that may have run without an answer: nobody knows what became of it.
  const lost = called.kind === 'failed' && called.cost > 0 && typeof called.status !== 'number'
  return {
    outcome: good ? 'succeeded' : lost ? 'unknown' : 'failed',
    cost: called.cost,
    ...(called.kind === 'answered' && called.result !== null && { result: called.result }),
    ...(end.error !== null && { error: end.error }),
    ...(called.verdict !== null && { judged: called.verdict }),
    facts: outcomeFacts(plan, end),
  }
}

function backoff(retry: number): number {
  return FIRST_BACKOFF_MS * 2 ** Math.min(retry, 6) * (0.75 + Math.random() / 2)
}

/** The action's own deadline would pass meanwhile. */
function isOver({ now }: GatewayContext, { state }: Action, wait: number): boolean {
  return state.name === 'executing' && now() + wait >= state.deadline
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
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
