import type { StoredPayload, StoredRecord } from '../../storage/store.ts'
import { formatCheckpoints } from './transparency/checkpoint.ts'
import { chainOf } from './transparency/log-identity.ts'
import type { TransparencyLog } from './transparency/transparency-log.ts'

export const EXPORT_FORMAT = 'belay-ledger/2'
const PAGE = 500

/**
 * The ledger as NDJSON: a header; chain by chain every record in its exact bytes beside its hash, each followed by its
 * payload when they are asked for; and at the end where every log stood, signed, without which a file counts as cut.
 */
export async function* exportLedger(
  log: TransparencyLog,
  { payloads = false }: { readonly payloads?: boolean } = {},
): AsyncGenerator<string> {
  const { store } = log
  yield exportHeader(payloads)
  const ends = await log.checkpoints()
  for (const { origin, size } of ends) {
    const chain = chainOf(origin)
    let after = 0
    while (after < size) {
      const page = await store.records(chain, after, Math.min(PAGE, size - after))
      const last = page.at(-1)
      if (last === undefined) break
      const stored = payloads ? await payloadsByKey(log, page) : undefined
      for (const { hash, text, action, seq } of page) {
        // The text stands in the line as it is: whoever reads the file can hash it where it lies.
        yield `{"hash":"${hash}","record":${text}}\n`
        const payload = stored?.get(`${action} ${kindOf(text)}`)
        if (payload?.salt != null && payload.text !== null && seq > 0) {
          const { kind, salt, text: content } = payload
          yield line({ payload: { action, kind, salt, text: content } })
        }
      }
      after = last.seq
    }
  }
  const witnessed = await Promise.all(ends.map(({ origin }) => log.witnessed(chainOf(origin))))
  const older = witnessed.flatMap((each, i) =>
    each === undefined || each.size === ends[i]?.size ? [] : [each],
  )
  yield line({ checkpoints: formatCheckpoints([...ends, ...older]) })
}

/** The first line of an exported ledger, with its end. */
export function exportHeader(payloads: boolean): string {
  return line({ format: EXPORT_FORMAT, payloads })
}

async function payloadsByKey(
  { store }: TransparencyLog,
  page: readonly StoredRecord[],
): Promise<Map<string, StoredPayload>> {
  const ids = [
    ...new Set(
      page.flatMap(({ action, text }) => (action === null || kindOf(text) === null ? [] : [action])),
    ),
  ]
  const found = await store.sealedPayloadsOf(ids)
  return new Map(found.map((payload) => [`${payload.action} ${payload.kind}`, payload]))
}

/** Which payload belongs to the record. */
function kindOf(text: string): string | null {
  return (JSON.parse(text) as { payload: { kind: string } | null }).payload?.kind ?? null
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`
