import type { Finding } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import { scoresFor, type QualityRule, type ScoreRule, type Timing } from '../../policy/compile-quality.ts'
import type { ActionRule, HistoryView } from '../../policy/policy.ts'
import { riskOf } from '../approve/risk.ts'
import { scopeOf, type CheckedCase } from '../case.ts'
import { isSampled } from './sample.ts'
import { scoreOf, type Score } from './score.ts'
import type { Verdicts } from './verdicts.ts'

/** Conditions of `quality.rules` have no history: the policy refuses one that does. */
const NO_HISTORY: HistoryView = { count: () => 0, sum: () => 0 }

/** When the rule scores an action of this kind. */
export function timingOf(rule: ScoreRule, entry: ActionRule | undefined, cost: number): Timing {
  if (rule.timing !== null) return rule.timing
  const risk = riskOf(entry?.effect ?? 'irreversible', cost, entry?.risk ?? null)
  return risk === 'high' ? 'before' : 'after'
}

/** The scores that the action must wait for. Answers at once, and the case itself, where there are none. */
export function scoreBefore(
  verdicts: Verdicts,
  quality: QualityRule,
  checked: CheckedCase,
  agentState: string,
):
  | { readonly scores: readonly Score[]; readonly findings: readonly Finding[] }
  | Promise<{
      readonly scores: readonly Score[]
      readonly findings: readonly Finding[]
    }> {
  const { proposal, rule: entry } = checked
  const findings: Finding[] = []
  const due = scoresFor(quality, proposal.action, proposal.agent).filter((rule) => {
    if (timingOf(rule, entry, checked.cost) !== 'before') return false
    const holds = conditionOf(rule, checked, agentState)
    if (typeof holds === 'boolean') return holds && isSampled(checked.id, rule.rubric.name, rule.sample)
    findings.push(holds)
    return false
  })
  // What is refused anyway is nobody's business, and costs nothing.
  if (due.length === 0 || findings.length > 0) return { scores: [], findings }
  const subjects = subjectsOf(checked, agentState)
  if (subjects === null) return { scores: [], findings }
  const content = contentOf(checked)
  return Promise.all(
    byRubric(due).map(async (rules) => {
      const { rubric } = rules[0] as ScoreRule
      const given = await verdicts.give({ quality, rubric, content, about: checked.id, subjects })
      return scoreOf(rules, given, quality.judge, 'before')
    }),
  ).then((scores) => ({ scores, findings: scores.flatMap((score) => score.findings) }))
}

/** One question for each rubric, however many thresholds it has. */
export function byRubric(rules: readonly ScoreRule[]): readonly (readonly ScoreRule[])[] {
  return [...Map.groupBy(rules, ({ rubric }) => rubric.digest).values()]
}

function contentOf({ proposal, rule, input }: CheckedCase): JsonObject {
  return { action: proposal.action, effect: rule?.effect ?? 'irreversible', input }
}

function conditionOf({ when }: ScoreRule, checked: CheckedCase, agentState: string): boolean | Finding {
  if (when === null) return true
  try {
    return when.evaluate(scopeOf(checked, checked.at, NO_HISTORY, agentState))
  } catch (error) {
    const message = `Whether it must be scored could not be evaluated: ${when.source}`
    const evidence = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    return {
      decision: 'deny',
      reason: { code: 'quality:condition_failed', check: 'quality', message },
      evidence,
    }
  }
}

/** Whose data the judge is shown; `null` where that cannot be told: the rules refuse the action for it. */
function subjectsOf(checked: CheckedCase, agentState: string): readonly string[] | null {
  const declared = checked.proposal.subjects ?? []
  const expression = checked.rule?.subjects
  if (expression == null) return declared
  try {
    const scope = scopeOf(checked, checked.at, NO_HISTORY, agentState)
    return [...new Set([...declared, ...expression.evaluate(scope)])]
  } catch {
    return null
  }
}
