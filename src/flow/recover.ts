import type { Action } from '../action/action.ts'
import { isIn } from '../action/lifecycle.ts'
import { BelayError } from '../errors/catalogue.ts'
import { execute } from './contain/execute.ts'
import { storedInput } from './recall-action.ts'
import { settleAction } from './settle-action.ts'
import type { Stages } from './stages.ts'

const CRASHED = 'the process that ran it ended before the outcome was recorded'

/**
 * Takes over what dead processes left: their unused budget goes back, and effects that ran inside them are
 * `unknown`, never guessed. Effects in agents keep their deadline: the agent may still report.
 */
export async function recoverActions(stages: Stages): Promise<void> {
  const dead = await stages.store.takeOverDeadReplicas()
  if (dead.length === 0) return
  for (const action of await stages.store.executingIn(await everDead(stages, dead))) {
    try {
      await settleAction(stages, action, { outcome: 'unknown' }, { cause: CRASHED })
    } catch (error) {
      if (!(error instanceof BelayError) || error.status !== 409) throw error
    }
  }
}

/** With those that were fenced before: whoever fenced them may have died before it was done with their actions. */
async function everDead({ store }: Stages, dead: readonly string[]): Promise<readonly string[]> {
  const all = new Set(dead)
  if (store.dialect === 'postgres') {
    for (const { chain, live } of await store.chains()) if (!live) all.add(chain)
    return [...all]
  }
  for (let before: string | undefined; ;) {
    const page = await store.actions({
      state: 'executing',
      limit: 1000,
      ...(before !== undefined && { before }),
    })
    for (const { replica } of page) if (replica !== store.replica) all.add(replica)
    before = page.at(-1)?.id
    if (before === undefined) return [...all]
  }
}

const RECONCILE_TIMEOUT = 60_000

/** Asks the registered reconciler what became of the unknown actions of a name, and records what it says. */
export async function reconcileActions(stages: Stages, name: string): Promise<void> {
  let before: string | undefined
  for (;;) {
    const page = await stages.store.actions({
      action: name,
      state: 'unknown',
      limit: 200,
      ...(before !== undefined && { before }),
    })
    for (const action of page) await reconcile(stages, action)
    before = page.at(-1)?.id
    if (before === undefined) return
  }
}

async function reconcile(stages: Stages, action: Action): Promise<void> {
  const reconciler = stages.undoers.reconciler(action)
  const input = await storedInput(stages, action)
  if (reconciler === undefined || input === null || !isIn(action, 'unknown')) return
  const at = stages.store.now()
  const asked = {
    ...action,
    state: { name: 'executing' as const, startedAt: at, deadline: at + RECONCILE_TIMEOUT },
  }
  const answer = await execute(asked, input, reconciler, at)
  if (answer.report.outcome !== 'succeeded' || !('value' in answer)) return
  const { outcome } = answer.value
  if (outcome === 'succeeded' || outcome === 'failed') await settleAction(stages, action, answer.value)
}
