import { BelayError } from '../errors/catalogue.ts'
import type { Action, ActionState, Approval, InState, StateName } from './action.ts'

/**
 * Which state may follow which. `succeeded → succeeded` is the progress of an undo, `ready → held` an action
 * that needs a new approval when it is checked again at its start, `unknown → …` a late report.
 */
export const FOLLOWS: Readonly<Record<StateName, readonly StateName[]>> = {
  denied: [],
  held: ['held', 'ready', 'denied', 'expired', 'cancelled'],
  ready: ['executing', 'held', 'denied', 'expired', 'cancelled'],
  executing: ['succeeded', 'failed', 'unknown'],
  succeeded: ['succeeded', 'undone'],
  failed: [],
  unknown: ['succeeded', 'failed'],
  undone: [],
  expired: [],
  cancelled: [],
}

/** States in which the action ran or may still run: what history and rates count. */
export const COUNTED: ReadonlySet<StateName> = new Set([
  'held',
  'ready',
  'executing',
  'succeeded',
  'failed',
  'unknown',
  'undone',
])

export function isIn<N extends StateName>(action: Action, name: N): action is InState<N> {
  return action.state.name === name
}

/** The action in its next state. Throws `action:wrong_state` when the state may not follow. */
export function moved<S extends ActionState>(
  action: Action,
  state: S,
  at: number,
  changes: Partial<Omit<Action, 'state' | 'id' | 'version'>> = {},
): Action & { readonly state: S } {
  if (!FOLLOWS[action.state.name].includes(state.name)) {
    throw wrongState(action, `becoming ${state.name}`, ...before(state.name))
  }
  return { ...action, ...changes, version: action.version + 1, updatedAt: at, dueAt: dueAt(state), state }
}

/** When the clock must move an action on by itself, epoch ms. */
export function dueAt(state: ActionState): number | null {
  switch (state.name) {
    case 'held':
      return Math.min(state.approval.expiresAt, escalatesAt(state.approval) ?? Number.POSITIVE_INFINITY)
    case 'ready':
      return state.expiresAt
    case 'executing':
      return state.deadline
    case 'succeeded':
      return state.undo?.deadline ?? null
    case 'denied':
    case 'failed':
    case 'unknown':
    case 'undone':
    case 'expired':
    case 'cancelled':
      return null
  }
}

/** When the step that waits is asked of further groups, epoch ms; `null` when there are none. */
export function escalatesAt({ steps, step, since }: Approval): number | null {
  const next = steps[step]?.escalations?.[0]
  return next === undefined ? null : since + next.after
}

export function wrongState(action: Action, what: string, ...expected: StateName[]): BelayError {
  return new BelayError('action:wrong_state', {
    id: action.id,
    state: action.state.name,
    what,
    expected: expected.join(' or '),
  })
}

function before(name: StateName): StateName[] {
  return (Object.keys(FOLLOWS) as StateName[]).filter((from) => FOLLOWS[from].includes(name))
}
