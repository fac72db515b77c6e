import type { Decision } from '../../../action/decision.ts'
import { NANO_PER_USD } from '../../../action/money.ts'
import type { Span, SpanPart } from '../../../storage/store.ts'
import { tagsIn } from './tag-counts.ts'
import { countIn, nameIn, objectIn, objectsIn, type Told } from './told.ts'

/** The span that a decision opens. `parent`: the span of the action that it names as its cause, where that is known. */
export function openSpan(decision: Told, parent: Span | undefined): Span {
  const { id, agent, at, version, said, facts } = decision
  const prompt = objectIn(facts, 'prompt')
  const trace = nameIn(objectIn(said, 'trace'), 'trace_id')
  const ownPrompt = nameIn(prompt, 'name') ?? nameIn(prompt, 'digest')
  const opened: Span = {
    id,
    version,
    agent,
    action: nameIn(said, 'name') ?? '',
    model: nameIn(objectIn(facts, 'model'), 'requested') ?? parent?.model ?? null,
    promptName: ownPrompt === null ? (parent?.promptName ?? null) : nameIn(prompt, 'name'),
    promptVersion: ownPrompt === null ? (parent?.promptVersion ?? null) : nameIn(prompt, 'version'),
    promptDigest: ownPrompt === null ? (parent?.promptDigest ?? null) : nameIn(prompt, 'digest'),
    release: nameIn(said, 'agent_release') ?? parent?.release ?? null,
    decision: nameIn(said, 'decision') as Decision,
    effective: nameIn(said, 'effective') as Decision,
    reason: nameIn(objectsIn(said, 'reasons')[0] ?? {}, 'code'),
    session: nameIn(said, 'session_id') ?? (trace === null ? (parent?.session ?? null) : `trace:${trace}`),
    parent: causeOf(decision),
    trace,
    state: decision.state,
    proposedAt: countIn(said, 'issued_at') || at,
    startedAt: null,
    endedAt: null,
    outcome: null,
    cost: 0,
    inputTokens: 0,
    outputTokens: 0,
    responded: null,
    fingerprint: null,
    approval: null,
    undo: null,
    tags: tagsIn(facts) ?? parent?.tags ?? null,
  }
  return { ...opened, ...stepOf(opened, decision) }
}

/** The action that a decision names as what led to it: the model's answer, or the call that it stands in for. */
export function causeOf({ facts }: Told): string | null {
  return nameIn(facts, 'model_action') ?? nameIn(facts, 'heals')
}

/** The span after a further record of its action. */
export function moveSpan(span: Span, next: Told): Span {
  return { ...span, ...stepOf(span, next), version: next.version, state: next.state }
}

function stepOf(span: Span, next: Told): Partial<Span> {
  const { at, kind, state, said } = next
  const ended = state === 'denied' || state === 'expired' || state === 'cancelled'
  return {
    startedAt: span.startedAt ?? (state === 'executing' ? at : null),
    ...(ended && { endedAt: at }),
    approval: approvalAfter(span, next),
    ...(kind === 'outcome' && outcomeOf(span, next)),
    ...(kind === 'undo' && { undo: undoAfter(span.undo, at, said) }),
  }
}

function outcomeOf(span: Span, { at, said, facts }: Told): Partial<Span> {
  const usage = objectIn(facts, 'usage')
  const model = objectIn(facts, 'model')
  const cost = said['cost_usd']
  return {
    outcome: nameIn(said, 'outcome') as Span['outcome'],
    endedAt: countIn(said, 'completed_at') || at,
    cost: typeof cost === 'number' ? Math.round(cost * NANO_PER_USD) : span.cost,
    inputTokens: countIn(usage, 'input_tokens') || span.inputTokens,
    outputTokens: countIn(usage, 'output_tokens') || span.outputTokens,
    responded: nameIn(model, 'responded') ?? span.responded,
    fingerprint: nameIn(model, 'system_fingerprint') ?? span.fingerprint,
  }
}

const DECIDED: Readonly<Partial<Record<Told['state'], string>>> = {
  ready: 'approved',
  executing: 'approved',
  denied: 'rejected',
  expired: 'expired',
  cancelled: 'cancelled',
}

function approvalAfter({ approval }: Span, { at, state, said }: Told): SpanPart | null {
  if (state === 'held') {
    if (approval !== null && approval.endedAt === null) return approval
    const groups = objectsIn(objectIn(said, 'approval'), 'steps').flatMap(
      (step) => nameIn(step, 'group') ?? [],
    )
    return {
      startedAt: approval?.startedAt ?? at,
      endedAt: null,
      state: 'pending',
      name: groups.join(', ').slice(0, 200).toWellFormed(),
    }
  }
  if (approval === null || approval.endedAt !== null) return approval
  return { ...approval, endedAt: at, state: DECIDED[state] ?? state }
}

function undoAfter(undo: SpanPart | null, at: number, said: Told['said']): SpanPart {
  const status = nameIn(said, 'status') ?? 'unknown'
  const open = status === 'requested' || status === 'executing'
  const by = nameIn(objectIn(said, 'undo'), 'by') ?? nameIn(said, 'by') ?? undo?.name ?? ''
  return { startedAt: undo?.startedAt ?? at, endedAt: open ? null : at, state: status, name: by }
}
