import { strictest } from '../../../action/decision.ts'
import type { AgentContext } from './agent-context.ts'
import { transformTarget } from './transform-target.ts'
import { decisionOf, hostError, withUnions, type WireVerdict } from './wire-verdict.ts'

/** How the verdicts of several interceptors become one (agent-hooks 0.1, section 7). What is unset denies. */
export interface Composition {
  readonly profile:
    | 'sequential/first_deny'
    | 'sequential/run_all'
    | 'parallel/strictest'
    | 'parallel/unanimous'
  readonly on_approval?: 'stop' | 'resume'
  readonly on_disagreement?: 'deny' | 'approval'
  readonly on_transform_conflict?: 'deny' | 'approval'
}

/** The combined verdict and how it came about. */
export interface Composed {
  readonly verdict: WireVerdict
  readonly context: AgentContext
  /** The interceptor whose verdict won; `null` when none did alone. */
  readonly decidedBy: number | null
  readonly verdicts: readonly WireVerdict[]
  /** Some interceptors were never asked. */
  readonly truncated: boolean
  readonly resolvedBy: 'approval' | 'rejection' | null
}

export interface Asking {
  readonly count: number
  readonly enforcing: boolean
  readonly ask: (index: number, context: AgentContext) => Promise<WireVerdict>
  /** `null`: nobody can lift a deny here. */
  readonly consult: ((verdict: WireVerdict, context: AgentContext) => Promise<WireVerdict>) | null
}

interface Winner {
  readonly verdict: WireVerdict
  readonly decidedBy: number | null
}

const ALLOW: Winner = { verdict: { decision: 'allow' }, decidedBy: null }

/** Asks the interceptors as the profile says. Never throws where `ask` and `consult` do not. */
export function compose(composition: Composition, context: AgentContext, asking: Asking): Promise<Composed> {
  return composition.profile.startsWith('sequential/')
    ? inSequence(composition, context, asking)
    : inParallel(composition, context, asking)
}

async function inSequence(
  { profile, on_approval }: Composition,
  start: AgentContext,
  asking: Asking,
): Promise<Composed> {
  const { count, enforcing, ask, consult } = asking
  const verdicts: WireVerdict[] = []
  const extra: WireVerdict[] = []
  let context = start
  let winner = ALLOW
  let resolvedBy: Composed['resolvedBy'] = null
  const end = ({ verdict, decidedBy }: Winner): Composed => ({
    verdict: withUnions(verdict, [...verdicts, ...extra]),
    context,
    decidedBy,
    verdicts,
    truncated: verdicts.length < count,
    resolvedBy,
  })
  for (let index = 0; index < count; index++) {
    let verdict = await ask(index, context)
    verdicts.push(verdict)
    if (profile === 'sequential/first_deny' && verdict.decision === 'deny') {
      if (verdict.approval === undefined || consult === null) return end({ verdict, decidedBy: index })
      verdict = await consult(verdict, context)
      extra.push(verdict)
      resolvedBy = verdict.decision === 'deny' ? 'rejection' : 'approval'
      if (verdict.decision === 'deny') return end({ verdict, decidedBy: index })
      if (verdict.decision === 'allow' && winner === ALLOW) winner = { verdict, decidedBy: index }
    }
    if (verdict.transform !== undefined) {
      const changed = transformTarget(context, verdict.transform)
      if (typeof changed === 'string') return end({ verdict: hostError(changed), decidedBy: null })
      if (enforcing) context = changed
      winner = { verdict, decidedBy: index }
    }
    if (resolvedBy === 'approval' && on_approval !== 'resume') return end({ verdict, decidedBy: index })
  }
  const deny = strictestDeny(verdicts)
  if (deny === null || resolvedBy !== null) return end(winner)
  if (deny.verdict.approval === undefined || consult === null) return end(deny)
  const lifted = await lift(deny, context, consult)
  extra.push(lifted.answer)
  context = lifted.context
  resolvedBy = lifted.resolvedBy
  return end(lifted.winner)
}

async function inParallel(
  { profile, on_disagreement, on_transform_conflict }: Composition,
  context: AgentContext,
  { count, enforcing, ask, consult }: Asking,
): Promise<Composed> {
  const verdicts = await Promise.all(Array.from({ length: count }, (_, index) => ask(index, context)))
  const base = { verdicts, truncated: false, context, resolvedBy: null }
  let winner = parallelWinner(profile, verdicts)
  const { reason } = winner.verdict
  const conflict = reason === CONFLICT.reason && winner.decidedBy === null
  const disagreement = reason === DISAGREEMENT.reason && winner.decidedBy === null
  if ((conflict && on_transform_conflict === 'approval') || (disagreement && on_disagreement === 'approval'))
    winner = { verdict: { ...winner.verdict, approval: {} }, decidedBy: null }
  const { verdict, decidedBy } = winner
  if (verdict.approval !== undefined && consult !== null) {
    const lifted = await lift(winner, context, consult)
    return {
      ...base,
      ...lifted.winner,
      verdict: withUnions(lifted.winner.verdict, [...verdicts, lifted.answer]),
      context: lifted.context,
      resolvedBy: lifted.resolvedBy,
    }
  }
  if (verdict.transform === undefined) return { ...base, verdict: withUnions(verdict, verdicts), decidedBy }
  const changed = transformTarget(context, verdict.transform)
  if (typeof changed === 'string')
    return { ...base, verdict: withUnions(hostError(changed), verdicts), decidedBy: null }
  return {
    ...base,
    verdict: withUnions(verdict, verdicts),
    decidedBy,
    context: enforcing ? changed : context,
  }
}

const CONFLICT = hostError('transform_conflict')
const DISAGREEMENT = hostError('composition_disagreement')

function parallelWinner(profile: Composition['profile'], verdicts: readonly WireVerdict[]): Winner {
  const deny = strictestDeny(verdicts)
  const transforms = verdicts.filter(({ decision }) => decision === 'transform')
  if (profile === 'parallel/unanimous')
    return deny === null && transforms.length === 0 ? ALLOW : { verdict: DISAGREEMENT, decidedBy: null }
  if (deny !== null) return deny
  const [first, second] = transforms
  if (first === undefined) return ALLOW
  return second === undefined
    ? { verdict: first, decidedBy: verdicts.indexOf(first) }
    : { verdict: CONFLICT, decidedBy: null }
}

/** The first of the strictest, when they deny. One plain deny makes it pointless to ask a person. */
function strictestDeny(verdicts: readonly WireVerdict[]): Winner | null {
  const decision = strictest(verdicts.map(decisionOf))
  if (decision !== 'deny' && decision !== 'require_approval') return null
  const index = verdicts.findIndex((verdict) => decisionOf(verdict) === decision)
  return { verdict: verdicts[index] as WireVerdict, decidedBy: index }
}

async function lift(
  { verdict, decidedBy }: Winner,
  context: AgentContext,
  consult: NonNullable<Asking['consult']>,
): Promise<{
  readonly winner: Winner
  readonly answer: WireVerdict
  readonly context: AgentContext
  readonly resolvedBy: 'approval' | 'rejection'
}> {
  const answer = await consult(verdict, context)
  const resolvedBy = answer.decision === 'deny' ? 'rejection' : 'approval'
  if (answer.transform === undefined)
    return { winner: { verdict: answer, decidedBy }, answer, context, resolvedBy }
  const changed = transformTarget(context, answer.transform)
  return typeof changed === 'string'
    ? { winner: { verdict: hostError(changed), decidedBy: null }, answer, context, resolvedBy }
    : { winner: { verdict: answer, decidedBy }, answer, context: changed, resolvedBy }
}
