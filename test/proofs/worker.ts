/**
 * A process that acts as fast as it can until its budget is used up, or until it is killed. Each effect is a
 * line in a file that is on disk before the outcome is reported; each report that was answered, a line in another.
 */
import { fsyncSync, openSync, writeSync } from 'node:fs'
import { BelayError } from '../../src/errors/catalogue.ts'
import { openFlow } from '../../src/flow/open-flow.ts'
import { builtInChecks } from '../../src/flow/verify/checks/index.ts'
import { loadPolicy } from '../../src/policy/load-policy.ts'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'

const IN_FLIGHT = 32
const [, , dialect, where = '', policyText = '', effectsFile = '', acknowledgedFile = ''] = process.argv

const { policy } = loadPolicy({ text: policyText, path: '/belay.yaml' }, { checks: builtInChecks })
if (policy === null) throw new Error('the policy is bad')
const store =
  dialect === 'sqlite'
    ? await openSqlite({ folder: where })
    : await openPostgres({ url: where, replicaLeaseMs: 1000 })
const flow = await openFlow({
  store,
  policies: { current: () => policy, onChange: () => () => undefined },
  tick: 100,
})
const effects = openSync(effectsFile, 'a')
const acknowledged = openSync(acknowledgedFile, 'a')

function note(file: number, id: string): void {
  writeSync(file, `${id}\n`)
  fsyncSync(file)
}

/** Answers whether there may be more to do. */
async function act(): Promise<boolean> {
  const { action } = await flow.propose(
    { agent: 'worker', action: 'work', input: {} },
    { venue: 'belay', start: true },
  )
  if (action.state.name !== 'executing') return false
  note(effects, action.id)
  try {
    await flow.report(action.id, { outcome: 'succeeded' })
    note(acknowledged, action.id)
  } catch (error) {
    // A replica whose lease ran out in a busy moment finds its action unknown.
    if (!(error instanceof BelayError)) throw error
    return error.code !== 'store:fenced'
  }
  return true
}

async function lane(): Promise<void> {
  try {
    while (await act());
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'store:fenced') throw error
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
// What a dead peer had leased comes back when its lease is over.
for (let refusals = 0; dialect === 'postgres' && refusals < 30;) {
  refusals = (await act()) ? 0 : refusals + 1
  if (refusals > 0) await new Promise((resolve) => setTimeout(resolve, 100))
}
await flow.close()
await store.close()
