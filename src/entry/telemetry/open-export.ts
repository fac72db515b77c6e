import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import type { Resource } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { exportCalls } from './export-calls.ts'
import type { Encoding, ExportSettings } from './export-settings.ts'
import type { Export } from './telemetry.ts'

const SCOPE = 'belay'
/** How long one export may take, and closing, ms. */
const EXPORT_TIMEOUT = 10_000
const CLOSE_TIMEOUT = 3_000
/** Spans that wait; further ones are dropped. With content a span can have 200 KB, so that fewer may wait. */
const QUEUE = 2_048
const CONTENT_QUEUE = 128

/** Opens OpenTelemetry's SDK. Nothing is registered globally: an application around the SDK keeps its own. */
export async function openExport(
  settings: ExportSettings,
  version: string | undefined,
  onFault: (error: unknown) => void,
): Promise<Export> {
  const resource = resourceFromAttributes({
    'service.name': 'belay',
    ...(version !== undefined && { 'service.version': version }),
  }).merge(detectResources({ detectors: [envDetector] }))
  const traces = settings.traces && (await openTraces(settings, settings.traces, resource, onFault))
  const metrics = settings.metrics && (await openMetrics(settings, settings.metrics, resource, onFault))
  const calls = exportCalls({
    tracer: traces === null ? null : traces.getTracer(SCOPE, version),
    meter: metrics === null ? null : metrics.getMeter(SCOPE, version),
    content: settings.content,
  })
  return {
    ...calls,
    async close() {
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, CLOSE_TIMEOUT)
      // What could not be sent has been a fault already.
      await Promise.race([late, Promise.allSettled([traces?.shutdown(), metrics?.shutdown()])])
      clearTimeout(timer)
    },
  }
}

async function openTraces(
  { content }: ExportSettings,
  encoding: Encoding,
  resource: Resource,
  onFault: (error: unknown) => void,
): Promise<TracerProvider> {
  const { OTLPTraceExporter } =
    encoding === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  const exporter: SpanExporter = new OTLPTraceExporter()
  tellFailures(exporter, 'spans', onFault)
  const queue = content ? CONTENT_QUEUE : QUEUE
  return new TracerProvider({
    resource,
    spanLimits: { attributeValueLengthLimit: 65_536, attributeCountLimit: 64, eventCountLimit: 32 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: queue,
        maxExportBatchSize: queue / 4,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: EXPORT_TIMEOUT,
      }),
    ],
  })
}

async function openMetrics(
  { metricInterval }: ExportSettings,
  encoding: Encoding,
  resource: Resource,
  onFault: (error: unknown) => void,
): Promise<MeterProvider> {
  const { OTLPMetricExporter } =
    encoding === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto')
  const exporter: PushMetricExporter = new OTLPMetricExporter()
  tellFailures(exporter, 'metrics', onFault)
  return new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: metricInterval,
        exportTimeoutMillis: Math.min(EXPORT_TIMEOUT, metricInterval),
        cardinalityLimits: { default: 1_000 },
      }),
    ],
  })
}

interface Exporter<T> {
  export(items: T, done: (result: { readonly code: number; readonly error?: Error }) => void): void
}

/** The SDK keeps failures to itself. One fault when exporting begins to fail, not one for each batch. */
function tellFailures<T>(exporter: Exporter<T>, what: string, onFault: (error: unknown) => void): void {
  const send = exporter.export.bind(exporter)
  let failing = false
  exporter.export = (items, done) =>
    send(items, (result) => {
      const failed = result.code !== 0
      if (failed && !failing)
        onFault(
          new Error(`${what} cannot be exported: ${(result.error?.message ?? 'no reason').slice(0, 200)}`),
        )
      failing = failed
      done(result)
    })
}
