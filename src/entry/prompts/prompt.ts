import { digestOf } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { PromptContent, PromptVersion } from '../../storage/store.ts'
import {
  checkVariables,
  MAX_RENDERED,
  parseTemplate,
  renderTemplate,
  type Template,
  type Variables,
} from './template.ts'

export const PROMPT_NAME = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$'
/** A label begins with a letter, so that it is never taken for a version. */
export const LABEL_NAME = '^[a-z][a-z0-9_.-]{0,63}$'
/** `name@version`, `name@label`, or a name alone for the newest version. */
export const PROMPT_REF = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@[a-z0-9][a-z0-9_.-]{0,63})?$'
/** Always the newest version; nobody moves it. */
export const LATEST = 'latest'
export const MAX_MESSAGES = 100
const MAX_CONFIG = 32_768

/** A prompt as somebody hands it in: what is not known yet is its version. */
export interface PromptDraft {
  readonly name: string
  readonly content: PromptContent
  readonly config: JsonObject
  /** Why it was changed, in the author's words. */
  readonly note: string | null
}

/** One template of a prompt with the role of its text; `null`: a text that may have any. */
export interface PromptPart {
  readonly role: 'system' | 'user' | 'assistant' | null
  readonly template: Template
}

/** What becomes of a version with its variables filled in. */
export interface RenderedPrompt {
  readonly name: string
  readonly version: number
  readonly digest: string
  /** `name@version`: what the header `belay-prompt` and `prompt` of a proposal take. */
  readonly ref: string
  readonly text: string | null
  readonly messages: readonly { readonly role: string; readonly content: string }[] | null
  readonly config: JsonObject
}

/** Reads the templates of a prompt. Throws `prompt:invalid`, `input:too_large`. */
export function partsOf(name: string, content: PromptContent): readonly PromptPart[] {
  if (content.kind === 'text') return [{ role: null, template: parseTemplate(content.text, name) }]
  return content.messages.map(({ role, content: text }, index) => ({
    role,
    template: parseTemplate(text, `${name}, message ${index + 1}`),
  }))
}

/**
 * Checks a prompt before it becomes a version, and answers its digest: SHA-256 over the canonical JSON of content and
 * config. Throws `prompt:invalid`, `input:too_large`.
 */
export function digestOfDraft({ name, content, config }: PromptDraft): string {
  const parts = partsOf(name, content)
  if (parts.every(({ template }) => template.variables.length === 0 && template.literals[0]?.trim() === ''))
    throw new BelayError('prompt:invalid', { where: name, expected: 'a text', got: 'an empty one' })
  const size = JSON.stringify(config).length
  if (size > MAX_CONFIG)
    throw new BelayError('input:too_large', {
      where: `${name}, config`,
      max: `${MAX_CONFIG} characters of JSON`,
      got: String(size),
    })
  return digestOf({ ...contentJson(content), config })
}

/** Fills in the variables. Throws `prompt:variables`, `input:too_large`. */
export function renderPrompt(version: PromptVersion, variables: Variables): RenderedPrompt {
  const { name, content, config, digest } = version
  const parts = partsOf(name, content)
  checkVariables(
    name,
    parts.map(({ template }) => template),
    variables,
  )
  const size = parts.reduce((sum, { template }) => sum + sizeOf(template, variables), 0)
  if (size > MAX_RENDERED)
    throw new BelayError('input:too_large', {
      where: `${name}, rendered`,
      max: `${MAX_RENDERED} characters`,
      got: String(size),
    })
  const texts = parts.map(({ template }) => renderTemplate(template, variables))
  return {
    name,
    version: version.version,
    digest,
    ref: `${name}@${version.version}`,
    text: content.kind === 'text' ? (texts[0] ?? '') : null,
    messages:
      content.kind === 'chat'
        ? content.messages.map(({ role }, index) => ({ role, content: texts[index] ?? '' }))
        : null,
    config,
  }
}

/** The names that the templates of a prompt want, sorted. */
export function variablesOf(version: Pick<PromptVersion, 'name' | 'content'>): readonly string[] {
  const names = partsOf(version.name, version.content).flatMap(({ template }) => template.variables)
  return [...new Set(names)].toSorted()
}

/** `name@3`, `name@label`; without `@`, the newest version. `undefined` for anything else. */
export function readRef(
  ref: string,
):
  | { readonly name: string; readonly version: number }
  | { readonly name: string; readonly label: string }
  | undefined {
  const [name = '', which = LATEST, ...more] = ref.split('@')
  if (more.length > 0 || !new RegExp(PROMPT_NAME).test(name)) return undefined
  if (/^[1-9][0-9]{0,8}$/.test(which)) return { name, version: Number(which) }
  return new RegExp(LABEL_NAME).test(which) ? { name, label: which } : undefined
}

function contentJson(content: PromptContent): JsonObject {
  return content.kind === 'text'
    ? { text: content.text }
    : { messages: content.messages.map(({ role, content: text }) => ({ role, content: text })) }
}

/** Before it is made: many long values must not fill the memory. */
function sizeOf({ literals, variables }: Template, values: Variables): number {
  const fixed = literals.reduce((sum, literal) => sum + literal.length, 0)
  return variables.reduce((sum, name) => sum + String(values[name]).length, fixed)
}
