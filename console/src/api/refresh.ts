import { queryClient } from './query-client.ts'
import type { Agent, LedgerRecord } from './types.ts'

/** The first part of the keys of queries, and how many ms lie at least between two renewals. */
const SUBJECTS: Readonly<Record<string, number>> = {
  approvals: 50,
  actions: 150,
  agents: 150,
  budgets: 250,
  sessions: 500,
  // Counted after the fact; nobody decides by the last second of it.
  stats: 1_000,
  prompts: 1_000,
  policy: 150,
  keys: 150,
  logins: 150,
  ledger: 500,
}

const OF_ACTIONS = ['approvals', 'actions', 'budgets', 'sessions', 'stats', 'prompts']

/** Which subjects a record changes; those of an action are everything that is counted by actions. */
function subjectsOf({ kind, action }: LedgerRecord): readonly string[] {
  switch (kind) {
    case 'agent':
      return ['agents', 'actions', 'approvals']
    case 'policy':
      return ['policy', 'agents', 'budgets', 'approvals']
    case 'key':
      return ['keys']
    case 'login':
      return ['logins']
    case 'prompt':
      return ['prompts']
    default:
      return action === null ? [kind] : OF_ACTIONS
  }
}

/** Renews what the record changed, as far as a page shows it. */
export function refreshFor(record: LedgerRecord): void {
  if (record.kind === 'agent') patchAgent(record as AgentRecord)
  // An agent's first action makes it known.
  if (record.agent !== null && !knowsAgent(record.agent)) renew('agents')
  for (const subject of subjectsOf(record)) renew(subject)
  renew('ledger')
}

export function refreshEverything(): void {
  void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' })
}

const busy = new Set<string>()
const again = new Set<string>()

function renew(subject: string): void {
  if (busy.has(subject)) {
    again.add(subject)
    return
  }
  void renewNow(subject)
}

// One renewal at a time: a second one would cancel the first, and under steady news none would ever arrive.
async function renewNow(subject: string): Promise<void> {
  busy.add(subject)
  const pause = new Promise((resolve) => setTimeout(resolve, SUBJECTS[subject] ?? 500))
  // What nobody looks at is only marked as old; it is asked when the page is seen again.
  const refetchType = document.visibilityState === 'visible' ? 'active' : 'none'
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: [subject], refetchType }, { cancelRefetch: true }),
    pause,
  ])
  busy.delete(subject)
  if (again.delete(subject)) void renewNow(subject)
}

type AgentRecord = LedgerRecord & Pick<Agent, 'state' | 'reason' | 'version'> & { readonly by: string | null }

/** The record says all there is to know: pauses are on the screen before anything is asked. */
function patchAgent({ agent, state, reason, by, version, at }: AgentRecord): void {
  queryClient.setQueryData<readonly Agent[]>(['agents'], (agents) =>
    agents?.map((known) =>
      known.name === agent && version > known.version
        ? { ...known, state, reason, version, changed_by: by, changed_at: new Date(at).toISOString() }
        : known,
    ),
  )
}

function knowsAgent(name: string): boolean {
  return queryClient.getQueryData<readonly Agent[]>(['agents'])?.some((agent) => agent.name === name) ?? true
}
