/** Bounds of the server. Times are milliseconds, sizes bytes. */
export interface ServerLimits {
  readonly body: number
  readonly jsonDepth: number
  readonly jsonNodes: number
  /** Request line and headers together. */
  readonly headers: number
  /** Until the headers, and until the whole request, must have arrived. */
  readonly headersTimeout: number
  readonly requestTimeout: number
  /** A connection on which nothing moves for so long is closed. */
  readonly idleTimeout: number
  readonly connections: number
  /** Requests that may wait for a change at the same time. */
  readonly waiters: number
  /** Longest wait for a change. */
  readonly wait: number
  readonly eventClients: number
  readonly heartbeat: number
  /** How long a reader of events may leave its buffer full. */
  readonly slowReader: number
  /** Refused log-ins a minute, of one address; of all together, twenty times as many. */
  readonly refusedLogins: number
  /** How long requests that are running may take to end when the server closes. */
  readonly closing: number
}

export const DEFAULT_LIMITS: ServerLimits = {
  body: 1_048_576,
  jsonDepth: 64,
  jsonNodes: 100_000,
  headers: 32_768,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  idleTimeout: 120_000,
  connections: 10_000,
  waiters: 1_000,
  wait: 60_000,
  eventClients: 100,
  heartbeat: 15_000,
  slowReader: 10_000,
  refusedLogins: 10,
  closing: 5_000,
}
