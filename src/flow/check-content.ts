import type { Finding } from '../action/finding.ts'
import type { JsonObject } from '../action/json.ts'
import { scoresFor } from '../policy/compile-quality.ts'
import { passed, type Case, type CheckedCase } from './case.ts'
import type { Stages } from './stages.ts'

/** What a judge makes of actions that must wait for it. Rejects for faults of its own alone. */
export interface Scorer {
  before(
    checked: CheckedCase,
    agentState: string,
  ): Promise<{
    /** For the record. */
    readonly scores: readonly JsonObject[]
    readonly findings: readonly Finding[]
  }>
}

/**
 * The content checks, and then the scores that the policy wants before the action. Without scores nothing is waited for
 * that the checks do not wait for. `unscored`: it is a judge's own question.
 */
export function checkContent(
  stages: Stages,
  opened: Case,
  { unscored = false }: { readonly unscored?: boolean | undefined } = {},
): CheckedCase | Promise<CheckedCase> {
  const checking = stages.verify.checkContent(opened)
  if (opened.policy.quality === null || unscored) return checking
  return checking instanceof Promise
    ? checking.then((checked) => withScores(stages, checked))
    : withScores(stages, checking)
}

function withScores(stages: Stages, checked: CheckedCase): CheckedCase | Promise<CheckedCase> {
  const { policy, proposal, findings } = checked
  const { state } = stages.monitor.agents.get(proposal.agent)
  if (policy.quality === null) return checked
  if (scoresFor(policy.quality, proposal.action, proposal.agent).length === 0) return checked
  // What is refused anyway costs no question.
  if (findings.some(({ decision }) => decision === 'deny')) return checked
  if (state !== 'active' && policy.mode === 'enforce') return checked
  if (stages.scorer === null) return passed({ ...checked, findings: [...findings, FAILED] })
  return stages.scorer
    .before(checked, state)
    .catch((error: unknown) => {
      stages.onFault(error)
      return { scores: [], findings: [FAILED] }
    })
    .then((scored) =>
      scored.findings.length === 0
        ? checked
        : passed({
            ...checked,
            // Budgets and windows are those of now, not of before the judge was asked.
            at: stages.store.now(),
            findings: [...findings, ...scored.findings],
            scores: scored.scores,
          }),
    )
}

const FAILED: Finding = {
  decision: 'deny',
  reason: {
    code: 'quality:failed',
    check: 'quality',
    message: 'The policy wants the action scored before it, and nothing here can.',
  },
}
