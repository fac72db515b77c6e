import type { JsonObject } from '../action/json.ts'

/** The registry of prompts as it is kept. Versions never change; they come, and labels move, with `Transition.prompt`. */
export interface Prompts {
  /** One row for each prompt, by name. */
  list(): Promise<readonly PromptSummary[]>
  /** Newest first; empty for a prompt that does not exist. */
  versions(name: string): Promise<readonly PromptVersion[]>
  version(name: string, version: number): Promise<PromptVersion | undefined>
  latest(name: string): Promise<PromptVersion | undefined>
  /** Of one prompt or of all, by name and label. `latest` is none of them: it is always the newest version. */
  labels(name?: string): Promise<readonly PromptLabel[]>
}

export interface PromptSummary {
  readonly name: string
  /** Of the newest version. */
  readonly version: number
  /** When the first and the newest version were made, epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
}

export type PromptContent =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'chat'
      readonly messages: readonly {
        readonly role: 'system' | 'user' | 'assistant'
        readonly content: string
      }[]
    }

/** Immutable. */
export interface PromptVersion {
  readonly name: string
  /** 1, 2, 3 … without gaps. */
  readonly version: number
  /** `sha256:…` over content and config. */
  readonly digest: string
  readonly content: PromptContent
  /** Model, parameters and whatever else belongs to the prompt. */
  readonly config: JsonObject
  /** Why it was changed. */
  readonly note: string | null
  readonly createdAt: number
  /** A person, or `file:` and the path. */
  readonly createdBy: string
}

export interface PromptLabel {
  readonly name: string
  readonly label: string
  readonly version: number
  readonly movedAt: number
  readonly movedBy: string
}

/** A new version, labels that move, or both at once. Conflicts when the version exists or a label was moved meanwhile. */
export interface PromptChange {
  readonly version?: PromptVersion
  /** `replaces`: the version that the label named; `null` for a new label. */
  readonly labels?: readonly { readonly value: PromptLabel; readonly replaces: number | null }[]
}
