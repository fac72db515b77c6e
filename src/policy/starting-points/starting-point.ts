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

/** Entries that stand or fall together. Lists, approvers and sections come only with what needs them. */
export interface StartingPart {
  readonly name: string
  /** Entries of `actions:`, indented by two blanks, ending without a line break. `folder` is the project's, absolute. */
  readonly actions: (folder: string) => string
  /** Lines of `lists:`. */
  readonly lists?: (folder: string) => readonly string[]
  /** Lines of `approvers:` beside `default`. */
  readonly approvers?: readonly string[]
  /** Further text at the end of the file. */
  readonly section?: string
}
