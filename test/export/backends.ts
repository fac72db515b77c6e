import { isJsonObject } from '../../src/action/json.ts'
import type { Answer, Rules } from './receiver.ts'

const refuse = (status: number): Answer => ({ status, body: '{"error":"refused"}' })

/** Langfuse: its own path, Basic authentication of the two keys, JSON or protobuf. */
export const langfuse: Rules = ({ path, headers, body }) => {
  if (path !== '/api/public/otel/v1/traces') return refuse(404)
  if (headers.authorization !== `Basic ${Buffer.from('pk-1:sk-1').toString('base64')}`) return refuse(401)
  return otlpBody(headers['content-type'], body, ['application/x-protobuf', 'application/json'])
}

/** Phoenix: protobuf only. */
export const phoenix: Rules = ({ path, headers, body }) => {
  if (path !== '/v1/traces') return refuse(404)
  return otlpBody(headers['content-type'], body, ['application/x-protobuf'])
}

/** Datadog's LLM observability: its key, and the header without which spans go elsewhere. */
export const datadog: Rules = ({ path, headers, body }) => {
  if (path !== '/v1/traces') return refuse(404)
  if (headers['dd-api-key'] !== 'dd-1') return refuse(403)
  if (headers['dd-otlp-source'] !== 'llmobs') return refuse(400)
  return otlpBody(headers['content-type'], body, ['application/x-protobuf'])
}

/** Sentry's OTLP: two paths, its own header. */
export const sentryOtlp: Rules = ({ path, headers, body }) => {
  if (!/^\/integration\/otlp\/v1\/(?:traces|logs)$/.test(path)) return refuse(404)
  if (headers['x-sentry-auth'] !== 'sentry sentry_key=abc123') return refuse(403)
  return otlpBody(headers['content-type'], body, ['application/x-protobuf', 'application/json'])
}

function otlpBody(type: string | undefined, body: Buffer, types: readonly string[]): Answer | undefined {
  if (type === undefined || !types.includes(type)) return refuse(415)
  if (type === 'application/json') {
    const parsed = parse(body)
    if (!isJsonObject(parsed)) return refuse(400)
    return Array.isArray(parsed['resourceSpans'] ?? parsed['resourceLogs']) ? undefined : refuse(400)
  }
  return isMessage(body) ? undefined : refuse(400)
}

/** Whether the bytes are protobuf all through: field 1, length-delimited, as both kinds of request are. */
function isMessage(body: Buffer): boolean {
  let at = 0
  while (at < body.length) {
    if (body[at++] !== 0x0a) return false
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++]
      if (byte === undefined) return false
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    at += length
  }
  return at === body.length && body.length > 0
}

const HEX_32 = /^[0-9a-f]{32}$/

/** Sentry's envelopes: authentication, the three lines, the length, ids, and what an event must have. */
export const sentry: Rules = ({ path, headers, body }) => {
  if (path !== '/api/42/envelope/') return refuse(404)
  const auth = headers['x-sentry-auth']
  if (
    typeof auth !== 'string' ||
    !/^Sentry .*sentry_version=7/.test(auth) ||
    !auth.includes('sentry_key=abc123')
  )
    return refuse(403)
  if (headers['content-type'] !== 'application/x-sentry-envelope') return refuse(415)
  if (body.length > 1_000_000 * 20) return refuse(413)
  const first = body.indexOf(0x0a)
  const second = body.indexOf(0x0a, first + 1)
  if (first === -1 || second === -1) return refuse(400)
  const head = parse(body.subarray(0, first))
  const item = parse(body.subarray(first + 1, second))
  if (!isJsonObject(head) || !isJsonObject(item) || item['type'] !== 'event') return refuse(400)
  const length = item['length']
  if (typeof length !== 'number' || body.length - second - 1 < length) return refuse(400)
  const event = parse(body.subarray(second + 1, second + 1 + length))
  const rest = body.subarray(second + 1 + length).toString()
  if (!isJsonObject(event) || rest.trim() !== '') return refuse(400)
  const { event_id: id, timestamp, platform, level, tags } = event
  if (typeof id !== 'string' || !HEX_32.test(id) || id !== head['event_id']) return refuse(400)
  if (typeof timestamp !== 'number' || timestamp > Date.now() / 1_000 + 60) return refuse(400)
  if (platform !== 'other' && platform !== 'node') return refuse(400)
  if (!['fatal', 'error', 'warning', 'info', 'debug'].includes(textOf(level))) return refuse(400)
  // Keys of tags are at most 32 characters, values at most 200, without line breaks.
  for (const [key, value] of Object.entries(isJsonObject(tags) ? tags : {}))
    if (
      !/^[A-Za-z0-9_.:-]{1,32}$/.test(key) ||
      typeof value !== 'string' ||
      value.length > 200 ||
      /\n/.test(value)
    )
      return refuse(400)
  return { status: 200, body: JSON.stringify({ id }) }
}

/** CloudEvents 1.0 in batches: HTTP binding §3.3 and the core specification's attributes. */
export const cloudEvents: Rules = ({ headers, body }) => {
  if (!/^application\/cloudevents-batch\+json(?:; *charset=utf-8)?$/i.test(headers['content-type'] ?? ''))
    return refuse(415)
  if (headers.authorization !== 'Bearer t-1') return refuse(401)
  const events = parse(body)
  if (!Array.isArray(events)) return refuse(400)
  for (const event of events as unknown[]) if (cloudEventFault(event) !== undefined) return refuse(400)
  return { status: 202 }
}

export function cloudEventFault(event: unknown): string | undefined {
  if (!isJsonObject(event)) return 'not an object'
  for (const name of ['id', 'source', 'specversion', 'type'])
    if (typeof event[name] !== 'string' || event[name] === '') return `${name} is missing`
  if (event['specversion'] !== '1.0') return 'specversion'
  if (!URL.canParse(textOf(event['source']))) return 'source is no URI'
  if (event['time'] !== undefined && Number.isNaN(Date.parse(textOf(event['time'])))) return 'time'
  for (const [name, value] of Object.entries(event)) {
    if (!/^[a-z0-9]{1,20}$/.test(name)) return `the name ${name}`
    if (name !== 'data' && typeof value === 'object') return `${name} is no simple value`
  }
  return JSON.stringify(event).length > 65_536 ? 'larger than 64 KiB' : undefined
}

/** `''` for what is no text. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
