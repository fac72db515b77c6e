import type { Action, DoorReport } from '../../action/action.ts'
import { canonicalJson } from '../../action/digest.ts'
import type { HealRule } from '../../policy/policy.ts'
import type { Admitted } from '../../flow/flow.ts'
import type { AnswerSink } from './answer-sink.ts'
import { awaitApproval, type Awaited } from './await-approval.ts'
import { callProvider } from './call-provider.ts'
import type { Called } from './called.ts'
import { outcomeFacts, type AttemptNote, type CallEnd } from './call-record.ts'
import { factOf, lostFact, refusedFact, startOf } from './observed-call.ts'
import type { OpenCall } from '../telemetry/telemetry.ts'
import type { GatewayContext } from './gateway-context.ts'
import { splitTexts } from './joined-text.ts'
import { backoff, corrected, fallenBack, pause, thrifty, type Target } from './heal-call.ts'
import { judgeToolCalls } from './judge-tool-calls.ts'
import type { RequestChanges } from './model-call.ts'
import { refusal } from './model-errors.ts'
import {
  grantedTokens,
  inputOf,
  planCall,
  proposalOf,
  refuseUnpriced,
  setsLimit,
  wantsArray,
  type IncomingCall,
  type Plan,
} from './plan-call.ts'
import { responseHeaders } from './upstream/headers.ts'
import type { HealthTicket } from './upstream/provider-health.ts'
import { retryAfter } from './upstream/retry-after.ts'

const NO_HEALING: HealRule = { retries: 0, maxWait: 0, fallback: [], rejected: 0, lowBudget: null }
const RESHAPING = ['alt', '$alt', 'fields', '$fields', 'callback', '$callback']

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
  const healing = context.policies.current().action(asked.format.operation)?.heal ?? NO_HEALING
  const heal = incoming.pinned
    ? { ...NO_HEALING, retries: healing.retries, maxWait: healing.maxWait }
    : healing
  const target = incoming.pinned ? asked : await thrifty(context, incoming, asked, heal)
  let plan = planCall(context, incoming, target)
  const session = incoming.session ?? plan.request.session ?? undefined
  refuseUnpriced(context.policies.current(), plan, incoming.method)
  context.pendingTools.report(incoming.agent, session, plan.request.toolResults)
  const fallback = [...heal.fallback]
  let rejections = 0
  for (;;) {
    const proposed = await context.flow.propose(proposalOf(context, incoming, plan), {
      venue: 'belay',
      start: true,
    })
    const awaited: Awaited =
      proposed.action.state.name === 'executing'
        ? { status: 'admitted', admitted: proposed }
        : await awaitApproval(context, proposed, sink.stopped)
    const start = startOf(context, incoming, plan)
    if (awaited.status === 'refused') {
      context.telemetry.modelCall(refusedFact(start, plan, proposed.action, awaited.reasons))
      sink.error(plan.provider.protocol, sink.why?.error ?? refusal(awaited.reasons), proposed.action.id)
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
    const reporting = context.flow.report(action.id, report, { unhurried: called.kind === 'answered' })
    context.telemetry.modelCall(factOf(context, start, plan, awaited.admitted, end, report), opened)
    reporting.catch(context.onFault)
    if (called.kind === 'answered') return
    const next = sink.isStopped
      ? null
      : called.kind === 'rejected'
        ? rejections++ < heal.rejected
          ? correctedPlan(context, incoming, plan, action, called)
          : null
        : called.transient
          ? fallenBack(context, incoming, plan, action, called, fallback)
          : null
    if (next === null) {
      answerFailure(plan, action, called, sink)
      return
    }
    plan = next
  }
}

function correctedPlan(
  context: GatewayContext,
  incoming: IncomingCall,
  plan: Plan,
  action: Action,
  called: Called & { readonly kind: 'rejected' },
): Plan | null {
  const target = corrected(plan, action, called)
  return target === null ? null : planCall(context, incoming, target)
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
  const fault =
    (ticket: HealthTicket | number) =>
    (error: unknown): never => {
      if (typeof ticket !== 'number') ticket.dropped()
      throw error
    }
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
              action.mode === 'observe' || plan.price === null || plan.price.worst(0, 1) === 0
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
                signal: sink.stopped,
              }),
          }).catch(fault(ticket))
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
      else if (sink.isStopped) ticket.dropped()
      else if (typeof called.status === 'number' && called.status < 500) ticket.succeeded()
      else ticket.failed(asked)
    }
    if (called.kind !== 'failed' || !called.transient || called.cost > 0 || retry >= heal.retries)
      return called
    const wait = asked ?? (typeof ticket === 'number' ? ticket : backoff(retry))
    if (wait > heal.maxWait || sink.isStopped || isOver(context, action, wait)) return called
    waited = Math.round(wait)
    await pause(wait, sink.stopped)
    if (sink.why !== null) return { ...called, ended: sink.why.ended }
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
    const { text, ...others } = input
    const { text: _, ...same } = inputOf(plan)
    const after = typeof text === 'string' ? splitTexts(text, before) : undefined
    if (after === undefined || canonicalJson(others) !== canonicalJson(same)) return undefined
    texts = new Map([...after.entries()].filter(([index, changed]) => changed !== before[index]))
  }
  const limits = setsLimit(plan) && action.mode === 'enforce'
  const changes: RequestChanges = {
    ...(texts !== undefined && { texts }),
    ...(limits && { maxTokens: grantedTokens(context, plan, action.cost) }),
    ...(request.stream && { usageInStream: true }),
    maxTokensMember: plan.provider.maxTokensMember ?? 'max_tokens',
  }
  if (texts === undefined && !request.stream && !limits && bytes !== null) return { path, body: bytes }
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
  if (sink.why?.error != null) {
    sink.error(protocol, sink.why.error, action.id)
    return
  }
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
      called.kind === 'answered'
        ? called.ended
        : called.kind === 'rejected'
          ? 'refused'
          : (called.ended ?? 'provider_error'),
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

/** The action's own deadline would pass meanwhile. */
function isOver({ now }: GatewayContext, { state }: Action, wait: number): boolean {
  return state.name === 'executing' && now() + wait >= state.deadline
}
