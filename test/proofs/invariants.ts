import type { Action, StateName } from '../../src/action/action.ts'
import { COUNTED, FOLLOWS } from '../../src/action/lifecycle.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import type { Store } from '../../src/storage/store.ts'

interface Said {
  readonly kind: string
  readonly version: number
  readonly state: StateName
  readonly resolved_by?: readonly string[]
  readonly approval?: { readonly id: string }
}

/** Everything in the store, checked against itself and against what the outside world saw. Answers what is wrong. */
export async function violationsIn(
  store: Store,
  executed: ReadonlyMap<string, number>,
  limitOf: (account: string) => number,
): Promise<string[]> {
  const wrong: string[] = []
  const actions = await allActions(store)
  const said = await recordsByAction(store)

  const books = new Map<string, { reserved: number; spent: number }>()
  const keys = new Set<string>()
  const approvals = new Map<string, string>()
  for (const action of actions) {
    const records = said.get(action.id) ?? []
    wrong.push(...wrongWith(action, records))
    for (const { approval } of records) {
      if (approval === undefined) continue
      const owner = approvals.get(approval.id) ?? action.id
      approvals.set(approval.id, owner)
      if (owner !== action.id)
        wrong.push(`the approval ${approval.id} was used for ${owner} and ${action.id}`)
    }
    if (action.idempotency !== null) {
      if (keys.has(action.idempotency.key)) wrong.push(`${action.id} came to be twice`)
      keys.add(action.idempotency.key)
    }
    enterBooks(books, action)
  }
  for (const id of executed.keys()) {
    if (!said.get(id)?.some(({ state }) => state === 'executing'))
      wrong.push(`${id} was executed without a record`)
  }
  for (const { key, reserved, spent, limit } of await store.budgets({ at: store.now() })) {
    const mine = books.get(key) ?? { reserved: 0, spent: 0 }
    if (mine.reserved !== reserved || mine.spent !== spent) {
      wrong.push(
        `${key} has ${reserved} reserved and ${spent} spent; its actions make ${mine.reserved} and ${mine.spent}`,
      )
    }
    if (reserved + spent > limitOf(key)) wrong.push(`${key} is overspent: ${reserved} + ${spent} of ${limit}`)
  }
  for (const [key, { reserved, spent }] of books) {
    if (reserved + spent > limitOf(key)) wrong.push(`the actions on ${key} make ${reserved} + ${spent}`)
  }
  const { faults } = await verifyLedger(store)
  wrong.push(...faults.map(({ message }) => message))
  return wrong
}

function wrongWith(action: Action, records: readonly Said[]): string[] {
  const wrong: string[] = []
  const { id } = action
  if (records[0]?.kind !== 'decision') wrong.push(`${id} does not begin with a decision`)
  records.forEach(({ version, state }, index) => {
    if (version !== index + 1) wrong.push(`${id}: record ${index + 1} is of version ${version}`)
    const before = records[index - 1]
    if (before !== undefined && !FOLLOWS[before.state].includes(state))
      wrong.push(`${id} went from ${before.state} to ${state}`)
  })
  const last = records.at(-1)
  if (last?.version !== action.version || last.state !== action.state.name)
    wrong.push(
      `${id} is ${action.state.name} (${action.version}); its last record says ${last?.state} (${last?.version})`,
    )
  const starts = records.filter(({ state }) => state === 'executing')
  if (starts.length > 1) wrong.push(`${id} took its permission ${starts.length} times`)
  if (action.name === 'gated' && starts.length > 0) {
    const votes = records.filter(({ kind }) => kind === 'vote').length
    if (votes < 2 || (starts[0]?.resolved_by ?? []).length < 2)
      wrong.push(`${id} was started with ${votes} votes`)
  }
  return wrong
}

function enterBooks(books: Map<string, { reserved: number; spent: number }>, action: Action): void {
  const { state, cost, reservations } = action
  const inFlight = state.name === 'held' || state.name === 'ready' || state.name === 'executing'
  if (!COUNTED.has(state.name)) return
  for (const { account, unit, amount } of reservations) {
    const entry = books.get(account) ?? { reserved: 0, spent: 0 }
    books.set(account, entry)
    if (inFlight) entry.reserved += amount
    else entry.spent += unit === 'actions' ? amount : cost
  }
}

export async function allActions(store: Store): Promise<readonly Action[]> {
  const all: Action[] = []
  for (;;) {
    const before = all.at(-1)?.id
    const page = await store.actions({ limit: 1000, ...(before !== undefined && { before }) })
    if (page.length === 0) return all
    all.push(...page)
  }
}

async function recordsByAction(store: Store): Promise<Map<string, Said[]>> {
  const byAction = new Map<string, Said[]>()
  for (const { chain } of await store.chains()) {
    let after = 0
    for (;;) {
      const page = await store.records(chain, after, 1000)
      for (const { action, text } of page) {
        if (action === null) continue
        const said = JSON.parse(text) as Said
        if (said.version === undefined) continue
        const records = byAction.get(action)
        if (records === undefined) byAction.set(action, [said])
        else records.push(said)
      }
      const last = page.at(-1)
      if (last === undefined) break
      after = last.seq
    }
  }
  // Chains of several replicas are read one after the other.
  for (const records of byAction.values()) records.sort((a, b) => a.version - b.version)
  return byAction
}
