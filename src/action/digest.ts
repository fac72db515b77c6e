import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { BelayError } from '../errors/catalogue.ts'
import type { JsonValue } from './json.ts'
import { plainCanonicalJson } from './plain-canonical-json.ts'

/** RFC 8785 canonical JSON. Throws `input:not_canonical` for NaN, infinities, cycles and lone surrogates. */
export function canonicalJson(value: JsonValue): string {
  const plain = plainCanonicalJson(value)
  if (plain !== undefined) return plain
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch (error) {
    throw new BelayError('input:not_canonical', {
      cause: error instanceof Error ? error.message : String(error),
    })
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
}

/**
 * SHA-256 over the RFC 8785 canonical JSON of the identity with its `arguments`, which are given in canonical
 * form already: they are the large part, and their own digest is needed as well.
 */
export function actionDigest(identity: ActionIdentity, canonicalArguments: string): string {
  const { agent, operation, release, target, tool_schema_version } = identity
  const text = JSON.stringify
  return `sha256:${sha256(
    `{"agent":${text(agent)},"arguments":${canonicalArguments},"operation":${text(operation)},"release":${text(release)},` +
      `"target":${text(target)},"tool_schema_version":${text(tool_schema_version)}}`,
  )}`
}
