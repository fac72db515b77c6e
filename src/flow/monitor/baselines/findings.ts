import type { Finding } from '../../../action/finding.ts'
import type { JsonValue } from '../../../action/json.ts'
import type { AnomalyResponse, AnomalyRule, Detector } from '../../../policy/compile-anomaly.ts'
import type { AnomalyObserver } from './anomaly.ts'
import type { Told } from './tell.ts'

/** What became of watching one action: findings for its reasons, and what is to happen to its agent. */
export interface Watched {
  readonly findings: readonly Finding[]
  readonly verdict?: AnomalyVerdict
}

export interface AnomalyVerdict {
  readonly state: 'paused' | 'stopped'
  readonly reason: string
  readonly by: 'anomaly'
}

export const NOTHING: Watched = { findings: [] }

interface Concerned {
  readonly id: string
  readonly at: number
  readonly proposal: { readonly agent: string; readonly action: string }
}

/** Gathers what was found about one action: one finding a detector, each told to the observer when it is new. */
export class Findings {
  readonly #findings: Finding[] = []
  readonly #onAnomaly: AnomalyObserver
  readonly #rule: AnomalyRule
  readonly #asked: Concerned
  #verdict: AnomalyVerdict | undefined

  constructor(onAnomaly: AnomalyObserver, rule: AnomalyRule, asked: Concerned) {
    this.#onAnomaly = onAnomaly
    this.#rule = rule
    this.#asked = asked
  }

  /** `isNew`: it is noticed now, and not just going on. `action`: `null` for all the agent's actions together. */
  add(detector: Detector, told: Told, action: string | null, isNew: boolean, evidence?: JsonValue): void {
    const response = this.#rule.responses[detector]
    if (response === null) return
    const code = `anomaly:${detector}`
    const { message, normal, observed, unit, since } = told
    if (!this.#findings.some(({ reason }) => reason.code === code)) {
      const reason = { code, message }
      this.#findings.push({
        decision: decisionOf(response),
        reason,
        ...(evidence !== undefined && { evidence }),
      })
      if (response === 'pause' || response === 'stop') this.#judge(response, `${code}: ${message}`)
    }
    if (!isNew) return
    const { id, at, proposal } = this.#asked
    this.#onAnomaly({
      detector,
      code,
      response,
      agent: proposal.agent,
      action,
      message,
      normal,
      observed,
      unit,
      since: since === 0 ? at : since,
      at,
      actionId: id,
    })
  }

  watched(): Watched {
    return this.#verdict === undefined
      ? { findings: this.#findings }
      : { findings: this.#findings, verdict: this.#verdict }
  }

  #judge(response: AnomalyResponse, reason: string): void {
    if (this.#verdict?.state === 'stopped') return
    this.#verdict = { state: response === 'stop' ? 'stopped' : 'paused', reason, by: 'anomaly' }
  }
}

function decisionOf(response: AnomalyResponse): Finding['decision'] {
  if (response === 'alert') return 'allow'
  return response === 'require_approval' ? 'require_approval' : 'deny'
}
