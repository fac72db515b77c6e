import { queryOptions } from '@tanstack/react-query'
import { get } from '../../api/call.ts'
import type { StatsRow } from '../../api/answers.ts'

export interface Label {
  readonly label: string
  readonly version: number
  readonly moved_at: string
  readonly moved_by: string
}

export interface PromptBrief {
  readonly name: string
  /** The newest. */
  readonly version: number
  readonly labels: readonly Label[]
  readonly created_at: string
  readonly updated_at: string
}

export interface VersionBrief {
  readonly version: number
  readonly digest: string
  readonly kind: 'text' | 'chat'
  readonly variables: readonly string[]
  readonly labels: readonly string[]
  readonly note: string | null
  readonly created_at: string
  readonly created_by: string
}

export interface Prompt {
  readonly name: string
  readonly labels: readonly Label[]
  readonly versions: readonly VersionBrief[]
}

export interface Version extends VersionBrief {
  readonly name: string
  readonly text?: string
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly config: Readonly<Record<string, unknown>>
}

/** A row of `/v1/stats`; its key is null for what has none of what was grouped by. */
export interface Sums extends Omit<StatsRow, 'key'> {
  readonly key: string | null
  readonly approvals: { readonly held: number; readonly approved: number; readonly rejected: number }
  readonly undone: number
}

export const promptsQuery = queryOptions({
  queryKey: ['prompts', 'list'],
  queryFn: async ({ signal }) =>
    (await get<{ items: readonly PromptBrief[] }>('/v1/prompts', {}, signal)).items,
})

export const promptQuery = (name: string) =>
  queryOptions({
    queryKey: ['prompts', 'one', name],
    queryFn: ({ signal }) => get<Prompt>(`/v1/prompts/${encodeURIComponent(name)}`, {}, signal),
  })

export const versionQuery = (name: string, version: number) =>
  queryOptions({
    queryKey: ['prompt-version', name, version],
    queryFn: ({ signal }) =>
      get<Version>(`/v1/prompts/${encodeURIComponent(name)}/versions/${version}`, {}, signal),
    // A version never changes; only labels move, and those are told elsewhere.
    staleTime: Infinity,
  })

export const sumsQuery = (by: 'prompt' | 'model', from: string, prompt?: string) =>
  queryOptions({
    queryKey: ['stats', 'sums', by, from, prompt ?? ''],
    queryFn: async ({ signal }) =>
      (await get<{ rows: readonly Sums[] }>('/v1/stats', { by, from, prompt }, signal)).rows,
  })

/** The whole text of a version: its messages one under the other, then what belongs to it. */
export function textOf({ text, messages, config }: Version): string {
  const said = text ?? (messages ?? []).map(({ role, content }) => `# ${role}\n${content}`).join('\n\n')
  return Object.keys(config).length === 0 ? said : `${said}\n\n# config\n${JSON.stringify(config, null, 2)}`
}
