import { queryClient } from './query-client.ts'
import type { Agent, LedgerRecord } from './answers.ts'

/** The first part of the keys of queries, and how many ms lie at least between two renewals. */
const SUBJECTS: Readonly<Record<string, number>> = {
  approvals: 50,
  alarms: 150,
  actions: 150,
  agents: 150,
  budgets: 250,
  sessions: 500,
  // Counted after the fact; nobody decides by the last second of it.
  stats: 1_000,
  prompts: 1_000,
  baselines: 2_000,
  quality: 2_000,
  policy: 150,
  keys: 150,
  logins: 150,
  ledger: 500,
}

/** Derived from the ledger beside the actions: asked a little later, when the burst has been counted. */
const DERIVED: ReadonlySet<string> = new Set(['sessions', 'stats', 'prompts', 'baselines'])

/** How much longer than an answer takes the next question waits: however many look on, agents come first. */
const REST = 4

const OF_ACTIONS = ['actions', 'budgets', 'sessions', 'stats', 'prompts', 'baselines']

/** Which subjects a record changes; those of an action are everything that is counted by actions. */
export function subjectsOf({ kind, action, approval, state }: LedgerRecord): readonly string[] {
  switch (kind) {
    case 'decision':
    case 'start':
    case 'outcome':
      // Most actions wait for nobody, and the list of those that do is long when there is much to decide.
      return approval === undefined && state !== 'held' ? OF_ACTIONS : [...OF_ACTIONS, 'approvals']
    case 'agent':
      return ['agents', 'actions', 'approvals', 'baselines']
    case 'policy':
      // Roles stand in it too.
      return ['policy', 'me', 'agents', 'budgets', 'approvals']
    case 'key':
      return ['keys']
    case 'login':
      return ['logins']
    case 'alarm':
      return ['alarms']
    case 'process':
      return ['agents']
    case 'quality':
      return ['quality', 'actions', 'sessions', 'stats']
    case 'prompt':
      return ['prompts']
    default:
      return action === null ? [kind, 'approvals'] : [...OF_ACTIONS, 'approvals']
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
  const pause = SUBJECTS[subject] ?? 500
  if (DERIVED.has(subject)) {
    await elapse(pause)
    again.delete(subject)
  }
  const began = performance.now()
  // What nobody looks at is only marked as old; it is asked when the page is seen again.
  const refetchType = document.visibilityState === 'visible' ? 'active' : 'none'
  await queryClient.invalidateQueries({ queryKey: [subject], refetchType })
  const took = performance.now() - began
  if (!DERIVED.has(subject)) await elapse(Math.max(pause - took, took * REST))
  busy.delete(subject)
  if (again.delete(subject)) void renewNow(subject)
}

async function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
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
