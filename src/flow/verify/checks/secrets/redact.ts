import { replaceSpans } from '../pii/spans.ts'
import type { SecretHit } from './find.ts'

/** Replaces the secrets that were found by `[secret:kind]`. */
export function redactHits(text: string, hits: readonly SecretHit[]): string {
  return replaceSpans(text, hits, ({ kind }) => `[secret:${kind}]`)
}
