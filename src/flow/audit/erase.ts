import type { PayloadRef, Store } from '../../storage/store.ts'

/** What an erasure did, and what it left. */
export interface Erasure {
  readonly erased: readonly PayloadRef[]
  /** Actions whose payloads are gone. */
  readonly actions: readonly string[]
  /** Keys that were destroyed: what they sealed is unreadable also in backups. */
  readonly keys: number
  /** Still there, without a word of the person: records (digests, decisions, amounts) of these actions. */
  readonly stays: { readonly records: number }
}

/** So that one record stays small. */
const PAYLOADS_A_RECORD = 200

/**
 * Erases what is stored of a person (or of one action): the payloads go, and a person's keys, so that copies of them
 * cannot be read either; their digests and the chain stay. Each erasure is itself a record, which names the payloads,
 * never the person. Cut off half-way it can be run again.
 */
export async function erase(
  store: Store,
  what: { readonly subject: string } | { readonly action: string },
  by: string,
): Promise<Erasure> {
  const found = await store.payloadsToErase(what)
  // First of all, because a record says that it was done.
  const keys = 'subject' in what ? await store.destroySubjectKeys(what.subject) : 0
  let recorded = 0
  do {
    const payloads = found.slice(recorded, recorded + PAYLOADS_A_RECORD)
    if (payloads.length === 0 && keys === 0) break
    const body = {
      by,
      basis: 'subject' in what ? 'subject' : 'action',
      ...(recorded === 0 && { keys_destroyed: keys }),
      payloads: payloads.map(({ action, kind }) => ({ action, kind })),
    }
    await store.commit({
      records: [{ kind: 'erasure', at: store.now(), action: null, agent: null, body }],
      erase: payloads,
    })
    recorded += PAYLOADS_A_RECORD
  } while (recorded < found.length)
  if (found.length > 0 || keys > 0) await store.scrub()
  const actions = [...new Set(found.map(({ action }) => action))]
  let records = 0
  for (const id of actions) records += (await store.recordsOf(id)).length
  return { erased: found, actions, keys, stays: { records } }
}
