import type { ExportRule } from '../../policy/compile-export.ts'
import { cloudEvent } from './cloud-event.ts'
import { fileSink } from './file-sink.ts'
import { httpSink } from './http-sink.ts'
import { ocsfEvents } from './ocsf.ts'
import { otlpTarget } from './otlp-backends.ts'
import { readDsn, sentrySink } from './sentry-sink.ts'
import type { ExportedRecord, Sink } from './sink.ts'

export interface SinkOptions {
  readonly version: string
  /** Which installation it is: part of the events' source. */
  readonly origin: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onRejected: (items: number, why: string) => void
}

/** Something in the entry cannot be followed; the message never holds a secret. */
class SinkFault extends Error {
  override readonly name = 'SinkFault'
}

/** Opens what an entry of `export:` names. Throws `SinkFault` for a variable that is not set and for an address that is none. */
export async function openSink(rule: ExportRule, options: SinkOptions): Promise<Sink> {
  const { env, version, origin } = options
  const url = rule.url === null ? null : valueOf(rule.url, env)
  const headers = valuesOf(rule.headers, env)
  if (rule.format === 'sentry') {
    const dsn = readDsn(url ?? '')
    if (dsn === undefined) throw new SinkFault('the url is no DSN: https://KEY@HOST/PROJECT')
    return sentrySink({ dsn, environment: rule.environment, version, origin })
  }
  if (url !== null && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw new SinkFault('the url is no http:// or https:// address')
  if (rule.format === 'otlp') {
    const { otlpSink } = await import('./otlp-sink.ts')
    const target = otlpTarget(rule, { url, headers, keys: valuesOf(rule.keys, env) })
    if (Object.keys(target.urls).length === 0)
      throw new SinkFault(`${rule.backend ?? 'the backend'} takes none of the signals`)
    return otlpSink({
      target,
      environment: rule.environment,
      version,
      origin,
      onRejected: options.onRejected,
    })
  }
  const cloud = rule.format === 'cloudevents'
  const events = (record: ExportedRecord) =>
    cloud ? [cloudEvent(record, origin)] : ocsfEvents(record, origin, version)
  const wantsDecision = !cloud
  if (rule.file !== null) return fileSink({ ...rule.file, events, wantsDecision })
  const contentType = cloud
    ? 'application/cloudevents-batch+json; charset=utf-8'
    : 'application/json; charset=utf-8'
  return httpSink({ url: url ?? '', headers, contentType, events, wantsDecision })
}

function valuesOf(
  values: Readonly<Record<string, string>>,
  env: SinkOptions['env'],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name.toLowerCase(), valueOf(value, env)]),
  )
}

function valueOf(written: string, env: SinkOptions['env']): string {
  if (!written.startsWith('$')) return written
  const value = env[written.slice(1)]
  if (value === undefined || value === '')
    throw new SinkFault(`set the environment variable ${written.slice(1)}`)
  return value
}
