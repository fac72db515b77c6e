import type { AnomalyResponse, Detector } from '../../../policy/compile-anomaly.ts'

/** Something that an agent did unlike itself, told once when it is noticed. */
export interface Anomaly {
  readonly detector: Detector | 'situation'
  /** `anomaly:…`, or `novelty:situation`. */
  readonly code: string
  readonly response: AnomalyResponse
  readonly agent: string
  /** `null`: in all its actions together. */
  readonly action: string | null
  /** Says in numbers what is normal and what happened; quotes no input. */
  readonly message: string
  /** What is normal, what happened, in `unit`; `null` where it is no number. */
  readonly normal: number | null
  readonly observed: number | null
  readonly unit: 'per_hour' | 'usd' | 'ms' | 'share' | 'calls' | 'similarity' | null
  /** When it began, as far as one can say, and when it was noticed, epoch ms. */
  readonly since: number
  readonly at: number
  /** The action on which it was noticed; when the store fails it may never be recorded. */
  readonly actionId: string | null
}

/** Is told of every anomaly at once, also of those that only alert. Must not throw. */
export type AnomalyObserver = (anomaly: Anomaly) => void
