import { secretsIn, type SecretHit } from '../../../../secrets/find.ts'
import { plainText } from '../pii/look-alikes.ts'
import { disjoint } from '../pii/spans.ts'

export type { SecretHit } from '../../../../secrets/find.ts'

/** Secrets in a text as it reads, whatever invisible or look-alike characters are in it: disjoint spans, in order. */
export function findSecrets(original: string): SecretHit[] {
  const plain = plainText(original)
  const hits = secretsIn(plain.text)
  if (hits.length === 0) return hits
  return disjoint(hits).map(({ kind, start, end }) => ({ kind, ...plain.original(start, end) }))
}
