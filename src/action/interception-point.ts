/**
 * Where in an agent's life Belay can intervene. The names are those of the agent-hooks contract.
 * An action that an agent proposes is judged at `pre_tool_call`, its result at `post_tool_call`.
 */
export const INTERCEPTION_POINTS = [
  'agent_startup',
  'input',
  'pre_model_call',
  'post_model_call',
  'pre_tool_call',
  'post_tool_call',
  'output',
  'agent_shutdown',
] as const

export type InterceptionPoint = (typeof INTERCEPTION_POINTS)[number]
