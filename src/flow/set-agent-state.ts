import { BelayError } from '../errors/catalogue.ts'
import type { AgentRow, NewRecord } from '../storage/store.ts'
import type { Stages } from './stages.ts'

/** Gives an agent its row the first time it is seen, so that pausing it can reach commits that are under way. */
export async function registerAgent(stages: Stages, name: string): Promise<AgentRow> {
  const { agents } = stages.monitor
  if (agents.get(name).version > 0) return agents.get(name)
  await agents.refresh()
  if (agents.get(name).version > 0) return agents.get(name)
  const value: AgentRow = {
    name,
    version: 1,
    state: 'active',
    reason: null,
    changedBy: null,
    changedAt: stages.store.now(),
  }
  const result = await stages.store.commit({ agent: { value, replaces: null }, records: [recordOf(value)] })
  if (result.status === 'committed') agents.set(value)
  else await agents.refresh()
  return agents.get(name)
}

/**
 * Pauses, resumes or stops an agent: in this process at once, for actions that are being judged too, then
 * durably. Rejects when it cannot be recorded; a pause stays in force in this process all the same.
 */
export async function setAgentState(
  stages: Stages,
  name: string,
  to: { readonly state: AgentRow['state']; readonly reason: string },
  by: string,
): Promise<AgentRow> {
  const { agents } = stages.monitor
  await registerAgent(stages, name)
  for (;;) {
    const before = agents.get(name)
    const value: AgentRow = {
      name,
      version: before.version + 1,
      state: to.state,
      reason: to.reason,
      changedBy: by,
      changedAt: stages.store.now(),
    }
    // Stricter takes effect before it is durable, milder only after.
    const stricter = to.state !== 'active'
    if (stricter) agents.set({ ...value, version: before.version })
    const result = await stages.store.commit({
      agent: { value, replaces: before.version },
      records: [recordOf(value)],
    })
    if (result.status === 'committed') {
      agents.set(value)
      stages.monitor.stateSet(name)
      return value
    }
    await agents.refresh()
    if (agents.get(name).version === before.version) throw new BelayError('action:conflict', { id: name })
  }
}

function recordOf({ name, state, reason, changedBy, changedAt, version }: AgentRow): NewRecord {
  return {
    kind: 'agent',
    at: changedAt,
    action: null,
    agent: name,
    body: { state, reason, by: changedBy, version },
  }
}
