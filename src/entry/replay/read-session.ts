import { isJsonObject, type JsonObject } from '../../action/json.ts'
import type { Recording } from '../../action/recording.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { textOf } from '../sdk/text-of.ts'
import type { Step } from './session-book.ts'

export interface RecordedSession {
  readonly agents: readonly string[]
  readonly steps: readonly Step[]
  /** Recordings that were erased. */
  readonly erased: number
}

/** All that was kept of a session, in the order in which the agent asked. */
export async function readSession(
  client: ApiClient,
  session: string,
  agent: string | undefined,
): Promise<RecordedSession> {
  const found: { action: string; recording: Recording }[] = []
  const agents = new Set<string>()
  let erased = 0
  let before: string | undefined
  for (;;) {
    const page = await client.object('GET', `/v1/sessions/${encodeURIComponent(session)}/recordings`, {
      query: { agent, before },
      retries: 3,
      timeoutMs: 60_000,
    })
    for (const item of itemsOf(page)) {
      agents.add(textOf(item['agent']))
      const { recording } = item
      if (isJsonObject(recording) && recording['v'] === 1)
        found.push({ action: textOf(item['action']), recording: recording as unknown as Recording })
      else erased++
    }
    if (typeof page['next'] !== 'string' || page['next'] === before) break
    before = page['next']
  }
  // Of the same millisecond the ids tell, which are made in order.
  const inOrder = found.toSorted(
    (a, b) => a.recording.startedAt - b.recording.startedAt || (a.action < b.action ? -1 : 1),
  )
  return {
    agents: [...agents],
    steps: inOrder.map((one, index) => ({ step: index + 1, ...one })),
    erased,
  }
}

function itemsOf(page: JsonObject): readonly JsonObject[] {
  const { items } = page
  return Array.isArray(items) ? items.filter(isJsonObject) : []
}
