import { isJsonObject } from '../../action/json.ts'
import { CODE, metaOf, paramsOf, type Request } from './message.ts'
import type { Declared } from './servers.ts'
import type { Session } from './session.ts'

const PATIENCE_MS = 10_000

/**
 * Asks a server which protocol it speaks, as a client would (MCP 2026-07-28, Backward Compatibility). One that cannot
 * be reached has said nothing, and is asked again.
 */
export async function askEra(declared: Declared, session: Session, message: Request): Promise<void> {
  const { progressToken: _, ...meta } = metaOf(paramsOf(message))
  const probe = { method: 'server/discover', params: { _meta: meta } }
  const ended = await session.ask(null, probe, { timeout: PATIENCE_MS })
  if (ended.kind === 'timeout') declared.era = 'handshake'
  if (ended.kind !== 'response') return
  const { result, error } = ended.message
  const modern = isJsonObject(result)
    ? Array.isArray(result['supportedVersions'])
    : isJsonObject(error) && error['code'] === CODE.unsupportedVersion
  declared.era = modern ? 'stateless' : 'handshake'
}
