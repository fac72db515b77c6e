import type { PayloadRef, Store } from '../../storage/store.ts'

export interface Erasure {
  readonly erased: readonly PayloadRef[]
  /** Actions whose payloads are gone. */
  readonly actions: readonly string[]
}

/** So that one record stays small. */
const PAYLOADS_A_RECORD = 200

/**
 * Erases what is stored of a person (or of one action): the payloads go, their digests and the chain stay.
 * Each erasure is itself a record, which names the payloads, never the person.
 */
export async function erase(
  store: Store,
  what: { readonly subject: string } | { readonly action: string },
  by: string,
): Promise<Erasure> {
  const found = await store.payloadsToErase(what)
  for (let i = 0; i < found.length; i += PAYLOADS_A_RECORD) {
    const payloads = found.slice(i, i + PAYLOADS_A_RECORD)
    const body = {
      by,
      basis: 'subject' in what ? 'subject' : 'action',
      payloads: payloads.map(({ action, kind }) => ({ action, kind })),
    }
    await store.commit({
      records: [{ kind: 'erasure', at: store.now(), action: null, agent: null, body }],
      erase: payloads,
    })
  }
  if (found.length > 0) await store.scrub()
  return { erased: found, actions: [...new Set(found.map(({ action }) => action))] }
}
