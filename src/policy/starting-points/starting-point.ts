/** Names of the starting points, as `belay init --for` takes them. */
export const STARTING_POINTS = ['coding-agent', 'business', 'mcp', 'model-gateway'] as const

export type StartingPointName = (typeof STARTING_POINTS)[number]

/** Entries of `belay.yaml` for one kind of agent, as text with comments. */
export interface StartingPoint {
  readonly name: StartingPointName
  /** One line for whoever chooses. */
  readonly summary: string
  /** What agents of this kind do as well. */
  readonly includes: readonly StartingPointName[]
  /** Limits of each agent. Where several points are combined the higher ones count. */
  readonly limits: AgentLimits
  readonly parts: readonly StartingPart[]
}

export interface AgentLimits {
  readonly usdPerDay: number
  readonly usdPerAction: number
  readonly actionsPerHour: number
  /** Share of failed actions among the last hundred above which the agent is paused. */
  readonly errorRate: number
}

/** Entries that stand or fall together. Lists, approvers and providers come only with what names them. */
export interface StartingPart {
  readonly name: string
  /** Entries of `actions:`, indented by two blanks, ending without a line break. */
  readonly actions: string
  /** Entries of `lists:`; `folder` is the project's, absolute. */
  readonly lists?: (folder: string) => readonly string[]
  /** Entries of `approvers:` beside `default`. */
  readonly approvers?: readonly string[]
  /** Whether models are called, so that `providers:` belongs into the file. */
  readonly providers?: true
}
