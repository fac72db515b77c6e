import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { notification } from './message.ts'
import type { ServerLink } from './server-link.ts'
import type { UpstreamCalls } from './upstream-calls.ts'

/**
 * Tells a server that was started again what the one before knew: the handshake as the client made it, then the
 * requests in `again` (log level, subscriptions). `false` when it refuses the handshake.
 */
export function introduce(
  calls: UpstreamCalls,
  link: ServerLink,
  timeout: number,
  params: JsonObject,
  again: readonly JsonObject[],
): Promise<boolean> {
  const never = (): boolean => false
  return new Promise((resolve) => {
    const end: Parameters<UpstreamCalls['send']>[2]['end'] = (ended) => {
      const result = ended.kind === 'response' ? ended.message['result'] : undefined
      if (!isJsonObject(result)) return resolve(false)
      if (typeof result['protocolVersion'] === 'string') link.negotiated(result['protocolVersion'])
      link.send(notification('notifications/initialized'))
      for (const message of again)
        calls.send(link, message, { owner: null, timeout, end: () => undefined }, never)
      resolve(true)
    }
    const handshake = { method: 'initialize', params }
    if (calls.send(link, handshake, { owner: null, timeout, end }, never) === null) resolve(false)
  })
}
