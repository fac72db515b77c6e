import type { Action, ResultVerdict } from '../action/action.ts'
import type { Finding } from '../action/finding.ts'
import type { JsonObject } from '../action/json.ts'
import type { ActionRule, HistoryView, Policy } from '../policy/policy.ts'
import type { Case } from './case.ts'
import { decide } from './decide.ts'
import { storedInput } from './recall-action.ts'
import type { Stages } from './stages.ts'

/**
 * What the `result:` checks of the action's entry make of something that came back. The result stands where the
 * input stands when an action is judged, so every content check works on it. Nothing is held for a person here:
 * what a check would have approved is refused.
 */
export function judgeResult(
  stages: Stages,
  action: Action,
  result: JsonObject,
): ResultVerdict | Promise<ResultVerdict> {
  const policy = stages.policies.current()
  const rule = policy.action(action.name)
  if (rule?.result == null) return { decision: 'allow', effective: 'allow', reasons: [], result }
  const checking = stages.verify.checkResult(caseOf(action, policy, rule, result))
  const conclude = (checked: { readonly input: JsonObject; readonly findings: readonly Finding[] }) => {
    if (!rule.result?.checks.some(({ name }) => name === 'rule')) return verdictOf(policy, checked, result)
    const known = stages.recent.get(action.id)?.input
    if (known !== undefined) return ruled(stages, action, policy, rule, known, checked, result)
    return storedInput(stages, action).then((input) =>
      ruled(stages, action, policy, rule, input ?? {}, checked, result),
    )
  }
  return checking instanceof Promise ? checking.then(conclude) : conclude(checking)
}

function ruled(
  stages: Stages,
  action: Action,
  policy: Policy,
  rule: ActionRule,
  input: JsonObject,
  checked: { readonly input: JsonObject; readonly findings: readonly Finding[] },
  result: JsonObject,
): ResultVerdict {
  const opened = caseOf(action, policy, rule, input)
  const found = stages.verify.applyResultRules(
    opened,
    checked.input,
    NO_HISTORY,
    stages.monitor.agents.get(action.agent).state,
  )
  return verdictOf(policy, { input: checked.input, findings: [...checked.findings, ...found] }, result)
}

function verdictOf(
  policy: Policy,
  { input: changed, findings }: { readonly input: JsonObject; readonly findings: readonly Finding[] },
  result: JsonObject,
): ResultVerdict {
  const { decision, effective, reasons } = decide(findings, policy.mode)
  return {
    decision,
    effective: effective === 'require_approval' ? 'deny' : effective,
    reasons,
    result: policy.mode === 'observe' ? result : changed,
  }
}

function caseOf(action: Action, policy: Policy, rule: ActionRule, input: JsonObject): Case {
  return {
    id: action.id,
    at: action.updatedAt,
    proposal: {
      agent: action.agent,
      action: action.name,
      input,
      ...(action.session !== null && { session: action.session }),
      ...(action.confidence !== null && { confidence: action.confidence }),
    },
    venue: action.venue,
    policy,
    rule,
    findings: [],
    input,
    cost: action.cost,
  }
}

/** Rules on results use no history: the policy refuses one that does. */
const NO_HISTORY: HistoryView = { count: () => 0, sum: () => 0 }
