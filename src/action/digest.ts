import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { BelayError } from '../errors/catalogue.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** RFC 8785 canonical JSON. Throws `input:not_canonical` for NaN, infinities, cycles and lone surrogates. */
export function canonicalJson(value: JsonValue): string {
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch (error) {
    throw new BelayError('input:not_canonical', { cause: error instanceof Error ? error.message : String(error) })
  }
  if (text === undefined) throw new BelayError('input:not_canonical', { cause: 'the value is undefined' })
  return text
}

/** SHA-256 of the UTF-8 text, lower-case hex. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}

/** SHA-256 over RFC 8785 canonical JSON, as `sha256:` and 64 hex digits. */
export function digestOf(value: JsonValue): string {
  return `sha256:${sha256(canonicalJson(value))}`
}

/** What an approval is bound to: who does what, with which arguments, by which release. */
export interface ActionIdentity {
  readonly agent: string
  readonly release: string | null
  readonly operation: string
  readonly target: string | null
  readonly tool_schema_version: string | null
  readonly arguments: JsonObject
}

export function actionDigest(identity: ActionIdentity): string {
  return digestOf({ ...identity })
}
