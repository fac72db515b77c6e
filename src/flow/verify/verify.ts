import type { Finding } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import type { CheckRule, HistoryView, RulePredicate } from '../../policy/policy.ts'
import { passed, scopeOf, type Case, type CheckedCase, type VerifiedCase } from '../case.ts'
import { applyEdits } from './apply-edits.ts'
import { judgeEgress } from './judge-egress.ts'
import { runCheck } from './run-check.ts'

export interface Verify {
  /** Content: schema and checks, in the order of the policy; each sees what the one before it left. */
  checkContent(opened: Case): CheckedCase | Promise<CheckedCase>
  /** Rules over the final input and the agent's history. Synchronous, so that nothing comes between it and the reservation. */
  applyRules(checked: CheckedCase, history: HistoryView, agentState: string): VerifiedCase
  /** The content checks of the entry's `result:`; the case holds the result in place of the input. */
  checkResult(returned: Case): CheckedCase | Promise<CheckedCase>
  /** The rules of the entry's `result:`; the case holds the input. */
  applyResultRules(
    opened: Case,
    result: JsonObject,
    history: HistoryView,
    agentState: string,
  ): readonly Finding[]
}

/** Verify: is the action well-formed, safe, lawful? */
export function createVerify({ checkTimeLimit = 500 }: { readonly checkTimeLimit?: number } = {}): Verify {
  return {
    checkContent(opened) {
      const { rule, policy } = opened
      if (rule === undefined) {
        return passed({
          ...opened,
          findings: [...opened.findings, noMatch(opened.proposal.action, policy.defaultDecision)],
        })
      }
      const egress = judgeEgress(opened)
      const current = egress.length === 0 ? opened : { ...opened, findings: [...opened.findings, ...egress] }
      const fault = rule.input?.(opened.input)
      if (fault !== undefined) {
        return passed({
          ...current,
          findings: [
            ...current.findings,
            {
              decision: 'deny',
              reason: {
                code: 'input:schema',
                check: 'input',
                message: `${fault.where === '' ? 'The input' : fault.where} ${fault.message}.`,
              },
            },
          ],
        })
      }
      return runChecks(current, rule.checks.filter(isContentCheck), 0, checkTimeLimit)
    },

    checkResult(returned) {
      const checks = returned.rule?.result?.checks.filter(isContentCheck) ?? []
      return runChecks(returned, checks, 0, checkTimeLimit)
    },

    applyResultRules(opened, result, history, agentState) {
      const scope = scopeOf(opened, opened.at, history, agentState, result)
      return rulesHeld(opened.rule?.result?.checks ?? [], scope)
    },

    applyRules(checked, history, agentState) {
      const scope = scopeOf(checked, checked.at, history, agentState)
      const found = rulesHeld(checked.rule?.checks ?? [], scope)
      const subjects = subjectsOf(checked, scope, found)
      return passed({ ...checked, findings: [...checked.findings, ...found], scope, subjects })
    },
  }
}

function isContentCheck(check: CheckRule): boolean {
  return typeof check.run === 'function'
}

function runChecks(
  opened: Case,
  checks: readonly CheckRule[],
  from: number,
  timeLimit: number,
): CheckedCase | Promise<CheckedCase> {
  let current = opened
  for (let i = from; i < checks.length; i++) {
    const found = runCheck(checks[i] as CheckRule, current, timeLimit)
    if (found instanceof Promise) {
      return found.then((findings) => runChecks(annotated(current, findings), checks, i + 1, timeLimit))
    }
    current = annotated(current, found)
  }
  return passed({ ...current })
}

function annotated(current: Case, found: readonly Finding[]): Case {
  if (found.length === 0) return current
  const edits = found.flatMap((finding) => (finding.decision === 'transform' ? (finding.edits ?? []) : []))
  const findings = [...current.findings, ...found]
  if (edits.length === 0) return { ...current, findings }
  try {
    return { ...current, findings, input: applyEdits(current.input, edits) }
  } catch (error) {
    const evidence = error instanceof Error ? error.message : String(error)
    const reason = {
      code: 'verify:edit_failed',
      message: 'A check asked for a change that could not be made to the input.',
    }
    return { ...current, findings: [...findings, { decision: 'deny', reason, evidence }] }
  }
}

function rulesHeld(checks: readonly CheckRule[], scope: VerifiedCase['scope']): Finding[] {
  const found: Finding[] = []
  for (const check of checks) {
    if (isContentCheck(check)) continue
    const finding = applyRule(check, (check.run as RulePredicate).when, scope)
    if (finding !== undefined) found.push(finding)
  }
  return found
}

function applyRule(
  check: CheckRule,
  when: RulePredicate['when'],
  scope: VerifiedCase['scope'],
): Finding | undefined {
  try {
    if (!when.evaluate(scope)) return undefined
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    return {
      decision: 'deny',
      reason: {
        code: 'rule:failed',
        check: check.name,
        message: `The rule could not be evaluated: ${when.source}`,
      },
      evidence: cause.slice(0, 500),
    }
  }
  const reason = {
    code: check.code ?? 'rule:matched',
    check: check.name,
    message: check.message ?? `The rule holds: ${when.source}`,
    tags: check.tags,
  }
  const then = check.then === 'redact' ? 'deny' : (check.then ?? 'deny')
  return { decision: then === 'warn' ? 'allow' : then, reason }
}

/** Whose data it is. When that cannot be told, the data could not be erased either: refuse. */
function subjectsOf(checked: CheckedCase, scope: VerifiedCase['scope'], found: Finding[]): readonly string[] {
  const declared = checked.proposal.subjects ?? []
  const expression = checked.rule?.subjects
  if (expression == null) return declared
  try {
    return [...new Set([...declared, ...expression.evaluate(scope)])]
  } catch (error) {
    const message = `Whose data the input holds could not be evaluated: ${expression.source}`
    const evidence = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    found.push({ decision: 'deny', reason: { code: 'subject:failed', message }, evidence })
    return declared
  }
}

function noMatch(action: string, decision: Finding['decision']): Finding {
  return {
    decision,
    reason: {
      code: 'policy:no_match',
      message: `No entry of the policy matches the action ${action}; the default is ${decision}.`,
    },
  }
}
