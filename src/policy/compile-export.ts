import type { JsonObject } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { Report } from './compilation.ts'
import { described, listOf, map, text } from './schema-words.ts'
import type { DocumentPath } from './yaml-document.ts'

const EXPORT_FORMATS = ['cloudevents', 'ocsf', 'otlp', 'sentry'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]
const EXPORT_SIGNALS = ['traces', 'logs'] as const
export type ExportSignal = (typeof EXPORT_SIGNALS)[number]

/** An entry of `export:`. Secrets are as written: texts, or `$NAME` of an environment variable; never shown. */
export interface ExportRule {
  readonly name: string
  readonly format: ExportFormat
  /** Inputs, results and prompts go out too, secrets masked. */
  readonly content: boolean
  /** Where a sink that nobody knows yet begins: with the whole ledger, or with what comes. */
  readonly from: 'start' | 'now'
  readonly file: { readonly path: string; readonly maxBytes: number; readonly keep: number } | null
  /** `null`: the backend's own, or none. */
  readonly url: string | null
  readonly headers: Readonly<Record<string, string>>
  /** OTLP: whose rules are followed. */
  readonly backend: string | null
  readonly signals: readonly ExportSignal[] | null
  readonly encoding: 'protobuf' | 'json' | null
  /** Keys of the backend by the names that its row has. */
  readonly keys: Readonly<Record<string, string>>
  readonly environment: string | null
}

/** What an entry may hold, after the schema was held against it. */
export interface ExportEntry {
  readonly format: ExportFormat
  readonly content?: boolean
  readonly from?: 'start' | 'now'
  readonly file?: string
  readonly max_bytes?: number
  readonly keep?: number
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly backend?: string
  readonly signals?: readonly ExportSignal[]
  readonly encoding?: 'protobuf' | 'json'
  readonly keys?: Readonly<Record<string, string>>
  readonly environment?: string
}

/** Backends of OTLP that the exporter knows, with the keys that each wants. */
export const EXPORT_BACKENDS: Readonly<
  Record<string, { readonly keys: readonly string[]; readonly url: boolean }>
> = {
  langfuse: { keys: ['public_key', 'secret_key'], url: false },
  phoenix: { keys: [], url: false },
  datadog: { keys: ['api_key'], url: true },
  sentry: { keys: ['public_key'], url: true },
}

const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/
const NAME = '^[a-z0-9][a-z0-9_-]{0,63}$'
const SECRET_MAP: JsonObject = {
  type: 'object',
  propertyNames: { type: 'string', pattern: '^[A-Za-z0-9-_]{1,100}$' },
  additionalProperties: { type: 'string', minLength: 1, maxLength: 4_000 },
}

export const exportSchema: JsonObject = {
  description: 'Where records of the ledger go as well, by a name of yours.',
  type: 'object',
  propertyNames: { type: 'string', pattern: NAME },
  additionalProperties: map(
    {
      format: { description: 'What goes out.', enum: [...EXPORT_FORMATS] },
      content: {
        description: 'Whether inputs, results and prompts go out too, secrets masked. Default: false.',
        type: 'boolean',
      },
      from: {
        description: 'Where a new sink begins: the whole ledger (start), or what comes (now). Default: now.',
        enum: ['start', 'now'],
      },
      file: text('File that lines are appended to, relative to this file; cloudevents and ocsf.'),
      max_bytes: {
        description: 'When the file is put aside for a new one. Default: 100,000,000.',
        type: 'integer',
        minimum: 10_000,
        maximum: 1_000_000_000_000,
      },
      keep: {
        description: 'How many files that were put aside stay. Default: 10.',
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
      },
      url: {
        description:
          'Address. Of sentry, the DSN; of otlp, the base to which /v1/traces and /v1/logs are added, unless the backend has its own.',
        type: 'string',
        minLength: 1,
        maxLength: 2_000,
      },
      headers: described('Headers; better $NAME of an environment variable than a secret.', SECRET_MAP),
      backend: { description: 'Of otlp: whose rules are followed.', enum: Object.keys(EXPORT_BACKENDS) },
      keys: described('Keys of the backend, as $NAME of environment variables.', SECRET_MAP),
      signals: listOf(
        'Of otlp: what goes out. Default: what the backend takes.',
        { enum: [...EXPORT_SIGNALS] },
        1,
      ),
      encoding: { description: 'Of otlp. Default: protobuf.', enum: ['protobuf', 'json'] },
      environment: text('Of sentry and otlp: the environment that events belong to.'),
    },
    ['format'],
  ),
}

/** Compiles `export:`. `resolve` makes paths of files absolute. Faults never quote a secret. */
export function compileExports(
  entries: Readonly<Record<string, ExportEntry>>,
  report: Report,
  resolve: (path: string) => string,
): readonly ExportRule[] {
  return Object.freeze(
    Object.entries(entries).map(([name, entry]) => {
      const path: DocumentPath = ['export', name]
      check(entry, path, report)
      return Object.freeze({
        name,
        format: entry.format,
        content: entry.content ?? false,
        from: entry.from ?? 'now',
        file:
          entry.file === undefined
            ? null
            : { path: resolve(entry.file), maxBytes: entry.max_bytes ?? 100_000_000, keep: entry.keep ?? 10 },
        url: entry.url ?? null,
        headers: Object.freeze({ ...entry.headers }),
        backend: entry.backend ?? null,
        signals: entry.signals ?? null,
        encoding: entry.encoding ?? null,
        keys: Object.freeze({ ...entry.keys }),
        environment: entry.environment ?? null,
      })
    }),
  )
}

function check(entry: ExportEntry, path: DocumentPath, report: Report): void {
  const fault = (member: string, expected: string, found: string): void =>
    report([...path, member], 'policy:export', expected, found)
  const takesFile = entry.format === 'cloudevents' || entry.format === 'ocsf'
  const backend = entry.backend === undefined ? undefined : EXPORT_BACKENDS[entry.backend]
  if (entry.file !== undefined && !takesFile)
    fault('file', 'a url: only cloudevents and ocsf go to files', 'file')
  if (entry.file !== undefined && entry.url !== undefined) fault('url', 'either file or url', 'both')
  if (takesFile && entry.file === undefined && entry.url === undefined)
    fault('format', 'file or url', 'neither')
  if (entry.format === 'sentry' && entry.url === undefined) fault('format', 'url: the DSN', 'none')
  if (entry.format === 'otlp' && entry.url === undefined && (backend === undefined || backend.url))
    fault('format', 'url', 'none')
  if (entry.format !== 'otlp')
    for (const member of ['backend', 'signals', 'encoding', 'keys'] as const)
      if (entry[member] !== undefined) fault(member, 'format: otlp', entry.format)
  if (entry.url !== undefined && !isAddress(entry.url))
    fault('url', 'an http:// or https:// address, or $NAME of a variable', 'something else')
  for (const member of ['headers', 'keys'] as const)
    for (const [name, value] of Object.entries(entry[member] ?? {}))
      if (value.startsWith('$') && !VARIABLE.test(value))
        report([...path, member, name], 'policy:export', 'the value, or $NAME of a variable', 'another $')
  for (const key of backend?.keys ?? [])
    if (entry.keys?.[key] === undefined) fault('backend', `keys.${key}`, 'none')
}

function isAddress(url: string): boolean {
  if (VARIABLE.test(url)) return true
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}

/** The file as it may be shown: literal secrets and addresses, which may hold one, are hidden; `$NAME` stays. */
export function withoutExportSecrets(content: JsonObject): JsonObject {
  const { export: exports } = content
  if (!isJsonObject(exports)) return content
  const hidden = (value: unknown): string =>
    typeof value === 'string' && VARIABLE.test(value) ? value : '(hidden)'
  const shown = Object.entries(exports).map(([name, entry]) => {
    if (!isJsonObject(entry)) return [name, entry] as const
    const members = Object.entries(entry).map(([member, value]) => {
      if (member === 'url') return [member, hidden(value)] as const
      if ((member === 'headers' || member === 'keys') && isJsonObject(value))
        return [
          member,
          Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hidden(each)])),
        ] as const
      return [member, value] as const
    })
    return [name, Object.fromEntries(members)] as const
  })
  return { ...content, export: Object.fromEntries(shown) }
}
