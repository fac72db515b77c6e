import type { JsonObject } from '../../action/json.ts'

/** Which version of a prompt: a number, or what a label names; the newest unless told. */
export interface WhichPrompt {
  readonly version?: number
  readonly label?: string
}

/** A version of a prompt, as the registry has it: either `text` or `messages`, with `{{variables}}`. */
export interface PromptTemplate {
  readonly name: string
  readonly version: number
  /** `sha256:…` over content and config. */
  readonly digest: string
  /** `name@version`. */
  readonly ref: string
  readonly text: string | null
  readonly messages: readonly PromptMessage[] | null
  /** Model, parameters and what else belongs to the prompt. */
  readonly config: JsonObject
}

export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** A version with its variables filled in. */
export interface FilledPrompt extends PromptTemplate {
  /** For the call of the model through Belay's gateway: the record then names this version. */
  readonly headers: { readonly 'belay-prompt': string }
}

/** The registry of prompts. Errors are `BelayError`s: `prompt:not_found`, `prompt:variables`, `input:too_large`. */
export interface PromptAccess {
  get(name: string, which?: WhichPrompt): Promise<PromptTemplate>
  /** Takes exactly the variables of the prompt; values are put in as they are. */
  render(
    name: string,
    options?: WhichPrompt & { readonly variables?: Readonly<Record<string, string | number | boolean>> },
  ): Promise<FilledPrompt>
}

/** What both kinds of harness answer, as the SDK gives it out. */
export function templateOf(
  prompt: Pick<PromptTemplate, 'name' | 'version' | 'digest' | 'config'> & {
    readonly text?: string | null
    readonly messages?: readonly { readonly role: string; readonly content: string }[] | null
  },
): PromptTemplate {
  const { name, version, digest, config, text = null, messages = null } = prompt
  return {
    name,
    version,
    digest,
    ref: `${name}@${version}`,
    text,
    messages: messages as readonly PromptMessage[] | null,
    config,
  }
}

export function filled(template: PromptTemplate): FilledPrompt {
  return { ...template, headers: { 'belay-prompt': template.ref } }
}
