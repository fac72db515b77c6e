import type { Capability, Quotas } from '../../flow/contain/sandbox/provider.ts'

/** An agent that the policy gives a command: what is run for it, and how. */
export interface AgentDeclaration {
  readonly agent: string
  readonly command: readonly string[]
  /** Absolute path; `null`: the agent's folder among the data. */
  readonly workspace: string | null
  readonly restart: 'always' | 'on-failure' | 'never'
  /** `null`: the default of this machine. */
  readonly provider: string | null
  readonly quotas: Quotas
  readonly require: readonly Capability[]
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly string[]
  /** Changes when anything does that takes a new start. */
  readonly digest: string
}
