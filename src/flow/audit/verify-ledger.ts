import type { Action } from '../../action/action.ts'
import type { Store, StoredPayload } from '../../storage/store.ts'
import { ChainVerifier, parseRecord, payloadDigest, type LedgerReport, type RecordText } from './chain.ts'
import { TreeCheck } from './transparency/check-tree.ts'
import { chainOf } from './transparency/log-identity.ts'
import {
  askWitnesses,
  keptCheckpoints,
  ofChain,
  storedCheckpoints,
} from './transparency/expected-checkpoints.ts'
import type { Trust } from './transparency/trust.ts'
import type { WitnessAddress } from './transparency/witness-client.ts'

const PAGE = 1000

export interface VerifyOptions {
  /** Whose signatures count, and checkpoints that were kept elsewhere. */
  readonly trust?: Trust
  /** Witnesses to ask what they signed, of the logs of this name. */
  readonly witnesses?: { readonly name: string; readonly ask: readonly WitnessAddress[] }
  readonly onProgress?: (records: number) => void
}

/**
 * Reads the whole ledger and finds any change, cut or reordering: every hash, every payload against the digest in its
 * record, every erasure against an erasure record, the state of every action against its last record, and every tile of
 * the tree. With a checkpoint kept elsewhere, or a witness asked, a rewrite of the whole ledger is found too. Memory
 * grows with the number of actions.
 */
export async function verifyLedger(store: Store, options: VerifyOptions = {}): Promise<LedgerReport> {
  const verifier = new ChainVerifier()
  const last = new Map<string, { version: number; state: string; chain: string; seq: number }>()
  const missing = new Map<string, RecordText>()
  const pardoned = new Set<string>()
  const anchors: Anchored[] = []
  let payloads = 0
  let erased = 0
  let records = 0
  const { trust = { logs: [] } } = options
  const fault = verifier.fault.bind(verifier)
  // What was signed, then the trees, then the heads, then the records up to them, then the actions: whatever moves while
  // this reads is newer than what it is compared with.
  const names = (await store.chains()).map(({ chain }) => chain)
  const { name = '', ask = [] } = options.witnesses ?? {}
  const asked = await askWitnesses(name, names, ask, trust, fault)
  const outside = [...keptCheckpoints(trust, fault), ...asked.checkpoints]
  const expected = [...outside]
  for (const chain of names) expected.push(...(await storedCheckpoints(store, chain, fault)))
  const sizes = new Map((await store.tiles.sizes()).map(({ chain, size }) => [chain, size]))
  const heads = await store.chains()
  for (const { chain, seq: headSeq, hash: headHash } of heads) {
    const stored = sizes.get(chain) ?? 0
    const tree = new TreeCheck({ chain, store, stored, expected: ofChain(expected, chain), fault })
    let after = 0
    while (after < headSeq) {
      const page = (await store.records(chain, after, PAGE)).filter(({ seq }) => seq <= headSeq)
      if (page.length === 0) break
      const payloadsStored = await payloadsByKey(store, page)
      for (const record of page) {
        const said = verifier.add(record)
        tree.add(record.seq, record.hash)
        if (said === undefined) continue
        if (
          said.action !== record.action ||
          said.kind !== record.kind ||
          said.agent !== record.agent ||
          said.at !== record.at
        ) {
          verifier.fault(
            'ledger:changed',
            chain,
            record.seq,
            `the columns of record ${record.seq} differ from its text`,
          )
        }
        for (const head of said.chains ?? []) anchors.push({ ...head, by: `${chain}:${record.seq}` })
        for (const { action, kind } of said.payloads ?? []) pardoned.add(`${action} ${kind}`)
        if (said.action !== null && said.state !== undefined && said.version !== undefined) {
          const before = last.get(said.action)
          if (before === undefined || before.version < said.version) {
            last.set(said.action, { version: said.version, state: said.state, chain, seq: record.seq })
          }
        }
        if (said.payload === null || said.action === null) continue
        const payload = payloadsStored.get(`${said.action} ${said.payload.kind}`)
        if (payload?.text == null || payload.salt === null)
          missing.set(`${said.action} ${said.payload.kind}`, said)
        else if (payloadDigest(payload.salt, payload.text) !== said.payload.digest) {
          verifier.fault(
            'ledger:payload_changed',
            chain,
            record.seq,
            `the payload ${said.payload.kind} of ${said.action} was changed`,
          )
        } else payloads++
      }
      await tree.compareTiles()
      records += page.length
      after = (page.at(-1) as { seq: number }).seq
      options.onProgress?.(records)
    }
    verifier.expectHead(chain, headSeq, headHash)
    tree.end()
  }
  for (const { origin, size } of outside) {
    if (heads.every(({ chain }) => chain !== chainOf(origin)))
      verifier.fault('ledger:cut', chainOf(origin), size, `there is no chain of ${origin}, which was signed`)
  }
  for (const [key, said] of missing) {
    if (pardoned.has(key)) erased++
    else
      verifier.fault(
        'ledger:payload_missing',
        said.chain,
        said.seq,
        `the payload ${said.payload?.kind} of ${said.action} is gone, and no erasure is recorded`,
      )
  }
  verifier.checkPurges()
  await checkAnchors(store, anchors, verifier)
  await checkActions(store, last, verifier)
  return verifier.report(payloads, erased, asked.names)
}

interface Anchored {
  readonly chain: string
  readonly seq: number
  readonly hash: string
  /** The record that says so. */
  readonly by: string
}

/** Other replicas recorded where a chain stood: it must still hold those very records. */
async function checkAnchors(
  store: Store,
  anchors: readonly Anchored[],
  verifier: ChainVerifier,
): Promise<void> {
  const checked = new Set<string>()
  for (const { chain, seq, hash, by } of anchors) {
    const place = `${chain}:${seq}:${hash}`
    if (checked.has(place)) continue
    checked.add(place)
    const [record] = await store.records(chain, seq - 1, 1)
    if (record?.seq !== seq || record.hash !== hash) {
      verifier.fault(
        'ledger:head',
        chain,
        seq,
        `record ${seq} is not the one that record ${by} of another chain saw`,
      )
    }
  }
}

async function payloadsByKey(
  store: Store,
  page: readonly { readonly action: string | null }[],
): Promise<Map<string, StoredPayload>> {
  const ids = [...new Set(page.flatMap(({ action }) => (action === null ? [] : [action])))]
  const byKey = new Map<string, StoredPayload>()
  for (const payload of await store.sealedPayloadsOf(ids))
    byKey.set(`${payload.action} ${payload.kind}`, payload)
  return byKey
}

/** `undefined` when a row of them is not what Belay writes. */
async function readActions(store: Store, before: string | undefined): Promise<readonly Action[] | undefined> {
  try {
    return await store.actions({ limit: PAGE, ...(before !== undefined && { before }) })
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function checkActions(
  store: Store,
  last: ReadonlyMap<
    string,
    { readonly version: number; readonly state: string; readonly chain: string; readonly seq: number }
  >,
  verifier: ChainVerifier,
): Promise<void> {
  let before: string | undefined
  let seen = 0
  for (;;) {
    const page = await readActions(store, before)
    if (page === undefined)
      return verifier.fault('ledger:action_differs', '', 0, 'the table of actions cannot be read')
    for (const action of page) {
      const record = last.get(action.id)
      if (record !== undefined) seen++
      // Newer than the records that were read: it moved meanwhile.
      if (record === undefined || action.version > record.version) {
        const newest = (await store.recordsOf(action.id)).map(({ text }) => parseRecord(text)?.version ?? 0)
        if (Math.max(0, ...newest) >= action.version) continue
        verifier.fault(
          'ledger:cut',
          '',
          0,
          `the action ${action.id} is at version ${action.version}, and no record says so`,
        )
      } else if (action.version < record.version || action.state.name !== record.state) {
        const { chain, seq } = record
        verifier.fault(
          'ledger:action_differs',
          chain,
          seq,
          `the action ${action.id} is ${action.state.name}; its last record says ${record.state}`,
        )
      }
    }
    before = page.at(-1)?.id
    if (before === undefined) break
  }
  if (seen < last.size)
    verifier.fault(
      'ledger:action_differs',
      '',
      0,
      `${last.size - seen} recorded actions are missing from the table of actions`,
    )
}
