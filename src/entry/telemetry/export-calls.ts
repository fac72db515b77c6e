import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import type { Attributes, Context, Meter, Span, Tracer } from '@opentelemetry/api'
import type { Action, StateName } from '../../action/action.ts'
import { usdFromNano } from '../../action/money.ts'
import * as names from './attribute-names.ts'
import { contentAttributes } from './content.ts'
import { MODEL_BUCKETS } from './metrics.ts'
import type { ModelCallFact, ModelCallStart } from './model-call-fact.ts'
import type { Export, OpenCall } from './telemetry.ts'
import { isSampled, readTraceParent } from './trace-parent.ts'

/** 1, 4, 16 … 4¹³, as OpenTelemetry's conventions advise. */
const TOKEN_BUCKETS = Array.from({ length: 14 }, (_, index) => 4 ** index)
const MAX_TEXT = 512
const MAX_LIST = 16
const MAX_ATTEMPTS = 16

const ENDS: ReadonlySet<StateName> = new Set([
  'denied',
  'succeeded',
  'failed',
  'unknown',
  'expired',
  'cancelled',
])

class SpanOfCall implements OpenCall {
  readonly span: Span
  readonly traceparent: string

  constructor(span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext()
    this.span = span
    this.traceparent = `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`
  }
}

/** Spans and metrics as OpenTelemetry's conventions for generative AI name them. `null`: that signal is not exported. */
export function exportCalls({
  tracer,
  meter,
  content,
}: {
  readonly tracer: Tracer | null
  readonly meter: Meter | null
  readonly content: boolean
}): Omit<Export, 'close'> {
  const durations = meter?.createHistogram(names.OPERATION_DURATION_METRIC, {
    description: 'GenAI operation duration.',
    unit: 's',
    advice: { explicitBucketBoundaries: MODEL_BUCKETS },
  })
  const tokens = meter?.createHistogram(names.TOKEN_USAGE_METRIC, {
    description: 'Number of input and output tokens used.',
    unit: '{token}',
    advice: { explicitBucketBoundaries: TOKEN_BUCKETS },
  })

  const openSpan = (call: ModelCallStart): SpanOfCall | null => {
    if (tracer === null) return null
    const span = tracer.startSpan(
      `${call.operation} ${clip(call.requestedModel ?? '')}`.trimEnd(),
      { kind: SpanKind.CLIENT, startTime: call.startedAt },
      contextOf(call.traceparent),
    )
    return new SpanOfCall(span)
  }

  const measure = (fact: ModelCallFact): void => {
    if (fact.attempts.length === 0) return
    const attributes: Attributes = {
      [names.OPERATION_NAME]: fact.operation,
      [names.PROVIDER_NAME]: fact.telemetryName,
      ...(fact.requestedModel !== null && { [names.REQUEST_MODEL]: clip(fact.requestedModel) }),
      ...(fact.respondedModel !== null && { [names.RESPONSE_MODEL]: clip(fact.respondedModel) }),
    }
    durations?.record(
      fact.duration,
      fact.outcome === 'succeeded' ? attributes : { ...attributes, [names.ERROR_TYPE]: errorTypeOf(fact) },
    )
    if (fact.usage === null) return
    tokens?.record(fact.usage.input, { ...attributes, [names.TOKEN_TYPE]: 'input' })
    tokens?.record(fact.usage.output, { ...attributes, [names.TOKEN_TYPE]: 'output' })
  }

  return {
    begin: openSpan,

    modelCall(fact, call) {
      if (meter !== null) measure(fact)
      const span = (call instanceof SpanOfCall ? call : openSpan(fact))?.span
      if (span === undefined) return
      if (span.isRecording()) {
        span.setAttributes(attributesOf(fact))
        if (content && fact.content) span.setAttributes(contentAttributes(fact.content))
        if (fact.attempts.length > 1 || fact.outcome !== 'succeeded') addAttempts(span, fact)
        if (fact.outcome !== 'succeeded') {
          span.setAttribute(names.ERROR_TYPE, errorTypeOf(fact))
          span.setStatus({ code: SpanStatusCode.ERROR })
        }
      }
      span.end(fact.startedAt + fact.duration * 1_000)
    },

    action(action, before) {
      if (tracer === null || !isTool(action)) return
      const { name: state } = action.state
      // A late report cannot change the span of an outcome that was unknown: that one is sent.
      if (!ENDS.has(state) || before?.state.name === state || before?.state.name === 'unknown') return
      const { trace: parent } = action
      const tool = toolOf(action.name)
      const span = tracer.startSpan(
        `execute_tool ${clip(tool)}`,
        {
          kind: SpanKind.INTERNAL,
          startTime: before?.state.name === 'executing' ? before.state.startedAt : action.proposedAt,
          attributes: actionAttributes(action, tool),
        },
        parent === null ? ROOT_CONTEXT : remote({ ...parent, sampled: true }),
      )
      if (state !== 'succeeded') {
        span.setAttribute(names.ERROR_TYPE, (state === 'denied' && action.reasons[0]?.code) || state)
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      span.end(action.updatedAt)
    },
  }
}

function attributesOf(fact: ModelCallFact): Attributes {
  const { usage } = fact
  return {
    [names.OPERATION_NAME]: fact.operation,
    [names.PROVIDER_NAME]: fact.telemetryName,
    [names.PROVIDER]: clip(fact.provider),
    ...(fact.requestedModel !== null && { [names.REQUEST_MODEL]: clip(fact.requestedModel) }),
    ...(fact.respondedModel !== null && { [names.RESPONSE_MODEL]: clip(fact.respondedModel) }),
    ...(fact.responseId !== null && { [names.RESPONSE_ID]: clip(fact.responseId) }),
    ...(fact.finishReasons.length > 0 && {
      [names.FINISH_REASONS]: fact.finishReasons.slice(0, MAX_LIST).map(clip),
    }),
    ...(usage !== null && {
      [names.INPUT_TOKENS]: usage.input,
      [names.OUTPUT_TOKENS]: usage.output,
      [names.CACHE_READ_TOKENS]: usage.cacheRead,
      [names.CACHE_CREATION_TOKENS]: usage.cacheWrite,
      [names.REASONING_TOKENS]: usage.reasoning,
    }),
    ...agentAttributes(fact),
    ...(fact.actionId !== null && { [names.ACTION_ID]: fact.actionId }),
    [names.DECISION]: fact.decision,
    [names.OUTCOME]: fact.outcome,
    [names.COST_USD]: usdFromNano(fact.cost),
    [names.ATTEMPTS]: fact.attempts.length,
    ...(fact.timeToFirstToken !== null && { [names.TIME_TO_FIRST_TOKEN]: fact.timeToFirstToken }),
  }
}

function actionAttributes(action: Action, tool: string): Attributes {
  return {
    [names.OPERATION_NAME]: 'execute_tool',
    [names.TOOL_NAME]: clip(tool),
    // As the conventions tell them apart: a function is executed by the client, an extension for it.
    [names.TOOL_TYPE]: action.venue === 'agent' ? 'function' : 'extension',
    ...agentAttributes(action),
    [names.ACTION_ID]: action.id,
    [names.ACTION_NAME]: clip(action.name),
    [names.DECISION]: action.decision,
    [names.EFFECTIVE]: action.effective,
    [names.OUTCOME]: action.state.name,
    ...(action.reasons.length > 0 && {
      [names.REASONS]: action.reasons.slice(0, MAX_LIST).map(({ code }) => clip(code)),
    }),
    [names.POLICY_VERSION]: action.policyDigest,
    [names.COST_USD]: usdFromNano(action.cost),
  }
}

function agentAttributes({
  agent,
  session,
  release,
}: {
  readonly agent: string
  readonly session: string | null
  readonly release?: string | null
}): Attributes {
  return {
    // An agent's name is what tells it from others.
    [names.AGENT_ID]: clip(agent),
    [names.AGENT_NAME]: clip(agent),
    ...(release && { [names.AGENT_VERSION]: clip(release) }),
    ...(session !== null && { [names.CONVERSATION_ID]: clip(session) }),
  }
}

function addAttempts(span: Span, { attempts, startedAt }: ModelCallFact): void {
  let at = startedAt
  for (const [index, { provider, model, status, ms, waited }] of attempts.slice(0, MAX_ATTEMPTS).entries()) {
    at += waited ?? 0
    const failed = typeof status === 'string' || status >= 400
    span.addEvent(
      names.ATTEMPT_EVENT,
      {
        [names.ATTEMPT]: index + 1,
        [names.PROVIDER]: clip(provider),
        ...(model !== null && { [names.REQUEST_MODEL]: clip(model) }),
        [names.ATTEMPT_DURATION]: ms / 1_000,
        ...(typeof status === 'number' && { [names.STATUS_CODE]: status }),
        ...(failed && { [names.ERROR_TYPE]: clip(String(status)) }),
      },
      at,
    )
    at += ms
  }
}

/** Model calls of the gateway have their own span. */
function isTool({ name, venue }: Action): boolean {
  return !(venue === 'belay' && name.startsWith('model.'))
}

/** The tool behind the name of an action: `tool.{name}`, `mcp.{server}.{tool}`; every other name is the tool's own. */
function toolOf(action: string): string {
  if (action.startsWith('tool.')) return action.slice('tool.'.length)
  if (!action.startsWith('mcp.')) return action
  const dot = action.indexOf('.', 'mcp.'.length)
  return dot === -1 ? action : action.slice(dot + 1)
}

/** `_OTHER` is what the conventions have for an error without a class. */
function errorTypeOf({ errorType }: ModelCallFact): string {
  return errorType === null ? '_OTHER' : clip(errorType)
}

function contextOf(traceparent: string | null): Context {
  const parent = readTraceParent(traceparent)
  return parent === undefined || traceparent === null
    ? ROOT_CONTEXT
    : remote({ ...parent, sampled: isSampled(traceparent) })
}

function remote(parent: {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}): Context {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  })
}

function clip(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
}
