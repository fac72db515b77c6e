import { parseDuration } from './duration.ts'
import { compileAt } from './compilation.ts'
import type { Compilation, Report } from './compilation.ts'
import { didYouMean } from './did-you-mean.ts'
import type { ApprovalRule, ApproverGroup } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** One line of `approve:`, after the schema was held against it. */
export interface ApproveEntry {
  readonly when?: string
  readonly by: readonly string[]
  readonly expires?: string
  readonly code?: string
  readonly message?: string
  readonly escalate?: EscalateEntry | readonly EscalateEntry[]
}

export interface EscalateEntry {
  readonly after: string
  readonly to: readonly string[]
}

/** One group of `approvers:`, after the schema was held against it. */
export interface GroupEntry {
  readonly members: readonly string[]
  readonly quorum?: number
  readonly may_delegate_to?: readonly string[]
  readonly editors_decide?: boolean
}

const DEFAULT_EXPIRES = 86_400_000

/** Compiles one line of `approve:`. Unknown groups and escalations that can never come are reported. */
export function compileApproval(
  entry: ApproveEntry,
  path: DocumentPath,
  compilation: Compilation,
): ApprovalRule {
  knownGroups(entry.by, [...path, 'by'], compilation)
  const when = entry.when === undefined ? null : compileAt(entry.when, 'bool', [...path, 'when'], compilation)
  const groups = entry.by.join(', then ')
  const expires = parseDuration(entry.expires) ?? DEFAULT_EXPIRES
  return {
    when,
    by: entry.by,
    expires,
    code: entry.code ?? 'approval:required',
    message:
      entry.message ??
      (entry.when === undefined
        ? `Needs the approval of ${groups}.`
        : `Needs the approval of ${groups}, because: ${shortened(entry.when)}`),
    escalations: compileEscalations(entry.escalate ?? [], expires, [...path, 'escalate'], compilation),
  }
}

function compileEscalations(
  entry: EscalateEntry | readonly EscalateEntry[],
  expires: number,
  path: DocumentPath,
  compilation: Compilation,
): ApprovalRule['escalations'] {
  const several = isList(entry)
  let last = 0
  return (several ? entry : [entry]).map(({ after, to }, at) => {
    const here: DocumentPath = several ? [...path, at] : path
    knownGroups(to, [...here, 'to'], compilation)
    const ms = parseDuration(after) ?? 0
    if (ms <= last) {
      const expected = last === 0 ? 'some time' : 'later than the step before'
      compilation.report([...here, 'after'], 'policy:escalation', expected, after)
    } else if (ms >= expires)
      compilation.report([...here, 'after'], 'policy:escalation', 'less than expires', after)
    last = Math.max(last, ms)
    return { after: ms, to }
  })
}

/** Reports groups that `approvers:` does not define. */
export function knownGroups(
  groups: readonly string[],
  path: DocumentPath,
  { approvers, report }: { readonly approvers: Compilation['approvers']; readonly report: Report },
): void {
  for (const [at, group] of groups.entries()) {
    if (Object.hasOwn(approvers, group)) continue
    const known = Object.keys(approvers)
    const names = known.length === 0 ? 'a group of approvers; none is defined' : `one of ${known.join(', ')}`
    report([...path, at], 'policy:unknown_group', `${names}${didYouMean(group, known)}`, group)
  }
}

/** `approvers:`. A name in `may_delegate_to` that is a group stands for its members. */
export function compileApprovers(
  groups: Readonly<Record<string, GroupEntry>>,
): Readonly<Record<string, ApproverGroup>> {
  const entries = Object.entries(groups).map(([name, group]) => {
    const delegates = (group.may_delegate_to ?? []).flatMap((one) =>
      Object.hasOwn(groups, one) ? (groups[one]?.members ?? []) : [one],
    )
    const compiled: ApproverGroup = {
      members: group.members,
      quorum: group.quorum ?? 1,
      mayDelegateTo: [...new Set(delegates)].filter((one) => !group.members.includes(one)),
      editorsDecide: group.editors_decide ?? false,
    }
    return [name, compiled] as const
  })
  return Object.freeze(Object.fromEntries(entries))
}

function isList(entry: EscalateEntry | readonly EscalateEntry[]): entry is readonly EscalateEntry[] {
  return Array.isArray(entry)
}

function shortened(source: string): string {
  const line = source.trim().replace(/\s+/g, ' ')
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}
