import type { JsonObject } from '../../action/json.ts'
import type { Retention, RetentionRule } from '../../policy/compile-retention.ts'
import { digestOf } from '../../action/digest.ts'
import type { PayloadRef, PurgedRecord, Store, StoredRecord } from '../../storage/store.ts'
import { textDigest } from './chain.ts'

const PAGE = 200
/** Actions in these states may still need their input, or change. */
const OPEN: ReadonlySet<string> = new Set(['held', 'ready', 'executing'])

export interface RetentionReport {
  /** Payloads that went. */
  readonly payloads: number
  /** Records whose text went; their hashes stay. */
  readonly records: number
  readonly actions: number
}

/** Whose records a walk is about, and how long they are kept. */
interface Class {
  readonly name: string
  readonly holds: (agent: string | null) => boolean
  readonly keep: Retention
}

/**
 * Purges what is older than the policy keeps, in small batches, each of which is itself a record. Payloads go as in an
 * erasure. Of records the text goes and its digest stays, so that the chain and the tree verify as before; their actions
 * go with them. What is still open stays, with all that came after it. One process at a time.
 */
export async function purgeOld(
  store: Store,
  rule: RetentionRule,
  isOver: () => boolean = () => false,
): Promise<RetentionReport> {
  const done = { payloads: 0, records: 0, actions: 0 }
  const named = Object.keys(rule.agents)
  const classes: readonly Class[] = [
    ...named.map((agent) => ({
      name: `agent ${agent}`,
      holds: (other: string | null) => other === agent,
      keep: rule.agents[agent] as Retention,
    })),
    { name: 'others', holds: (agent) => agent === null || !named.includes(agent), keep: rule },
  ]
  // Another rule begins anew: what an earlier one passed by may be due by this one.
  const mark = digestOf(JSON.parse(JSON.stringify(rule)) as JsonObject).slice(7, 23)
  await store.exclusively('retention', async () => {
    for (const one of classes) {
      for (const what of ['payloads', 'records'] as const) {
        const keep = one.keep[what]
        if (keep === null) continue
        const walk: Walk = { store, one, what, before: store.now() - keep, done, isOver }
        for (const { chain, seq } of await store.chains())
          await walkChain(walk, `retention ${mark} ${what} ${one.name}`, chain, seq)
      }
    }
    if (done.payloads > 0 || done.records > 0) await store.scrub()
  })
  return done
}

interface Walk {
  readonly store: Store
  readonly one: Class
  readonly what: 'payloads' | 'records'
  readonly before: number
  readonly done: { payloads: number; records: number; actions: number }
  readonly isOver: () => boolean
}

async function walkChain(walk: Walk, follower: string, chain: string, head: number): Promise<void> {
  const { store, one, what, before } = walk
  let from = (await store.followers.positions(follower)).get(chain) ?? null
  while ((from ?? 0) < head && !walk.isOver()) {
    const page = await store.records(chain, from ?? 0, PAGE)
    const due: StoredRecord[] = []
    const open = new Map<string, boolean>()
    let to = from ?? 0
    for (const record of page) {
      if (record.at >= before || (await isOpen(walk, record, open))) break
      to = record.seq
      if (record.action !== null && one.holds(record.agent)) due.push(record)
    }
    if (to === (from ?? 0)) return
    if (what === 'payloads') await purgePayloads(walk, due)
    else await purgeRecords(walk, due)
    // Somebody else was here meanwhile: he goes on.
    if (!(await store.followers.move(follower, chain, from, to))) return
    from = to
  }
}

/** Asked of every record: an action's decision may lie in one replica's chain, and a vote on it in another's. */
async function isOpen(
  { store, one }: Walk,
  { action, agent }: StoredRecord,
  known: Map<string, boolean>,
): Promise<boolean> {
  if (action === null || !one.holds(agent)) return false
  const before = known.get(action)
  if (before !== undefined) return before
  const state = (await store.action(action))?.state
  const open =
    state !== undefined &&
    (OPEN.has(state.name) || (state.name === 'succeeded' && state.undo?.deadline !== undefined))
  known.set(action, open)
  return open
}

async function purgePayloads(
  { store, one, before, done }: Walk,
  due: readonly StoredRecord[],
): Promise<void> {
  const wanted = new Set(due.map(({ action, text }) => `${action} ${payloadKind(text)}`))
  const stored = await store.sealedPayloadsOf([...new Set(due.flatMap(({ action }) => action ?? []))])
  const payloads: PayloadRef[] = stored
    .filter(({ action, kind, text }) => text !== null && wanted.has(`${action} ${kind}`))
    .map(({ action, kind }) => ({ action, kind }))
  if (payloads.length === 0) return
  const body = {
    by: 'belay',
    basis: 'retention',
    of: one.name,
    before,
    payloads: payloads.map((ref) => ({ ...ref })),
  }
  await store.commit({
    records: [{ kind: 'erasure', at: store.now(), action: null, agent: null, body }],
    erase: payloads,
  })
  done.payloads += payloads.length
}

async function purgeRecords({ store, one, before, done }: Walk, due: readonly StoredRecord[]): Promise<void> {
  const purged: PurgedRecord[] = []
  const actions: string[] = []
  for (const action of new Set(due.flatMap((record) => record.action ?? []))) {
    const own = await store.recordsOf(action)
    // Whatever came later, an undo or a late outcome, keeps the whole action until that is due itself.
    if (own.length === 0 || own.some(({ at }) => at >= before)) continue
    actions.push(action)
    for (const { chain, seq, text } of own)
      purged.push({ chain, seq, text: stubOf(chain, seq, textDigest(text)) })
  }
  if (actions.length === 0) return
  const ranges = rangesOf(purged)
  const body = { by: 'belay', basis: 'retention', of: one.name, before, actions: actions.length, ranges }
  // Recorded first: a text that is gone without a record would be a fault.
  await store.commit({ records: [{ kind: 'purge', at: store.now(), action: null, agent: null, body }] })
  await store.purge(purged, actions)
  done.records += purged.length
  done.actions += actions.length
}

function payloadKind(text: string): string {
  return (JSON.parse(text) as { payload: { kind: string } | null }).payload?.kind ?? ''
}

/** What is left of a record's text: canonical JSON with the digest of what it was. */
export function stubOf(chain: string, seq: number, digest: string): string {
  return JSON.stringify({ chain, purged: digest, seq })
}

/** By chain: `[first, last]` of records that follow one another. */
function rangesOf(purged: readonly PurgedRecord[]): Record<string, number[][]> {
  const ranges: Record<string, number[][]> = {}
  for (const { chain, seq } of purged.toSorted((a, b) => a.seq - b.seq)) {
    const own = (ranges[chain] ??= [])
    const last = own.at(-1)
    if (last !== undefined && last[1] === seq - 1) last[1] = seq
    else own.push([seq, seq])
  }
  return ranges
}
