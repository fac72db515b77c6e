import { parseDecision } from '../../action/decision.ts'
import type { Edit, Finding } from '../../action/finding.ts'
import { isJsonObject } from '../../action/json.ts'
import type { CheckFinding, CheckSubject, PreparedCheck } from '../../policy/check.ts'
import type { CheckRule } from '../../policy/policy.ts'
import type { Case } from '../case.ts'

/** Runs one content check and gives its findings the entry's wording. Never throws: a check that fails is a finding that denies. */
export function runCheck(
  check: CheckRule,
  current: Case,
  timeLimit: number,
): readonly Finding[] | Promise<readonly Finding[]> {
  const subject: CheckSubject = {
    action: current.proposal.action,
    agent: current.proposal.agent,
    effect: current.rule?.effect ?? 'irreversible',
    input: current.input,
    provenance: current.proposal.provenance ?? {},
  }
  const started = performance.now()
  try {
    const answer = (check.run as PreparedCheck)(subject)
    if (answer instanceof Promise) return inTime(check, answer, timeLimit)
    // A synchronous check cannot be interrupted, but one that ran too long is not trusted either.
    if (performance.now() - started > timeLimit) return [overdue(check, timeLimit)]
    return worded(check, answer)
  } catch (error) {
    return [failed(check, error)]
  }
}

async function inTime(
  check: CheckRule,
  answer: Promise<readonly CheckFinding[]>,
  timeLimit: number,
): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => resolve([overdue(check, timeLimit)]), timeLimit)
  })
  try {
    return await Promise.race([answer.then((found) => worded(check, found)), late])
  } catch (error) {
    return [failed(check, error)]
  } finally {
    clearTimeout(timer)
  }
}

function worded(check: CheckRule, answer: unknown): readonly Finding[] {
  if (!Array.isArray(answer)) return [nonsense(check, 'it did not answer a list of findings')]
  if (answer.length === 0) return answer as []
  const findings: Finding[] = []
  for (const found of answer as unknown[]) {
    const problem = problemWith(found)
    if (problem !== undefined) return [nonsense(check, problem)]
    findings.push(word(check, found as CheckFinding))
  }
  return findings
}

function problemWith(found: unknown): string | undefined {
  if (typeof found !== 'object' || found === null) return 'a finding is not an object'
  const { message, code, decision, edits } = found as Record<string, unknown>
  if (typeof message !== 'string' || message === '') return 'a finding has no message'
  if (code !== undefined && typeof code !== 'string') return 'the code of a finding is not a string'
  if (decision !== undefined && parseDecision(decision) === undefined)
    return 'the decision of a finding is unknown'
  if (edits !== undefined && !(Array.isArray(edits) && edits.every(isEdit)))
    return 'the edits of a finding are malformed'
  return undefined
}

function isEdit(edit: unknown): edit is Edit {
  return (
    isJsonObject(edit) &&
    Array.isArray(edit['path']) &&
    edit['path'].every((step) => typeof step === 'string' || typeof step === 'number') &&
    edit['value'] !== undefined
  )
}

function word(check: CheckRule, found: CheckFinding): Finding {
  const code = check.code ?? found.code ?? `${check.name}:found`
  const reason = { code, check: check.name, message: check.message ?? found.message, tags: check.tags }
  const evidence = found.evidence === undefined ? {} : { evidence: found.evidence }
  const demanded = check.then ?? found.decision ?? 'deny'
  // Wrong types are refused whatever the entry says: the check could not look.
  if (found.code === 'verify:wrong_type')
    return { decision: 'deny', reason: { ...reason, code: found.code, message: found.message }, ...evidence }
  if (demanded === 'warn') return { decision: 'allow', reason, ...evidence }
  if (demanded !== 'redact' && demanded !== 'transform')
    return { decision: parseDecision(demanded) ?? 'deny', reason, ...evidence }
  // Asked to redact without being able to: refuse rather than let it through unchanged.
  if (found.edits === undefined || found.edits.length === 0) return { decision: 'deny', reason, ...evidence }
  return { decision: 'transform', reason, edits: found.edits, ...evidence }
}

function overdue(check: CheckRule, limit: number): Finding {
  return deny(check, 'verify:check_timeout', `The check ${check.name} did not answer within ${limit} ms.`)
}

function failed(check: CheckRule, error: unknown): Finding {
  const cause = error instanceof Error ? error.message : String(error)
  return {
    ...deny(check, 'verify:check_failed', `The check ${check.name} failed.`),
    evidence: cause.slice(0, 500),
  }
}

function nonsense(check: CheckRule, what: string): Finding {
  return deny(check, 'verify:check_nonsense', `The check ${check.name} answered nonsense: ${what}.`)
}

function deny(check: CheckRule, code: string, message: string): Finding {
  return { decision: 'deny', reason: { code, check: check.name, message } }
}
