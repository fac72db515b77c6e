import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '../../action/digest.ts'
import type { Store } from '../../storage/store.ts'
import { publicKeyOf, signatureHolds, signText } from './signing-key.ts'

/** Where every chain stands, signed. Whoever keeps one elsewhere can tell later whether the ledger was rewritten. */
export interface Checkpoint {
  readonly at: number
  readonly chains: readonly { readonly chain: string; readonly seq: number; readonly hash: string }[]
  readonly public_key: string
  readonly signature: string
}

export async function checkpoint(store: Store, key: KeyObject): Promise<Checkpoint> {
  const chains = (await store.chains()).map(({ chain, seq, hash }) => ({ chain, seq, hash }))
  const body = { at: store.now(), chains, public_key: publicKeyOf(key) }
  return { ...body, signature: signText(key, canonicalJson(body)) }
}

export function checkpointHolds({ signature, ...body }: Checkpoint): boolean {
  return signatureHolds(body.public_key, canonicalJson(body), signature)
}
