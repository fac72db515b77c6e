import type { Action } from '../../action/action.ts'
import type { Stop } from './answer-sink.ts'

const LONGEST_TIMER = 2_147_483_647
const TIMEOUT: Stop = {
  ended: 'timeout',
  error: { status: 504, code: 'provider:timeout', message: 'The call took longer than the policy allows.' },
}

/**
 * Stops a call when the time is over that the policy gives its action. Long times end a little early on a common beat:
 * node keeps a list of timers for each different time.
 */
export function onDeadline(
  { state }: Action,
  now: number,
  stop: (why: Stop) => void,
): NodeJS.Timeout | undefined {
  if (state.name !== 'executing') return undefined
  const left = state.deadline - now
  const beat = left > 30_000 ? left - (left % 1_000) : left
  return setTimeout(() => stop(TIMEOUT), Math.min(Math.max(1, beat), LONGEST_TIMER))
}
