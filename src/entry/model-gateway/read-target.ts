import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { parseJsonBody } from '../http-api/json-body.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { Target } from './heal-call.ts'
import type { Provider } from './providers/provider.ts'
import { formatFor } from './wire-formats/index.ts'
import { unread } from './wire-formats/unread.ts'

/** What the body asks of the provider: read by the format of its route. Throws `input:invalid_json` … */
export function readTarget(
  { limits }: Pick<GatewayContext, 'limits'>,
  provider: Provider,
  method: string,
  path: string,
  bytes: Buffer | null,
): Target {
  const matched = formatFor(provider.protocol, method, path)
  const { format, route } = matched ?? { format: unread(provider.protocol), route: {} }
  let body: JsonObject | null = null
  if (matched !== undefined && bytes !== null && bytes.length > 0) {
    const parsed = parseJsonBody(bytes, { depth: limits.jsonDepth, nodes: limits.jsonNodes })
    if (!isJsonObject(parsed))
      throw new BelayError('input:invalid', {
        where: 'body',
        expected: 'a JSON object',
        got: 'something else',
      })
    body = parsed
  }
  return { provider, format, route, path, body, bytes, cause: null }
}
