import type { Alarm } from '../../api/answers.ts'

/** What alarms are about, in words. */
export const KINDS: Readonly<Record<string, string>> = {
  anomaly: 'unusual behaviour',
  agent: 'paused or stopped',
  budget: 'budgets and rates',
  burn: 'burning too fast',
  errors: 'failures',
  held: 'waits for people',
  break_glass: 'released out of turn',
  export: 'exports',
  ledger: 'the ledger',
}

export function kindOf({ kind }: Alarm): string {
  return KINDS[kind] ?? kind
}

export type Grouping = 'agent' | 'kind' | 'none'

export interface AlarmGroup {
  readonly key: string
  readonly title: string
  readonly agent: string | null
  readonly alarms: readonly Alarm[]
}

/** The group whose worst alarm is the latest comes first; in a group what is urgent and not acknowledged. */
export function groupsOf(alarms: readonly Alarm[], by: Grouping): readonly AlarmGroup[] {
  const keyOf = (alarm: Alarm): string =>
    by === 'none' ? '' : by === 'kind' ? kindOf(alarm) : (alarm.agent ?? '')
  const groups = [...Map.groupBy(alarms, keyOf)].map(([key, members]) => ({
    key,
    title: by === 'none' ? 'All' : key === '' ? 'About no agent' : key,
    agent: by === 'agent' && key !== '' ? key : null,
    alarms: members.toSorted(
      (a, b) => rankOf(b) - rankOf(a) || Date.parse(b.last_at) - Date.parse(a.last_at),
    ),
  }))
  const first = ({ alarms: [alarm] }: AlarmGroup): Alarm => alarm!
  return groups.toSorted(
    (a, b) =>
      rankOf(first(b)) - rankOf(first(a)) || Date.parse(first(b).last_at) - Date.parse(first(a).last_at),
  )
}

/** What somebody has to look at stands before what somebody has seen, and that before what is over. */
function rankOf({ urgent, acknowledged_at: seen, resolved_at: over }: Alarm): number {
  return (over === null ? 4 : 0) + (seen === null ? 2 : 0) + (urgent ? 1 : 0)
}
