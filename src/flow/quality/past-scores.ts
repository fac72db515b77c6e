import type { Finding } from '../../action/finding.ts'
import { scoresFor, type ScoreRule } from '../../policy/compile-quality.ts'
import type { ScoreRow } from '../../storage/store.ts'
import type { Case } from '../case.ts'
import { byRubric, timingOf } from './score-before.ts'
import { scoreOf } from './score.ts'

/**
 * What the rules of the case's policy make of scores that were given at the time: judges are not asked again. What the same
 * rubric did not score then is not scored now.
 */
export function findingsOfPast(
  { policy: { quality }, proposal, rule: entry, cost }: Case,
  past: readonly ScoreRow[],
): readonly Finding[] {
  if (quality === null || past.length === 0) return []
  const rules = scoresFor(quality, proposal.action, proposal.agent).filter(
    (rule) => timingOf(rule, entry, cost) === 'before',
  )
  return byRubric(rules).flatMap((named) => {
    const { rubric } = named[0] as ScoreRule
    const row = past.findLast(({ rubricDigest }) => rubricDigest === rubric.digest)
    if (row === undefined) return []
    const { content, judgeDigest, judgeAction, score, label, error } = row
    const base = { content, judgeDigest, judgeAction, model: null, cached: true }
    const given =
      score === null || label === null
        ? { ...base, error: error ?? 'quality:failed', message: `there was no score (${error ?? ''}).` }
        : { ...base, score, label, explanation: '' }
    return scoreOf(named, given, quality.judge, 'before').findings
  })
}
