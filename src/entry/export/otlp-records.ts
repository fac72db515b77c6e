import { hash } from 'node:crypto'
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import * as names from '../telemetry/attribute-names.ts'
import type { ExportedRecord } from './sink.ts'

/** The parts of a span that are ours to say. */
export interface SpanParts {
  readonly name: string
  readonly kind: SpanKind
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  readonly start: HrTime
  readonly end: HrTime
  readonly failed: boolean
  readonly attributes: Attributes
}

export interface LogParts {
  readonly event: string
  readonly at: HrTime
  readonly severity: 9 | 13 | 17
  readonly body: string
  readonly context: SpanContext | undefined
  readonly attributes: Attributes
}

const MAX_TEXT = 512
const MAX_CONTENT = 60_000

/**
 * The span of an action that came to an end: with its outcome, or with the decision that refused it. Ids follow from the
 * action's, so that a span that is sent again is the same span.
 */
export function spanOf(record: ExportedRecord): SpanParts | null {
  const { kind, said, at, action } = record
  const refused = kind === 'decision' && said['state'] === 'denied'
  if (action === null || (kind !== 'outcome' && !refused)) return null
  const decision = refused ? said : record.decision
  const facts = objectIn(decision ?? {}, 'facts')
  const ended = objectIn(said, 'facts')
  const name = textIn(said, 'name') ?? 'action'
  const model = objectIn(facts, 'model')
  const isModel = name.startsWith('model.') && textIn(model, 'provider') !== null
  const outcome = refused ? 'denied' : (textIn(said, 'outcome') ?? 'unknown')
  const operation = isModel ? (name === 'model.embed' ? 'embeddings' : 'chat') : 'execute_tool'
  const { context, parent } = contextsOf(action, decision)
  return {
    name: `${operation} ${isModel ? (textIn(model, 'requested') ?? '') : toolOf(name)}`
      .trimEnd()
      .slice(0, MAX_TEXT),
    kind: isModel ? SpanKind.CLIENT : SpanKind.INTERNAL,
    context,
    parent,
    start: timeOf(record.startedAt ?? at),
    end: timeOf(at),
    failed: outcome !== 'succeeded',
    attributes: {
      ...whoAttributes(record, decision),
      [names.OPERATION_NAME]: operation,
      ...(isModel ? modelAttributes(model, ended) : { [names.TOOL_NAME]: toolOf(name) }),
      [names.OUTCOME]: outcome,
      ...(typeof said['cost_usd'] === 'number' && { [names.COST_USD]: said['cost_usd'] }),
      ...(outcome !== 'succeeded' && {
        [names.ERROR_TYPE]: (refused && reasonsIn(said)[0]?.code) || outcome,
      }),
      ...promptAttributes(objectIn(facts, 'prompt')),
      ...contentAttributes(record),
    },
  }
}

/** A record as log records: one of its own, and one evaluation for each check that said something. */
export function logsOf(record: ExportedRecord): readonly LogParts[] {
  const { kind, said, at, action, agent } = record
  const decision = kind === 'decision' ? said : record.decision
  const context = action === null ? undefined : contextsOf(action, decision).context
  const what =
    textIn(said, 'effective') ??
    textIn(said, 'outcome') ??
    textIn(said, 'event') ??
    textIn(said, 'state') ??
    ''
  const severity =
    what === 'failed' || what === 'unknown' ? 17 : what === 'deny' || what === 'denied' ? 13 : 9
  const reasons = reasonsIn(said)
  const attributes = {
    ...whoAttributes(record, decision),
    'belay.record.hash': record.hash,
    'belay.record.kind': kind,
  }
  const by = textIn(said, 'by')
  return [
    {
      event: `belay.${kind}`,
      at: timeOf(at),
      severity,
      body: [kind, textIn(said, 'name'), agent, what]
        .filter((part) => part !== null && part !== '')
        .join(' '),
      context,
      attributes: {
        ...attributes,
        ...(reasons.length > 0 && { [names.REASONS]: reasons.map(({ code }) => code) }),
        ...(by !== null && { 'belay.by': by }),
        ...(textIn(said, 'outcome') !== null && { [names.OUTCOME]: textIn(said, 'outcome') ?? '' }),
      },
    },
    ...reasons
      .filter(({ check }) => check !== null)
      .map(({ code, message, check }): LogParts => ({
        event: 'gen_ai.evaluation.result',
        at: timeOf(at),
        severity,
        body: message,
        context,
        attributes: {
          ...attributes,
          'gen_ai.evaluation.name': check ?? code,
          'gen_ai.evaluation.score.label': code,
          'gen_ai.evaluation.explanation': message.slice(0, MAX_TEXT),
        },
      })),
  ]
}

function contextsOf(
  action: string,
  decision: JsonObject | null,
): { readonly context: SpanContext; readonly parent: SpanContext | undefined } {
  const trace = objectIn(decision ?? {}, 'trace')
  const traceId = textIn(trace, 'trace_id')
  const spanId = textIn(trace, 'span_id')
  const context = {
    traceId: traceId ?? hash('sha256', `trace ${action}`, 'hex').slice(0, 32),
    spanId: hash('sha256', `span ${action}`, 'hex').slice(0, 16),
    traceFlags: TraceFlags.SAMPLED,
  }
  return { context, parent: spanId === null ? undefined : { ...context, spanId, isRemote: true } }
}

function whoAttributes({ said, agent, action }: ExportedRecord, decision: JsonObject | null): Attributes {
  const from = decision ?? said
  const optional: readonly (readonly [string, string | null])[] = [
    [names.AGENT_ID, agent],
    [names.AGENT_NAME, agent],
    [names.AGENT_VERSION, textIn(from, 'agent_release')],
    [names.CONVERSATION_ID, textIn(from, 'session_id')],
    [names.ACTION_ID, action],
    [names.ACTION_NAME, textIn(said, 'name')],
    [names.DECISION, textIn(from, 'decision')],
    [names.EFFECTIVE, textIn(from, 'effective')],
    [names.POLICY_VERSION, textIn(from, 'policy_version')],
  ]
  return Object.fromEntries(
    optional.flatMap(([name, value]) => (value === null ? [] : [[name, value.slice(0, MAX_TEXT)] as const])),
  )
}

function modelAttributes(asked: JsonObject, ended: JsonObject): Attributes {
  const answered = objectIn(ended, 'model')
  const usage = objectIn(ended, 'usage')
  const texts: readonly (readonly [string, JsonValue | undefined])[] = [
    [names.PROVIDER_NAME, asked['provider']],
    [names.PROVIDER, asked['provider']],
    [names.REQUEST_MODEL, asked['requested']],
    [names.RESPONSE_MODEL, answered['responded']],
    [names.RESPONSE_ID, answered['response_id']],
  ]
  const numbers: readonly (readonly [string, JsonValue | undefined])[] = [
    [names.INPUT_TOKENS, usage['input_tokens']],
    [names.OUTPUT_TOKENS, usage['output_tokens']],
    [names.CACHE_READ_TOKENS, usage['cache_read_input_tokens']],
    [names.CACHE_CREATION_TOKENS, usage['cache_creation_input_tokens']],
    [names.REASONING_TOKENS, usage['reasoning_output_tokens']],
  ]
  const reasons = answered['finish_reasons']
  return {
    ...Object.fromEntries(
      texts.flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value.slice(0, MAX_TEXT)] as const] : [],
      ),
    ),
    ...Object.fromEntries(
      numbers.flatMap(([name, value]) => (typeof value === 'number' ? [[name, value] as const] : [])),
    ),
    ...(Array.isArray(reasons) && {
      [names.FINISH_REASONS]: reasons.filter((each): each is string => typeof each === 'string'),
    }),
    ...(Array.isArray(ended['attempts']) && { [names.ATTEMPTS]: ended['attempts'].length }),
  }
}

function promptAttributes({ name, version, digest }: JsonObject): Attributes {
  return {
    ...(typeof name === 'string' && { 'belay.prompt.name': name }),
    ...(typeof version === 'number' && { 'belay.prompt.version': version }),
    ...(typeof digest === 'string' && { 'belay.prompt.digest': digest }),
  }
}

function contentAttributes({ payload }: ExportedRecord): Attributes {
  if (payload === null) return {}
  const text = JSON.stringify(payload.body)
  return text.length > MAX_CONTENT ? {} : { [`belay.content.${payload.kind}`]: text }
}

function toolOf(action: string): string {
  if (action.startsWith('tool.')) return action.slice('tool.'.length)
  if (!action.startsWith('mcp.')) return action
  const dot = action.indexOf('.', 'mcp.'.length)
  return dot === -1 ? action : action.slice(dot + 1)
}

interface ReasonSaid {
  readonly code: string
  readonly message: string
  readonly check: string | null
}

function reasonsIn(said: JsonObject): readonly ReasonSaid[] {
  const reasons = said['reasons'] ?? said['result_reasons']
  if (!Array.isArray(reasons)) return []
  return reasons
    .filter(isJsonObject)
    .slice(0, 16)
    .map((reason) => ({
      code: textIn(reason, 'code') ?? '',
      message: textIn(reason, 'message') ?? '',
      check: textIn(reason, 'check'),
    }))
}

function timeOf(ms: number): HrTime {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
}

function objectIn(from: JsonObject, key: string): JsonObject {
  const value = from[key]
  return isJsonObject(value) ? value : {}
}

function textIn(from: JsonObject, key: string): string | null {
  const value = from[key]
  return typeof value === 'string' ? value : null
}

export const STATUS = { ok: SpanStatusCode.UNSET, failed: SpanStatusCode.ERROR } as const
