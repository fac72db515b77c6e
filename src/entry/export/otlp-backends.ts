import { EXPORT_BACKENDS, type ExportRule, type ExportSignal } from '../../policy/compile-export.ts'

/** What a receiver of OTLP over HTTP wants, as its own pages say; a vendor is a row. */
interface Backend {
  /** Where each signal goes below the base address; a signal that is not here is not taken. */
  readonly paths: Readonly<Partial<Record<ExportSignal, string>>>
  /** The base address unless the policy names one. */
  readonly url: string | null
  readonly encodings: readonly ('protobuf' | 'json')[]
  readonly headers: (keys: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
}

const STANDARD: Backend = {
  paths: { traces: '/v1/traces', logs: '/v1/logs' },
  url: null,
  encodings: ['protobuf', 'json'],
  headers: () => ({}),
}

const BACKENDS: Readonly<Record<keyof typeof EXPORT_BACKENDS, Backend>> = {
  langfuse: {
    paths: { traces: '/api/public/otel/v1/traces' },
    url: 'https://cloud.langfuse.com',
    encodings: ['protobuf', 'json'],
    headers: ({ public_key = '', secret_key = '' }) => ({
      authorization: `Basic ${Buffer.from(`${public_key}:${secret_key}`).toString('base64')}`,
      'x-langfuse-ingestion-version': '4',
    }),
  },
  phoenix: {
    paths: { traces: '/v1/traces' },
    url: 'http://localhost:6006',
    encodings: ['protobuf'],
    headers: (keys) => (keys['api_key'] === undefined ? {} : { authorization: `Bearer ${keys['api_key']}` }),
  },
  datadog: {
    paths: { traces: '/v1/traces' },
    url: null,
    encodings: ['protobuf'],
    headers: ({ api_key = '' }) => ({ 'dd-api-key': api_key, 'dd-otlp-source': 'llmobs' }),
  },
  sentry: {
    paths: { traces: '/integration/otlp/v1/traces', logs: '/integration/otlp/v1/logs' },
    url: null,
    encodings: ['protobuf', 'json'],
    headers: ({ public_key = '' }) => ({ 'x-sentry-auth': `sentry sentry_key=${public_key}` }),
  },
}

export interface OtlpTarget {
  /** By signal, the whole address. */
  readonly urls: Readonly<Partial<Record<ExportSignal, string>>>
  readonly encoding: 'protobuf' | 'json'
  readonly headers: Readonly<Record<string, string>>
}

/** Where and how the signals of an entry go. `url`, `headers` and `keys` are those of the entry with variables read. */
export function otlpTarget(
  rule: Pick<ExportRule, 'backend' | 'signals' | 'encoding'>,
  values: {
    readonly url: string | null
    readonly headers: Readonly<Record<string, string>>
    readonly keys: Readonly<Record<string, string>>
  },
): OtlpTarget {
  const backend = (rule.backend === null ? undefined : BACKENDS[rule.backend]) ?? STANDARD
  const base = (values.url ?? backend.url ?? '').replace(/\/+$/, '')
  const wanted = rule.signals ?? (['traces', 'logs'] as const)
  const urls = Object.fromEntries(
    wanted.flatMap((signal) => {
      const path = backend.paths[signal]
      if (path === undefined) return []
      // Whoever gives the whole address of the backend's own kind means that.
      return [[signal, base.endsWith(path) ? base : `${base}${path}`] as const]
    }),
  )
  const encoding =
    rule.encoding !== null && backend.encodings.includes(rule.encoding)
      ? rule.encoding
      : (backend.encodings[0] ?? 'protobuf')
  return { urls, encoding, headers: { ...backend.headers(values.keys), ...values.headers } }
}
