import type { Store, StoredRecord } from '../../storage/store.ts'

const PAGE = 500
/** Clocks of replicas differ, and a record is written a little after its time. */
const SLACK = 60_000

type Records = Pick<Store, 'chains' | 'records'>

/**
 * All records from a time on, of all chains, by their times: up to the heads that the chains had when this was called.
 * Memory is one page a chain.
 */
export async function* recordsSince(store: Records, since: number): AsyncGenerator<StoredRecord> {
  const heads = await store.chains()
  const streams = await Promise.all(
    heads.map(async ({ chain, seq }) => {
      const records = chainSince(store, chain, seq, since)
      return { records, next: await records.next() }
    }),
  )
  for (;;) {
    let first: (typeof streams)[number] | undefined
    for (const stream of streams) {
      if (stream.next.done === true) continue
      if (first === undefined || stream.next.value.at < (first.next.value as StoredRecord).at) first = stream
    }
    if (first === undefined) return
    yield first.next.value as StoredRecord
    first.next = await first.records.next()
  }
}

async function* chainSince(
  store: Records,
  chain: string,
  last: number,
  since: number,
): AsyncGenerator<StoredRecord, undefined> {
  let after = await seqBefore(store, chain, last, since - SLACK)
  while (after < last) {
    const page = await store.records(chain, after, PAGE)
    if (page.length === 0) return
    for (const record of page) if (record.seq <= last && record.at >= since) yield record
    after = page.at(-1)?.seq ?? last
  }
}

/** The last place in the chain before the time, by halving. */
async function seqBefore(store: Records, chain: string, last: number, at: number): Promise<number> {
  let [low, high] = [0, last]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [record] = await store.records(chain, middle, 1)
    if (record === undefined || record.at >= at) high = middle
    else low = middle + 1
  }
  return low
}
