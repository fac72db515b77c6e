import { BelayError } from '../errors/catalogue.ts'
import type { AgentRow } from '../storage/store.ts'
import type { BaselineKeeper } from './monitor/baselines/keep-baselines.ts'
import { normalOf, type Normal } from './monitor/baselines/normal.ts'
import type { Watch } from './monitor/baselines/watch.ts'
import { setAgentState } from './set-agent-state.ts'
import type { Stages } from './stages.ts'

/** What was learned of how agents behave, for people. */
export interface Behaviours {
  /** What is normal for the agent; `null` where the policy does not watch it. */
  normal(agent: string): Promise<Normal | null>
  /**
   * Says that what raises alarms now is normal from now on, and lets the agent go on. The record says who did. Throws
   * `agent:not_found` for one that is not watched.
   */
  accept(agent: string, reason: string, by: string): Promise<AgentRow>
}

export function behaviours(stages: Stages, watch: Watch, keeper: BaselineKeeper): Behaviours {
  const isWatched = (name: string): boolean => stages.policies.current().agent(name)?.anomaly != null
  const read = async (name: string): Promise<void> => {
    if (!watch.agents.has(name)) await keeper.load((agent) => agent === name)
  }
  return {
    async normal(name) {
      if (!isWatched(name)) return null
      await read(name)
      const agent = watch.agents.get(name)
      if (agent === undefined) return { since: null, lines: [], week: [] }
      const at = stages.store.now()
      watch.freshen(name, at)
      return normalOf(agent, at)
    },
    async accept(name, reason, by) {
      if (!isWatched(name)) throw new BelayError('agent:not_found', { name })
      await read(name)
      const observed = watch.observed(name)
      const row = await setAgentState(
        stages,
        name,
        { state: 'active', reason: `accepted as normal: ${reason}` },
        by,
      )
      watch.accept(name, stages.store.now(), observed)
      stages.waiters.notifyAll()
      return row
    },
  }
}
