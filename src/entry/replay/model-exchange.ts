import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { isVendorName, VENDOR_PROTOCOLS } from '../../policy/known-vendors.ts'
import { placeOf } from '../model-gateway/gateway.ts'
import type { ModelAnswer } from '../model-gateway/model-call.ts'
import { formatFor } from '../model-gateway/wire-formats/index.ts'
import { SseParser } from '../model-gateway/wire-formats/sse.ts'
import type { Protocol, RouteMatch, WireFormat } from '../model-gateway/wire-formats/wire-format.ts'
import type { Asked } from './session-book.ts'

/** The protocol that a provider speaks; `undefined` where it is not known. */
export type ProtocolOf = (provider: string) => Protocol | undefined

/** As the policy declares its providers, else as the vendor of that name speaks. */
export function protocolsOf(providers: JsonValue | undefined): ProtocolOf {
  const declared = isJsonObject(providers ?? null) ? (providers as JsonObject) : {}
  return (name) => {
    const entry = Object.hasOwn(declared, name) ? declared[name] : null
    const protocol = isJsonObject(entry ?? null) ? (entry as JsonObject)['protocol'] : undefined
    if (protocol === 'openai' || protocol === 'anthropic' || protocol === 'gemini') return protocol
    return isVendorName(name) ? VENDOR_PROTOCOLS[name] : undefined
  }
}

/** A call of a model in a format that Belay reads. */
export interface ModelExchange {
  readonly format: WireFormat
  readonly route: RouteMatch
  readonly body: JsonObject
  /** What stands in the path before that of the protocol. */
  readonly prefix: string
  readonly path: string
  readonly query: string
}

/** What a request asks of a model; `undefined` for any other request. */
export function modelExchange(
  { method, path, body }: Asked,
  protocolOf: ProtocolOf,
): ModelExchange | undefined {
  const place = placeOf(path)
  const protocol = protocolOf(place.name)
  if (protocol === undefined || !isJsonObject(body)) return undefined
  const found = formatFor(protocol, method, place.path)
  if (found === undefined || found.format.operation !== 'model.generate') return undefined
  const before = path.length - place.query.length - place.path.length
  return { ...found, body, prefix: path.slice(0, before), path: place.path, query: place.query }
}

export interface Change {
  readonly model?: string
  /** In place of what the system says. */
  readonly prompt?: string
}

/** The same request of another model, or under another prompt. */
export function changed(exchange: ModelExchange, { model, prompt }: Change): Pick<Asked, 'path' | 'body'> {
  const { format, route, body, prefix, path, query } = exchange
  const texts = new Map<number, string>()
  if (prompt !== undefined) {
    const system = format
      .readRequest(body, route)
      .texts.flatMap(({ role }, index) => (role === 'system' ? [index] : []))
    for (const [nth, index] of system.entries()) texts.set(index, nth === 0 ? prompt : '')
  }
  const changes = { ...(model !== undefined && { model }), ...(texts.size > 0 && { texts }) }
  return {
    path: prefix + (format.rewritePath?.(path, changes) ?? path) + query,
    body: format.rewriteRequest(body, changes, route),
  }
}

/** An answer in neutral words, whether it was streamed or not; `undefined` when it is none. */
export function readAnswer({ format, route, body }: ModelExchange, bytes: Buffer): ModelAnswer | undefined {
  try {
    if (!format.readRequest(body, route).stream || format.stream === null)
      return format.readAnswer(JSON.parse(bytes.toString('utf8')) as JsonObject)
    const reader = format.stream.open(format.readRequest(body, route))
    const parser = new SseParser()
    for (const event of [...parser.feed(bytes), ...parser.end()])
      for (const one of format.stream.split?.(event) ?? [event]) reader.read(one)
    return reader.ended ? reader.answer() : undefined
  } catch {
    return undefined
  }
}
