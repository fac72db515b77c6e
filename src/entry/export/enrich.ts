import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { Store, StoredRecord } from '../../storage/store.ts'
import { maskJson } from '../recording/mask-secrets.ts'
import type { ExportedRecord } from './sink.ts'

type Reads = Pick<Store, 'recordsOf' | 'payloadsOf'>

/** Records with what goes out beside them: content only where it was opted in, and never a secret. */
export async function enrich(
  store: Reads,
  records: readonly StoredRecord[],
  what: { readonly content: boolean; readonly decisions: boolean },
): Promise<readonly ExportedRecord[]> {
  const said = records.map(({ text }) => JSON.parse(text) as JsonObject)
  const payloads = what.content ? await payloadsOf(store, records) : undefined
  const histories = new Map<string, Promise<History>>()
  return Promise.all(
    records.map(async (record, index): Promise<ExportedRecord> => {
      const own = said[index] ?? {}
      const { action, kind } = record
      let history: History = { decision: null, startedAt: null }
      if (what.decisions && action !== null && kind === 'outcome') {
        let read = histories.get(action)
        if (read === undefined) histories.set(action, (read = historyOf(store, action)))
        history = await read
      }
      const payload = isJsonObject(own['payload']) ? own['payload']['kind'] : undefined
      return {
        ...record,
        said: own,
        payload: typeof payload === 'string' ? (payloads?.get(`${action} ${payload}`) ?? null) : null,
        ...history,
      }
    }),
  )
}

interface History {
  readonly decision: JsonObject | null
  readonly startedAt: number | null
}

async function historyOf(store: Reads, action: string): Promise<History> {
  const records = await store.recordsOf(action)
  const decision = records.find(({ kind }) => kind === 'decision')
  const parsed = decision === undefined ? null : (JSON.parse(decision.text) as JsonObject)
  const start = records.find(({ kind }) => kind === 'start')
  const startedAt = start?.at ?? (parsed?.['state'] === 'executing' ? (decision?.at ?? null) : null)
  return { decision: parsed, startedAt }
}

async function payloadsOf(
  store: Reads,
  records: readonly StoredRecord[],
): Promise<ReadonlyMap<string, ExportedRecord['payload']>> {
  const actions = [...new Set(records.flatMap(({ action }) => (action === null ? [] : [action])))]
  const found = await store.payloadsOf(actions)
  return new Map(
    found.flatMap(({ action, kind, text }) =>
      text === null
        ? []
        : [[`${action} ${kind}`, { kind, body: maskJson(JSON.parse(text) as JsonValue).value }] as const],
    ),
  )
}
