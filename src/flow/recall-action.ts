import type { Action, Proposal, ProposalPayload } from '../action/action.ts'
import type { JsonObject } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { StoredPayload } from '../storage/store.ts'
import type { Admitted } from './flow.ts'
import type { Stages } from './stages.ts'

/** Keeps what the next step needs, and tells of the step that was just recorded. */
export function remember(stages: Stages, admitted: Admitted, before?: Action): Admitted {
  keep(stages, admitted)
  announce(stages, admitted.action, before)
  return admitted
}

/** Keeps what the next step needs. */
export function keep(stages: Stages, admitted: Admitted): void {
  const { id, state } = admitted.action
  // What has run is asked for again only by an undo, which can read it: prompts would fill the memory.
  if (state.name === 'held' || state.name === 'ready' || state.name === 'executing')
    stages.recent.set(id, admitted)
  else stages.recent.delete(id)
}

/** Tells those who wait for the action, the channels and the observer. Once for each recorded step, never before it is on disk. */
export function announce(stages: Stages, action: Action, before?: Action): void {
  stages.waiters.notify(action.id)
  stages.announcer.moved(action, before)
  try {
    stages.onMoved?.(action, before)
  } catch (error) {
    stages.onFault(error)
  }
}

/** The action as it is now. Throws `action:not_found`. */
export async function recall(stages: Stages, id: string): Promise<Action> {
  // Another replica may have moved what this one remembers.
  const known = stages.store.dialect === 'sqlite' ? stages.recent.get(id)?.action : undefined
  const action = known ?? (await stages.store.action(id))
  if (action === undefined) throw new BelayError('action:not_found', { id })
  return action
}

/**
 * Takes a step that begins where the action is executing, on what this process remembers of it. When another replica
 * has moved the action meanwhile the step's commit conflicts: nothing has happened, and it is taken on what the
 * store has.
 */
export async function whileExecuting<T>(
  stages: Stages,
  id: string,
  step: (action: Action) => Promise<T>,
): Promise<T> {
  const known = stages.recent.get(id)?.action
  if (known?.state.name === 'executing') {
    try {
      return await step(known)
    } catch (error) {
      if (!(error instanceof BelayError) || error.status !== 409) throw error
      stages.recent.delete(id)
    }
  }
  return step(await recall(stages, id))
}

/** The input that may be executed, as stored; `null` when it was erased. */
export async function storedInput(stages: Stages, action: Action): Promise<JsonObject | null> {
  // Another replica may have erased it meanwhile.
  const known = stages.store.dialect === 'sqlite' ? stages.recent.get(action.id) : undefined
  if (known !== undefined) return known.input
  return inputIn(await stages.store.payloads(action.id), action)
}

/** The input that may be executed, in the payloads of its action: as it was edited last, else as it was proposed. */
export function inputIn(
  payloads: readonly StoredPayload[],
  action: Pick<Action, 'id' | 'mode'>,
): JsonObject | null {
  let last: StoredPayload | undefined
  let version = 0
  for (const payload of payloads) {
    if (payload.action !== action.id) continue
    const edited = payload.kind.startsWith('edit:') ? Number(payload.kind.slice('edit:'.length)) : 0
    if (edited > version || (payload.kind === 'proposal' && version === 0)) last = payload
    version = Math.max(version, edited)
  }
  const payload = last?.text == null ? null : (JSON.parse(last.text) as ProposalPayload)
  if (payload === null) return null
  return action.mode === 'observe' ? payload.input : (payload.enforced ?? payload.input)
}

async function proposalPayload(stages: Pick<Stages, 'store'>, id: string): Promise<ProposalPayload | null> {
  const stored = (await stages.store.payloads(id)).find(({ kind }) => kind === 'proposal')
  return stored?.text == null ? null : (JSON.parse(stored.text) as ProposalPayload)
}

/** The proposal as it was, with the input that may be executed, for judging it again. */
export async function proposalOf(stages: Stages, action: Action, input: JsonObject): Promise<Proposal> {
  const payload = await proposalPayload(stages, action.id)
  return {
    agent: action.agent,
    action: action.name,
    input,
    ...(action.session !== null && { session: action.session }),
    ...(payload?.reason !== undefined && { reason: payload.reason }),
    ...(action.confidence !== null && { confidence: action.confidence }),
    cost: action.cost,
    ...(payload?.provenance && { provenance: payload.provenance }),
    subjects: action.subjects,
    ...(action.release !== null && { release: action.release }),
    ...(action.target !== null && { target: action.target }),
    ...(action.toolSchemaVersion !== null && { toolSchemaVersion: action.toolSchemaVersion }),
    ...(action.proposedBy !== null && { proposedBy: action.proposedBy }),
  }
}
