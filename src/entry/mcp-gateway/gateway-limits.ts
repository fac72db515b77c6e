/** Times are ms, sizes bytes. */
export interface McpGatewayLimits {
  readonly body: number
  /** Sessions of one agent with one server; each may be a process. */
  readonly sessions: number
  /** After this time without a message a session ends. */
  readonly idle: number
}

export const LIMITS: McpGatewayLimits = { body: 32 * 1024 * 1024, sessions: 32, idle: 30 * 60_000 }
