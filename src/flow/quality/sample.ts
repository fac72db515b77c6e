import { sha256 } from '../../action/digest.ts'

/**
 * Whether the action is among the share that is scored by the rubric. By the hash of both, so that every replica, and the
 * same process after a restart, says the same; raising the share only adds.
 */
export function isSampled(action: string, rubric: string, share: number): boolean {
  if (share >= 1) return true
  // 48 bits of it are exact in a double.
  return Number.parseInt(sha256(`${rubric}\n${action}`).slice(0, 12), 16) < share * 2 ** 48
}
