import { SHARE, SHARES, STATS, type Behaviour } from './behaviour.ts'
import { DECAY_STEP, keptAfter } from './decayed.ts'
import { addEvidence } from './evidence.ts'
import { TEACHING_IN_ALARM } from './meters.ts'

export type ShareName = keyof typeof SHARES

/** Before anything is known, one in twenty: as if so many trials had been seen. */
const PRIOR_TRIALS = 20
const PRIOR_HITS = 1
const ENOUGH = 20

/** One trial: did the action fail, was it held …? */
export function tryOnce(b: Behaviour, name: ShareName, hit: boolean, at: number): void {
  const m = b.learned.shares
  const place = SHARES[name] * SHARE.size
  const last = m[place + SHARE.at] as number
  if (last === 0) m[place + SHARE.at] = at
  else if (at - last >= DECAY_STEP) {
    const kept = keptAfter(at - last)
    m[place + SHARE.trials] = (m[place + SHARE.trials] as number) * kept
    m[place + SHARE.hits] = (m[place + SHARE.hits] as number) * kept
    m[place + SHARE.at] = at
  }
  const stats = STATS[name]
  let inAlarm = false
  if ((m[place + SHARE.trials] as number) >= ENOUGH) {
    const usual = upperShare(b, name)
    for (let i = 0; i < stats.length; i++) {
      const changed =
        i === 0 ? Math.min(0.9, Math.max(3 * usual, 0.1)) : Math.min(0.95, Math.max(0.5, 3 * usual))
      const stat = stats[i] as number
      // Where nearly all are hits already there is no more to be found.
      if (changed > usual) {
        const evidence = hit ? Math.log(changed / usual) : Math.log((1 - changed) / (1 - usual))
        addEvidence(b, stat, evidence, at, 1, hit ? 1 : 0)
      }
      inAlarm ||= b.alarmedAt[stat] !== 0
    }
  }
  const taught = inAlarm ? TEACHING_IN_ALARM : 1
  m[place + SHARE.trials] = (m[place + SHARE.trials] as number) + taught
  if (hit) m[place + SHARE.hits] = (m[place + SHARE.hits] as number) + taught
  b.dirty = true
}

export function trialsOf(b: Behaviour, name: ShareName): number {
  return b.learned.shares[SHARES[name] * SHARE.size + SHARE.trials] as number
}

export function usualShare(b: Behaviour, name: ShareName): number {
  const hits = b.learned.shares[SHARES[name] * SHARE.size + SHARE.hits] as number
  return (hits + PRIOR_HITS) / (trialsOf(b, name) + PRIOR_TRIALS)
}

/** What the true share lies below with 99%, by the Beta posterior. */
export function upperShare(b: Behaviour, name: ShareName): number {
  const share = usualShare(b, name)
  const trials = trialsOf(b, name) + PRIOR_TRIALS
  return Math.min(0.9, share + 2.326 * Math.sqrt((share * (1 - share)) / trials))
}

/** What was seen since the statistic left zero is what is normal from now on. */
export function acceptShare(b: Behaviour, name: ShareName, stat: number): void {
  const seen = b.seen[stat] as number
  if (seen === 0) return
  const m = b.learned.shares
  const place = SHARES[name] * SHARE.size
  m[place + SHARE.trials] = Math.max(ENOUGH, seen)
  m[place + SHARE.hits] = (Math.max(ENOUGH, seen) * (b.sum[stat] as number)) / seen
  b.dirty = true
}
