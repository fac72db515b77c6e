import { BelayError } from '../../errors/catalogue.ts'

export type Encoding = 'http/protobuf' | 'http/json'

/** Which signals go out and how they are encoded; `null`: the signal is not exported. Addresses and headers are read by the exporters. */
export interface ExportSettings {
  readonly traces: Encoding | null
  readonly metrics: Encoding | null
  /** Milliseconds between two exports of metrics. */
  readonly metricInterval: number
  /** What people wrote and models answered goes out too. */
  readonly content: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads OpenTelemetry's environment variables (specification, "Environment Variable Specification" and "OTLP Exporter").
 * `null` when no endpoint is set or `OTEL_SDK_DISABLED` is true. Throws `input:invalid` for an endpoint that is no HTTP
 * address and for an encoding that is not here: what was asked for must not go to OpenTelemetry's default address.
 */
export function exportSettings(env: Environment): ExportSettings | null {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null
  const traces = encodingOf(env, 'TRACES')
  const metrics = encodingOf(env, 'METRICS')
  if (traces === null && metrics === null) return null
  const interval = Number(env['OTEL_METRIC_EXPORT_INTERVAL'])
  return {
    traces,
    metrics,
    metricInterval: Number.isInteger(interval) && interval >= 100 ? Math.min(interval, 3_600_000) : 60_000,
    content: env['OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT']?.toLowerCase() === 'true',
  }
}

function encodingOf(env: Environment, signal: 'TRACES' | 'METRICS'): Encoding | null {
  const own = `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`
  const name = isSet(env[own]) ? own : 'OTEL_EXPORTER_OTLP_ENDPOINT'
  const endpoint = env[name]
  if (!isSet(endpoint) || env[`OTEL_${signal}_EXPORTER`] === 'none') return null
  // The address may hold a password: it is not repeated.
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint))
    throw new BelayError('input:invalid', {
      where: name,
      expected: 'an http:// or https:// address',
      got: 'something else',
    })
  const encoding =
    env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] || env['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/protobuf'
  if (encoding !== 'http/protobuf' && encoding !== 'http/json')
    throw new BelayError('input:invalid', {
      where: 'OTEL_EXPORTER_OTLP_PROTOCOL',
      expected: 'http/protobuf or http/json',
      got: encoding.slice(0, 40),
    })
  return encoding
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== ''
}
