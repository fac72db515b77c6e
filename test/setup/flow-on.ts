import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Proposal } from '../../src/action/action.ts'
import type { AnomalyObserver } from '../../src/flow/monitor/baselines/anomaly.ts'
import { openFlow, type OpenFlow } from '../../src/flow/open-flow.ts'
import type { Observer } from '../../src/flow/stages.ts'
import { builtInChecks } from '../../src/flow/verify/checks/index.ts'
import type { Check } from '../../src/policy/check.ts'
import { loadPolicy } from '../../src/policy/load-policy.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import { masterKeyFrom } from '../../src/storage/sealing/master-key.ts'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { freshDatabase } from './start-postgres.ts'

const masterKey = masterKeyFrom(Buffer.alloc(32, 7).toString('base64'), 'the test')

export const STORES = ['sqlite', 'postgres'] as const

export interface FlowUnderTest {
  flow: OpenFlow
  store: Store
  policy: () => Policy
  /** Swaps the policy as a hot reload does. */
  setPolicy(text: string): void
  /** Opens a second harness on the same database (PostgreSQL), or closes and opens again (SQLite). */
  reopen(): Promise<void>
  close(): Promise<void>
  faults: unknown[]
  /** Of the database; empty on SQLite. */
  readonly url: string
}

/** A whole flow on a new, empty store of the dialect. */
export async function flowOn(
  dialect: (typeof STORES)[number],
  policyText: string,
  options: {
    readonly checks?: readonly Check[]
    readonly tick?: number
    readonly onMoved?: Observer
    readonly onAnomaly?: AnomalyObserver
    readonly wrap?: (store: Store) => Store
  } = {},
): Promise<FlowUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-test-'))
  const url = dialect === 'postgres' ? await freshDatabase(inject('postgresUrl')) : ''
  const listeners = new Set<() => void>()
  const faults: unknown[] = []
  let policy = policyOf(policyText, options.checks)
  const open = async (): Promise<[Store, OpenFlow]> => {
    const opened =
      dialect === 'sqlite' ? await openSqlite({ folder, masterKey }) : await openPostgres({ url, masterKey })
    const store = options.wrap?.(opened) ?? opened
    const policies = {
      current: () => policy,
      onChange: (listener: () => void) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    }
    const flow = await openFlow({
      store,
      policies,
      tick: options.tick ?? 50,
      ...(options.onMoved && { onMoved: options.onMoved }),
      ...(options.onAnomaly && { onAnomaly: options.onAnomaly }),
      onFault: (fault) => faults.push(fault),
    })
    return [store, flow]
  }
  const [store, flow] = await open()
  const under: FlowUnderTest = {
    flow,
    store,
    faults,
    url,
    policy: () => policy,
    setPolicy(text) {
      policy = policyOf(text, options.checks)
      for (const listener of listeners) listener()
    },
    async reopen() {
      await under.flow.close()
      await under.store.close()
      ;[under.store, under.flow] = await open()
    },
    async close() {
      await under.flow.close()
      await under.store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return under
}

export function policyOf(text: string, checks: readonly Check[] = []): Policy {
  const { policy, faults } = loadPolicy(
    { text, path: join(tmpdir(), 'belay.yaml') },
    { checks: [...builtInChecks, ...checks] },
  )
  if (policy === null) throw new Error(`the policy of the test is bad: ${JSON.stringify(faults)}`)
  return policy
}

export function proposal(
  action: string,
  input: Proposal['input'] = {},
  more: Partial<Proposal> = {},
): Proposal {
  return { agent: 'agent-a', action, input, ...more }
}

/** Proposes with the permission taken at once where the action is allowed. */
export function propose(
  under: FlowUnderTest,
  action: string,
  input: Proposal['input'] = {},
  more: Partial<Proposal> = {},
  start = true,
) {
  return under.flow.propose(proposal(action, input, more), { venue: 'agent', start })
}
