import { replaceSpans } from '../pii/spans.ts'
import { findSecrets, type SecretHit } from './find.ts'

/** Replaces the secrets that were found by `[secret:kind]`. */
export function redactHits(text: string, hits: readonly SecretHit[]): string {
  return replaceSpans(text, hits, ({ kind }) => `[secret:${kind}]`)
}

/** The text with every secret in it replaced by `[secret:kind]`; for logs, errors and reports. Never throws. */
export function redactSecrets(text: string): string {
  return redactHits(text, findSecrets(text))
}
