import { usdFromNano } from '../../action/money.ts'
import type { BudgetReport } from '../../storage/store.ts'
import type { Values } from '../telemetry/metrics.ts'
import { knownAgents } from './agents.ts'
import type { ApiContext } from './api-context.ts'

/** No window of the calendar is longer than a month. */
const LONGEST_WINDOW = 31 * 86_400_000
const MOST_ACCOUNTS = 1_000
/** All agents together. */
const EVERYBODY = '*'

/** Budgets and agents as they stand, for `/metrics`: read from the store when somebody asks. */
export function measureStanding({ store, policies, metrics }: ApiContext): void {
  metrics.family('belay_agent_active', {
    help: 'Whether the agent may act: 0 while it is paused or stopped.',
    type: 'gauge',
    labels: ['agent'],
    read: async () => {
      const agents = await knownAgents(store, policies.current())
      return agents
        .slice(0, MOST_ACCOUNTS)
        .map(({ name, state }) => [[name], state === 'active' ? 1 : 0] as const)
    },
  })

  // One scrape reads the accounts once, whichever of the metrics asks first.
  let reading: Promise<readonly BudgetReport[]> | null = null
  const accounts = (): Promise<readonly BudgetReport[]> => {
    if (reading === null) {
      const at = store.now()
      reading = store.budgets({ at, endsBy: at + LONGEST_WINDOW })
      void reading.catch(() => undefined).finally(() => (reading = null))
    }
    return reading
  }
  const budget = (
    name: string,
    help: string,
    value: (report: BudgetReport) => number,
    isAmount = true,
  ): void =>
    metrics.family(name, {
      help,
      type: 'gauge',
      labels: ['agent', 'window', 'unit'],
      read: async (): Promise<Values> =>
        (await accounts()).slice(0, MOST_ACCOUNTS).map((report) => {
          const { agent, window, unit } = report
          const inUsd = unit === 'nano_usd'
          const number = value(report)
          return [
            [agent ?? EVERYBODY, window, inUsd ? 'usd' : 'actions'],
            inUsd && isAmount ? usdFromNano(number) : number,
          ]
        }),
    })
  budget(
    'belay_budget_limit',
    'Limits of the windows that now are, once something was drawn on them.',
    ({ limit }) => limit,
  )
  budget('belay_budget_spent', 'What is spent of them.', ({ spent }) => spent)
  budget('belay_budget_reserved', 'What is set aside for actions under way.', ({ reserved }) => reserved)
  budget(
    'belay_budget_end_timestamp_seconds',
    'When the window ends, seconds since the epoch.',
    ({ endsAt }) => endsAt / 1_000,
    false,
  )
}
