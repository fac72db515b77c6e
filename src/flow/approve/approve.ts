import { v7 as uuidv7 } from 'uuid'
import type { Approval, ApprovalStep, Escalation } from '../../action/action.ts'
import { strictest } from '../../action/decision.ts'
import type { Finding } from '../../action/finding.ts'
import { riskOf } from './risk.ts'
import type { ActionRule, ApprovalRule, Policy } from '../../policy/policy.ts'
import { passed, type JudgedCase, type MeteredCase } from '../case.ts'

const DEFAULT_EXPIRY = 24 * 60 * 60_000

export interface Approve {
  /** Who must say yes? Adds findings; with an approval to be given when the sum of all findings asks for one. */
  judge(metered: MeteredCase, actionDigest: string): JudgedCase
}

/** Approve: must a person say yes, and who? */
export function createApprove(): Approve {
  return {
    judge(metered, actionDigest) {
      const demanded: ApprovalRule[] = []
      const found: Finding[] = []
      for (const rule of metered.rule?.approvals ?? []) {
        try {
          if (rule.when !== null && !rule.when.evaluate(metered.scope)) continue
        } catch (error) {
          const message = `Whether approval is needed could not be evaluated: ${rule.when?.source}`
          const evidence = (error instanceof Error ? error.message : String(error)).slice(0, 500)
          found.push({ decision: 'deny', reason: { code: 'approval:condition_failed', message }, evidence })
          continue
        }
        demanded.push(rule)
        found.push({ decision: 'require_approval', reason: { code: rule.code, message: rule.message } })
      }
      const findings = found.length === 0 ? metered.findings : [...metered.findings, ...found]
      const needed =
        findings.length > 0 && strictest(findings.map(({ decision }) => decision)) === 'require_approval'
      const approval = needed ? newApproval(metered, demanded, actionDigest) : null
      if (approval !== null && approval.steps.some((step) => step.quorum > step.members.length)) {
        const message = 'Approval is needed, and a group that must give it has too few members.'
        const finding: Finding = { decision: 'deny', reason: { code: 'approval:nobody', message } }
        return passed({ ...metered, findings: [...findings, finding], approval: null })
      }
      return passed({ ...metered, findings, approval })
    },
  }
}

function newApproval(
  metered: MeteredCase,
  demanded: readonly ApprovalRule[],
  actionDigest: string,
): Approval {
  const { policy, rule, at } = metered
  const groups = demanded.length > 0 ? demanded.flatMap(({ by }) => by) : fallbackGroups(policy, rule)
  const expires = demanded.length > 0 ? Math.min(...demanded.map((one) => one.expires)) : DEFAULT_EXPIRY
  const glass = rule?.breakGlass ?? []
  return {
    id: `apr_${uuidv7()}`,
    steps: [...new Set(groups)].map((group) =>
      withEscalations(
        stepOf(policy, group),
        policy,
        demanded.filter(({ by }) => by.includes(group)),
      ),
    ),
    step: 0,
    since: at,
    expiresAt: at + expires,
    actionDigest,
    policyDigest: policy.digest,
    risk: riskOf(rule?.effect ?? 'irreversible', metered.cost, rule?.risk ?? null),
    ...(glass.length > 0 && {
      breakGlass: { groups: glass, members: membersOf(policy, glass), votes: [] },
    }),
  }
}

function withEscalations(
  step: ApprovalStep,
  policy: Policy,
  demanded: readonly ApprovalRule[],
): ApprovalStep {
  const escalations = demanded
    .flatMap((rule) => rule.escalations)
    .toSorted((a, b) => a.after - b.after)
    .map(({ after, to }): Escalation => ({ after, to, members: membersOf(policy, to) }))
  return escalations.length === 0 ? step : { ...step, escalations }
}

function membersOf(policy: Policy, groups: readonly string[]): readonly string[] {
  return [...new Set(groups.flatMap((group) => policy.approvers[group]?.members ?? []))]
}

/** When a check asked for a person but the entry names nobody: the entry's own groups, a group `default`, else every group. */
export function fallbackGroups(policy: Policy, rule: ActionRule | undefined): readonly string[] {
  const own = rule?.approvals.flatMap(({ by }) => by) ?? []
  if (own.length > 0) return own
  if (Object.hasOwn(policy.approvers, 'default')) return ['default']
  return [ANYONE]
}

/** Any one member of any group; on a policy without groups, whoever holds the admin token. */
const ANYONE = 'anyone'

/** A group as a step of a chain that nobody has voted in. */
export function stepOf(policy: Policy, group: string): ApprovalStep {
  if (group === ANYONE && !Object.hasOwn(policy.approvers, ANYONE)) {
    const members = membersOf(policy, Object.keys(policy.approvers))
    if (members.length > 0) return { group, members, quorum: 1, votes: [] }
    // Where nobody is named there is one owner, who has nobody to ask.
    return { group, members: ['admin'], quorum: 1, votes: [], editorsDecide: true }
  }
  const rule = policy.approvers[group]
  return {
    group,
    members: rule?.members ?? [],
    quorum: rule?.quorum ?? 1,
    votes: [],
    ...(rule !== undefined && rule.mayDelegateTo.length > 0 && { delegates: rule.mayDelegateTo }),
    ...(rule?.editorsDecide === true && { editorsDecide: true as const }),
  }
}
