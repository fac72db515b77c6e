import type { JsonObject } from '../../../action/json.ts'
import { usdFromNano } from '../../../action/money.ts'
import type { SessionKey, SessionSummary, Span, SpanPart, Store } from '../../../storage/store.ts'
import { isModelCall } from './count.ts'

/** The root of every session's tree. */
const ROOT = 'session'

/** A session as it is listed. */
export function sessionAnswer(session: SessionSummary): JsonObject {
  return {
    id: session.session,
    agent: session.agent,
    started_at: iso(session.startedAt),
    ended_at: iso(session.seenAt),
    actions: session.actions,
    model_calls: session.modelCalls,
    denied: session.denied,
    held: session.held,
    failed: session.failed,
    cost_usd: usdFromNano(session.cost),
    tokens: { input: session.inputTokens, output: session.outputTokens },
    models: [...session.models],
    prompts: [...session.prompts],
    releases: [...session.releases],
    decisions: [...session.decisions],
    reasons: [...session.reasons],
  }
}

/**
 * One page of a session's tree: model calls, the actions that their answers led to, approvals and undos. Parents come
 * before their children, if need be on an earlier page. `null` where there is no such session.
 */
export async function sessionTree(
  store: Pick<Store, 'rollups'>,
  key: SessionKey,
  page: { readonly after: string | null; readonly limit: number },
): Promise<JsonObject | null> {
  const session = await store.rollups.session(key)
  if (session === undefined) return null
  const found = await store.rollups.spansOf(key, page.after, page.limit + 1)
  const spans = found.slice(0, page.limit)
  return {
    session: sessionAnswer(session),
    spans: [...(page.after === null ? [rootOf(session)] : []), ...spans.flatMap(branchOf)],
    next: found.length > page.limit ? (spans.at(-1)?.id ?? null) : null,
  }
}

function rootOf(session: SessionSummary): JsonObject {
  return {
    id: ROOT,
    parent: null,
    kind: 'session',
    name: session.session,
    agent: session.agent,
    state: null,
    decision: null,
    started_at: iso(session.startedAt),
    ended_at: iso(session.seenAt),
    cost_usd: usdFromNano(session.cost),
    tokens: { input: session.inputTokens, output: session.outputTokens },
  }
}

function branchOf(span: Span): JsonObject[] {
  const isModel = isModelCall(span)
  return [
    {
      id: span.id,
      parent: span.parent ?? ROOT,
      kind: isModel ? 'model' : 'tool',
      name: span.action,
      agent: span.agent,
      state: span.state,
      decision: span.decision,
      effective: span.effective,
      reason: span.reason,
      started_at: iso(span.proposedAt),
      ended_at: isoOrNull(span.endedAt),
      cost_usd: usdFromNano(span.cost),
      tokens: { input: span.inputTokens, output: span.outputTokens },
      trace_id: span.trace,
      ...(isModel && {
        model: { requested: span.model, responded: span.responded, system_fingerprint: span.fingerprint },
      }),
      ...((span.promptName !== null || span.promptDigest !== null) && {
        prompt: { name: span.promptName, version: span.promptVersion, digest: span.promptDigest },
      }),
      ...(span.release !== null && { release: span.release }),
    },
    ...(span.approval === null ? [] : [twigOf(span, 'approval', span.approval)]),
    ...(span.undo === null ? [] : [twigOf(span, 'undo', span.undo)]),
  ]
}

function twigOf(span: Span, kind: 'approval' | 'undo', part: SpanPart): JsonObject {
  return {
    id: `${span.id}/${kind}`,
    parent: span.id,
    kind,
    name: part.name,
    agent: span.agent,
    state: part.state,
    decision: null,
    started_at: iso(part.startedAt),
    ended_at: isoOrNull(part.endedAt),
    cost_usd: 0,
    tokens: { input: 0, output: 0 },
  }
}

const iso = (at: number): string => new Date(at).toISOString()
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at))
