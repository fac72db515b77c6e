import {
  JsonLogsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { OtlpTarget } from './otlp-backends.ts'
import { logsOf, spanOf, STATUS, type LogParts, type SpanParts } from './otlp-records.ts'
import { post } from './post.ts'
import type { Sink } from './sink.ts'

type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number]
type Log = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number]

/** Actions as spans, and every record as a log record, over OTLP/HTTP (specification 1.x). */
export function otlpSink(options: {
  readonly target: OtlpTarget
  readonly environment: string | null
  readonly version: string
  readonly origin: string
  /** The receiver took the request and refused so many items of it; the specification forbids sending them again. */
  readonly onRejected: (items: number, why: string) => void
}): Sink {
  const { target, environment, version, origin, onRejected } = options
  const { traces, logs } = target.urls
  const json = target.encoding === 'json'
  const scope = { name: 'belay', version }
  const resource = resourceFromAttributes({
    'service.name': 'belay',
    'service.version': version,
    'service.instance.id': origin,
    ...(environment !== null && { 'deployment.environment.name': environment }),
  })
  const headers = { ...target.headers, 'content-type': json ? 'application/json' : 'application/x-protobuf' }

  const spanFrom = (parts: SpanParts): Span => ({
    name: parts.name,
    kind: parts.kind,
    spanContext: () => parts.context,
    ...(parts.parent && { parentSpanContext: parts.parent }),
    startTime: parts.start,
    endTime: parts.end,
    status: { code: parts.failed ? STATUS.failed : STATUS.ok },
    attributes: parts.attributes,
    links: [],
    events: [],
    duration: [0, 0],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  })
  const logFrom = (parts: LogParts): Log => ({
    hrTime: parts.at,
    hrTimeObserved: parts.at,
    ...(parts.context && { spanContext: parts.context }),
    severityNumber: parts.severity,
    severityText: parts.severity === 17 ? 'ERROR' : parts.severity === 13 ? 'WARN' : 'INFO',
    body: parts.body,
    eventName: parts.event,
    resource,
    instrumentationScope: scope,
    attributes: { 'event.name': parts.event, ...parts.attributes },
    droppedAttributesCount: 0,
  })

  return {
    batch: 200,
    wantsDecision: true,
    async send(records, signal) {
      const spans = traces === undefined ? [] : records.map(spanOf).filter((span) => span !== null)
      if (traces !== undefined && spans.length > 0) {
        const serializer = json ? JsonTraceSerializer : ProtobufTraceSerializer
        const { body } = await post(
          traces,
          headers,
          bytesOf(serializer.serializeRequest(spans.map(spanFrom))),
          signal,
        )
        const { partialSuccess } = answerOf(() => serializer.deserializeResponse(body))
        const rejected = countOf(partialSuccess?.rejectedSpans)
        if (rejected > 0) onRejected(rejected, partialSuccess?.errorMessage ?? '')
      }
      const items = logs === undefined ? [] : records.flatMap(logsOf)
      if (logs !== undefined && items.length > 0) {
        const serializer = json ? JsonLogsSerializer : ProtobufLogsSerializer
        const { body } = await post(
          logs,
          headers,
          bytesOf(serializer.serializeRequest(items.map(logFrom))),
          signal,
        )
        const { partialSuccess } = answerOf(() => serializer.deserializeResponse(body))
        const rejected = countOf(partialSuccess?.rejectedLogRecords)
        if (rejected > 0) onRejected(rejected, partialSuccess?.errorMessage ?? '')
      }
    },
    close: () => Promise.resolve(),
  }
}

function bytesOf(bytes: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes ?? [])
}

/** In JSON, numbers of 64 bits are texts. */
function countOf(value: unknown): number {
  return Number(value ?? 0) || 0
}

/** Backends answer 2xx with bodies of all kinds: what cannot be read says nothing. */
function answerOf<T extends object>(read: () => T): Partial<T> {
  try {
    return read()
  } catch {
    return {}
  }
}
