import type { Provider } from '../providers/provider.ts'

/** One attempt to call a provider. */
export interface UpstreamRequest {
  readonly provider: Provider
  readonly method: string
  /** Path and query behind the provider's base URL. */
  readonly path: string
  /** Already stripped of hop-by-hop headers and of the agent's key; the provider's key is added by `call`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
}

/** What arrives, in this order: `head` once, `chunk` any number of times, then `end` or `fail` once. */
export interface UpstreamListener {
  /** Before it, a failure means that nothing of an answer was seen. */
  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void
  /** Decoded bytes. Answer `false` to have no more until `resume` is called. */
  chunk(bytes: Buffer): boolean
  end(): void
  fail(failure: UpstreamFailure): void
}

export interface UpstreamFailure {
  readonly kind: 'connect' | 'timeout' | 'reset' | 'protocol' | 'aborted' | 'too_large'
  /** For people and the record; no secret, no address of credentials. */
  readonly message: string
  /** The request may have reached the provider and been worked on. */
  readonly mayHaveRun: boolean
  /** What the listener itself threw: a fault in Belay, none of the provider. */
  readonly cause?: unknown
}

/** A call in flight. */
export interface UpstreamCall {
  resume(): void
  /** Stops it at once; `fail({kind: 'aborted'})` follows unless it has ended. */
  abort(): void
}

export interface Upstream {
  call(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall
  close(): Promise<void>
}
