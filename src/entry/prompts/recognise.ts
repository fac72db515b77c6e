import type { JsonObject } from '../../action/json.ts'
import type { PromptVersion } from '../../storage/store.ts'
import { partsOf, type PromptPart } from './prompt.ts'
import type { NamedPrompt } from './prompt-registry.ts'
import { isMadeOf } from './template.ts'

/** What a request says to a model, in order. */
export interface RequestText {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly text: string
}

/** Codes of a name that is not believed. */
const MISMATCH = 'prompt:mismatch'
export const UNKNOWN = 'prompt:unknown'

const read = new WeakMap<PromptVersion, readonly PromptPart[]>()

/**
 * Whether the request was made of this version: its templates' fixed parts are there, each in a text of its role, in
 * their order. Other texts may lie between them, such as a conversation. Results of tools are no part of a prompt.
 */
export function isMadeOfPrompt(version: PromptVersion, texts: readonly RequestText[]): boolean {
  let parts = read.get(version)
  if (parts === undefined) read.set(version, (parts = partsOf(version.name, version.content)))
  let next = 0
  for (const { role, text } of texts) {
    const part = parts[next]
    if (part === undefined) break
    if (role !== 'tool' && (part.role ?? role) === role && isMadeOf(part.template, text)) next++
  }
  return next === parts.length
}

/**
 * What the record says of the prompt of a request: the version when its text is there. A name that is not borne out is
 * kept as `claimed`, with the fault, so that nothing is counted for a version that was not used.
 */
export function promptFacts(
  named: NamedPrompt | null,
  texts: readonly RequestText[],
  systemDigest: string | null,
): JsonObject | null {
  if (named === null) return systemDigest === null ? null : { digest: systemDigest }
  const { ref, version } = named
  if (version === null) return { digest: systemDigest, claimed: ref, fault: UNKNOWN }
  if (!isMadeOfPrompt(version, texts)) return { digest: systemDigest, claimed: ref, fault: MISMATCH }
  return { name: version.name, version: version.version, digest: version.digest }
}

/** What the policy sees of it as `input.prompt`: `name@version`, or the fault. `undefined`: the request named none. */
export function promptInput(facts: JsonObject | null): string | undefined {
  if (typeof facts?.['fault'] === 'string') return facts['fault']
  const { name, version } = facts ?? {}
  return typeof name === 'string' && typeof version === 'number' ? `${name}@${version}` : undefined
}
