import { describe } from 'vitest'
import { approvalsContract } from './contract/approvals.ts'
import { alarmsContract } from './contract/alarms.ts'
import { baselinesContract } from './contract/baselines.ts'
import { budgetsContract } from './contract/budgets.ts'
import { groupsContract } from './contract/groups.ts'
import { ledgerContract } from './contract/ledger.ts'
import { lifeContract } from './contract/life.ts'
import { payloadsContract } from './contract/payloads.ts'
import { tilesContract } from './contract/tiles.ts'
import { followersContract } from './contract/followers.ts'
import { promptsContract } from './contract/prompts.ts'
import { readsContract } from './contract/reads.ts'
import { rollupsContract } from './contract/rollups.ts'
import { scoresContract } from './contract/scores.ts'
import { loginsContract } from './contract/logins.ts'
import { compareAndSwapContract } from './contract/compare-and-swap.ts'
import type { StoreUnderTest } from './contract/samples.ts'

export { sampleAction, type StoreUnderTest } from './contract/samples.ts'

/**
 * The contract that every store keeps, as vitest tests: call it in a test file with a function that opens a
 * store on an empty database.
 */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    compareAndSwapContract(open)
    groupsContract(open)
    ledgerContract(open)
    payloadsContract(open)
    tilesContract(open)
    budgetsContract(open)
    readsContract(open)
    rollupsContract(open)
    loginsContract(open)
    approvalsContract(open)
    promptsContract(open)
    followersContract(open)
    baselinesContract(open)
    alarmsContract(open)
    scoresContract(open)
    lifeContract(open)
  })
}
