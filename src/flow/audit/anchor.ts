import type { Store } from '../../storage/store.ts'

/**
 * Ties the chains of all replicas together: each replica records now and then where the others stand, so that
 * none can be rewritten without the others showing it. Nothing is written while nobody else has moved.
 */
export function createAnchor(store: Store, every = 10_000): () => Promise<void> {
  let last = ''
  let nextAt = 0
  return async () => {
    const now = store.now()
    if (now < nextAt) return
    nextAt = now + every
    // A replica that has just entered has a chain without a record: there is nothing to hold on to.
    const others = (await store.chains()).filter(
      ({ chain, seq, live }) => live && seq > 0 && chain !== store.replica,
    )
    const chains = others.map(({ chain, seq, hash }) => ({ chain, seq, hash }))
    const stand = JSON.stringify(chains)
    if (chains.length === 0 || stand === last) return
    await store.commit({
      records: [{ kind: 'anchor', at: now, action: null, agent: null, body: { chains } }],
    })
    last = stand
  }
}
