import type { Mode } from '../action/action.ts'
import { strictest, type Decision } from '../action/decision.ts'
import type { Finding, Reason } from '../action/finding.ts'

export interface Verdict {
  readonly decision: Decision
  readonly effective: Decision
  readonly reasons: readonly Reason[]
}

/**
 * The kernel: pure and deterministic. The strictest finding wins, whatever its source; findings of equal
 * rank keep their order, the deciding ones come first. `observe` decides the same and holds nothing back.
 */
export function decide(findings: readonly Finding[], mode: Mode): Verdict {
  if (findings.length === 0) return { decision: 'allow', effective: 'allow', reasons: [] }
  const decision = strictest(findings.map((finding) => finding.decision))
  const deciding = findings.filter((finding) => finding.decision === decision)
  const others = findings.filter((finding) => finding.decision !== decision)
  return {
    decision,
    effective: mode === 'observe' ? 'allow' : decision,
    reasons: [...deciding, ...others].map((finding) => finding.reason),
  }
}
