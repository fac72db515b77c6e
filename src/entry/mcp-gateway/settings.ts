/** How the gateway treats one server. Times are ms, sizes bytes. */
export interface ServerSettings {
  /** How long a request may take before it is given up. */
  readonly timeout: number
  /** The largest result of a tool. */
  readonly maxResult: number
  /** The person at the client, whose answers to elicitations are votes; `null`: nobody is asked that way. */
  readonly elicitApprover: string | null
}

export const DEFAULT_TIMEOUT = 60_000
export const DEFAULT_MAX_RESULT = 1024 * 1024

/** One message of a server: resources and prompts may be larger than results of tools. */
export function maxMessage({ maxResult }: ServerSettings): number {
  return Math.max(16 * 1024 * 1024, 2 * maxResult)
}
