import { createHash } from 'node:crypto'
import type { JsonObject } from '../../action/json.ts'
import { BY_EGRESS, egressRuleFor, isBuiltIn } from '../../policy/admit-request.ts'
import { EGRESS_REFUSALS, type EgressRefusal } from '../../policy/egress-refusals.ts'
import { judgesResults } from '../judged-report.ts'
import { AgentGone, type AgentConnection } from './agent-connection.ts'
import { Exchange } from './exchange.ts'
import { refuse, type Gateway } from './gateway.ts'
import { endToEnd, MalformedMessage, valueOf, valuesOf, type Header, type RequestHead } from './http1/head.ts'
import { hostName, splitPort } from './host-name.ts'
import { gatewayHeaders, gatewayPath, modelHosts } from './model-hosts.ts'
import { targetOf } from './target.ts'
import { sendRequest, type Outgoing } from './send-request.ts'

/** A body up to this many bytes is read before it is judged, and what checks get to see of it is all of it. */
const MAX_READ = 256 * 1024
const DEFAULT_TIMEOUT = 600_000
const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n')
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')

/** One request of the agent, from its headers to its answer. Never rejects. */
export async function serveRequest(
  gateway: Gateway,
  connection: AgentConnection,
  head: RequestHead,
): Promise<void> {
  try {
    await serve(gateway, connection, head)
  } catch (error) {
    if (error instanceof AgentGone) return
    if (error instanceof MalformedMessage) return await refuseMalformed(gateway, connection, error)
    gateway.onFault(error)
    connection.socket.destroy()
  }
}

/** What cannot be understood is refused and recorded; nothing more is read of its connection. */
export async function refuseMalformed(
  gateway: Gateway,
  connection: AgentConnection,
  error: MalformedMessage,
): Promise<void> {
  const { pinned, address, scheme } = connection.place
  gateway.counts.requests++
  const input = { via: BY_EGRESS, host: pinned ?? address, path: '', scheme, refused: 'egress:malformed' }
  const judged = await gateway.judge.judge('MALFORMED', input, connection.left)
  if (judged.status === 'admitted')
    await gateway.options.door
      .report(judged.standing.id, { outcome: 'failed', error: error.message, cost: 0 })
      .catch(gateway.onFault)
  const detail = `${EGRESS_REFUSALS['egress:malformed']} (${error.message})`
  refuse(gateway, connection, { status: 400, code: 'egress:malformed', detail }, { method: '', close: true })
}

async function serve(gateway: Gateway, connection: AgentConnection, head: RequestHead): Promise<void> {
  const { options, counts, secrets } = gateway
  const { method } = head
  counts.requests++
  if (options.requests !== undefined && counts.requests > options.requests) {
    options.onQuota?.('requests')
    const detail = `The agent may send ${options.requests} requests, and has.`
    return refuse(
      gateway,
      connection,
      { status: 403, code: 'egress:requests', detail },
      { method, close: true },
    )
  }
  if (method === 'CONNECT' && connection.place.proxy) return serveConnect(gateway, connection, head)
  const target = targetOf(connection.place, head)
  if ('refused' in target) {
    const { refused, host, pathname, scheme } = target
    return refuseRecorded(gateway, connection, method, { host, path: pathname, scheme }, refused)
  }
  const place = { host: target.host, path: target.pathname, scheme: target.scheme }
  const wantsUpgrade = valuesOf(head.headers, 'upgrade').length > 0
  const upgrade = wantsUpgrade && isWebSocket(head)
  if (wantsUpgrade && !upgrade && !isIgnorable(head))
    return refuseRecorded(gateway, connection, method, place, 'egress:upgrade')
  const headers = endToEnd(head.headers).filter(({ lower }) => lower !== 'host')
  const length = head.framing.kind === 'length' ? head.framing.length : null
  const base = { method, target, upgrade, length }

  const misplaced = secrets.namedIn(head.target)
  if (misplaced !== undefined)
    return refuseRecorded(gateway, connection, method, place, 'egress:secret_misplaced')

  const { models } = options
  const model = models === null ? undefined : modelHosts(gateway.policy()).get(target.host)
  if (models !== null && model !== undefined) {
    const url = new URL(models.url)
    const origin = {
      tls: url.protocol === 'https:',
      name: url.hostname,
      address: url.hostname,
      port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    }
    const sent = {
      ...base,
      target: { ...target, host: url.host, path: gatewayPath(model, target.path) },
      headers: gatewayHeaders(headers, models.key, options.session),
    }
    const { bytes, whole } = await body(connection, head)
    const onRefused = (text: string): void => {
      if (text.includes('budget:')) options.onQuota?.('budget')
    }
    return sendRequest(gateway, connection, { ...sent, body: bytes, whole }, origin, {
      action: null,
      judged: false,
      scrubber: null,
      limit: DEFAULT_TIMEOUT,
      onRefused,
    })
  }

  const put = secrets.putIn(headers, target.host)
  if (put.status === 'elsewhere')
    return refuseRecorded(gateway, connection, method, place, 'egress:secret_elsewhere')
  const rule = egressRuleFor(gateway.policy().agent(options.agent)?.egress, {
    method,
    host: target.host,
    path: target.pathname,
  })
  if (put.used.length > 0 && target.scheme === 'http' && rule?.upstream == null)
    return refuseRecorded(gateway, connection, method, place, 'egress:secret_in_clear')

  const { bytes, whole } = await body(connection, head)
  const watch = secrets.watch()
  if (watch?.seen(bytes) !== undefined)
    return refuseRecorded(gateway, connection, method, place, 'egress:secret_misplaced')

  const input: JsonObject = {
    via: BY_EGRESS,
    host: target.host,
    path: target.pathname,
    url: `${target.scheme}://${target.host}${target.path}`,
    ...bodyFacts(head, bytes, whole, !isBuiltIn(gateway.policy().action(`http.${method}`))),
    ...(put.used.length > 0 && { secrets: put.used }),
    ...(upgrade && { upgrade: 'websocket' }),
  }
  const judged = await gateway.judge.judge(method, input, connection.left)
  if (judged.status === 'refused') return refuse(gateway, connection, judged.refusal, { method })
  const { standing } = judged
  const judgesAnswer = judgesResults(options.policies, `http.${method}`)
  const scrubber = secrets.scrubberFor(target.host)
  const plain = scrubber !== null || judgesAnswer
  const outgoing: Outgoing = {
    ...base,
    headers: plain ? asPlain(put.headers, upgrade && scrubber !== null) : put.headers,
    body: bytes,
    whole,
  }
  const exchange = {
    action: standing.id,
    judged: judgesAnswer,
    scrubber,
    limit: standing.limit ?? DEFAULT_TIMEOUT,
  }
  const changed = enforcedBody(input, standing.input)
  if (changed === 'elsewhere') {
    const outcome = new Exchange(gateway, connection, { ...exchange, method, upgrade })
    return outcome.refusedToSend('egress:changed', 'A check changed where the request goes.', 403)
  }
  const sent = changed === undefined ? outgoing : { ...outgoing, body: Buffer.from(changed.text) }
  await sendRequest(gateway, connection, sent, { rule, target }, { ...exchange, watch })
}

/** A tunnel to a host is TLS to it, which ends here like any other. */
async function serveConnect(gateway: Gateway, connection: AgentConnection, head: RequestHead): Promise<void> {
  const authority = head.target.toLowerCase()
  const split = splitPort(authority)
  const host = hostName(split?.host ?? '')
  const refused = ((): EgressRefusal | null => {
    if (head.framing.kind !== 'none') return 'egress:target'
    if (
      valueOf(head.headers, 'host')?.toLowerCase() !== authority &&
      host !== valueOf(head.headers, 'host')?.toLowerCase()
    )
      return 'egress:host_mismatch'
    if (host === undefined) return 'egress:address'
    return split?.port === 443 ? null : 'egress:port'
  })()
  if (refused !== null || host === undefined) {
    const place = { host: host ?? authority.slice(0, 300), path: '', scheme: 'https' }
    return refuseRecorded(gateway, connection, 'CONNECT', place, refused ?? 'egress:address')
  }
  connection.write(ESTABLISHED)
  gateway.secure(connection.socket, connection.upgrade(), host)
}

/** A request that no policy could admit: recorded as denied, and never sent. */
async function refuseRecorded(
  gateway: Gateway,
  connection: AgentConnection,
  method: string,
  place: { readonly host: string; readonly path: string; readonly scheme: string },
  refused: EgressRefusal,
): Promise<void> {
  const input = { via: BY_EGRESS, ...place, refused }
  const judged = await gateway.judge.judge(method, input, connection.left)
  const detail = EGRESS_REFUSALS[refused]
  if (judged.status === 'refused') {
    const { status, more } = judged.refusal
    const refusal = { status, code: refused, detail, ...(more !== undefined && { more }) }
    return refuse(gateway, connection, refusal, { method })
  }
  // Only observed: the record says what it would have decided, and the gateway does not send it all the same.
  await gateway.options.door.report(judged.standing.id, { outcome: 'failed', error: detail, cost: 0 })
  refuse(gateway, connection, { status: 403, code: refused, detail }, { method })
}

async function body(
  connection: AgentConnection,
  head: RequestHead,
): Promise<{ readonly bytes: Buffer; readonly whole: boolean }> {
  if (valueOf(head.headers, 'expect')?.toLowerCase() === '100-continue' && connection.hasBody)
    connection.write(CONTINUE)
  return connection.collect(MAX_READ)
}

function bodyFacts(
  { framing, headers }: RequestHead,
  bytes: Buffer,
  whole: boolean,
  read: boolean,
): JsonObject {
  if (framing.kind === 'none') return {}
  const type = valueOf(headers, 'content-type')?.slice(0, 200)
  const told = type === undefined ? {} : { content_type: type }
  // The last piece may end the body beyond the bound: that is as large as any other.
  if (!whole || bytes.length > MAX_READ)
    return {
      ...told,
      ...(framing.kind === 'length' && { body_bytes: framing.length }),
      body_unread: 'large',
    }
  const facts = {
    ...told,
    body_bytes: bytes.length,
    body_sha256: createHash('sha256').update(bytes).digest('hex'),
  }
  if (!read || bytes.length === 0) return facts
  if (valuesOf(headers, 'content-encoding').some((one) => one.toLowerCase() !== 'identity'))
    return { ...facts, body_unread: 'encoded' }
  try {
    return { ...facts, body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { ...facts, body_unread: 'binary' }
  }
}

/** The body as a check has changed it; `undefined`: as it was. */
function enforcedBody(
  proposed: JsonObject,
  enforced: JsonObject,
): { readonly text: string } | 'elsewhere' | undefined {
  if (enforced === proposed) return undefined
  for (const word of ['host', 'path', 'url']) if (enforced[word] !== proposed[word]) return 'elsewhere'
  const { body: text } = enforced
  if (text === proposed['body']) return undefined
  return typeof text === 'string' ? { text } : 'elsewhere'
}

/** Without compression, so that what comes back can be read. */
function asPlain(headers: readonly Header[], upgrade: boolean): readonly Header[] {
  const kept = headers.filter(
    ({ lower }) => lower !== 'accept-encoding' && !(upgrade && lower === 'sec-websocket-extensions'),
  )
  return [...kept, { name: 'Accept-Encoding', lower: 'accept-encoding', value: 'identity' }]
}

function isWebSocket(head: RequestHead): boolean {
  return (
    head.method === 'GET' &&
    head.framing.kind === 'none' &&
    valueOf(head.headers, 'upgrade')?.toLowerCase() === 'websocket' &&
    valuesOf(head.headers, 'connection').some((value) => /\bupgrade\b/i.test(value))
  )
}

/** An offer to speak HTTP/2 that a server may leave alone (RFC 9110, 7.8). */
function isIgnorable({ headers }: RequestHead): boolean {
  return valuesOf(headers, 'upgrade').every((value) => /^h2c?$/i.test(value.trim()))
}
