import { isJsonObject, type JsonObject } from '../../action/json.ts'
import type { Session } from './session.ts'

const MAX_PAGES = 50

/** Asks the server for all its tools. A sentence when that fails. */
export async function listTools(session: Session, meta: JsonObject): Promise<string | null> {
  const { progressToken: _, ...rest } = meta
  session.catalog.begin()
  session.catalog.stale = false
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const params = { _meta: rest, ...(cursor !== undefined && { cursor }) }
    const ended = await session.ask(null, { method: 'tools/list', params })
    const result = ended.kind === 'response' ? ended.message['result'] : undefined
    if (!isJsonObject(result) || !Array.isArray(result['tools'])) {
      session.catalog.stale = true
      return 'the server does not list its tools'
    }
    await session.catalog.absorb(result['tools'] as readonly JsonObject[])
    const { nextCursor } = result
    if (typeof nextCursor !== 'string' || nextCursor === '') return null
    cursor = nextCursor
  }
  return null
}
