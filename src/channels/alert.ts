/** Something that a person should know of, with its numbers. */
export interface Alert {
  readonly kind:
    | 'budget'
    | 'agent'
    | 'anomaly'
    | 'quality'
    | 'burn'
    | 'held'
    | 'errors'
    | 'export'
    | 'ledger'
    | 'break_glass'
    | 'over'
    | 'test'
  /** What repeats of the same are recognised by. */
  readonly key: string
  /** Approvals and stops are never quiet. */
  readonly urgent: boolean
  /** Who is told beside those who are told of everything, by address. */
  readonly people?: readonly string[]
  /** Whom it is about, where and on what it was noticed. */
  readonly agent?: string
  readonly session?: string | null
  readonly action?: string
  /** Under which it is kept, once it is. */
  readonly alarm?: string
  /** Where people see it, acknowledge it and pause its agent, once they have logged in. */
  readonly link?: string
  readonly title: string
  /** What happened, in numbers. */
  readonly facts: readonly string[]
  /** What to do about it: a command or where to look. */
  readonly act: string
  /** Epoch ms. */
  readonly at: number
}

/** A way to tell people what happened. */
export interface AlertChannel {
  readonly name: string
  /** What is told together. Must not throw: sending is the channel's own business. */
  alert(alerts: readonly Alert[]): void
}
