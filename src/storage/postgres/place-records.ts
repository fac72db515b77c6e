import { placeRecord, type ChainPosition } from '../hash-chain.ts'
import type { PreparedTransition } from '../prepared-transition.ts'
import type { CommitResult, RecordRef } from '../store.ts'
import { bigintArray, textArray } from './binary-array.ts'

/** The records of a group at their places in the chain, column by column. */
export interface PlacedRecords {
  readonly results: CommitResult[]
  readonly last: ChainPosition
  readonly seqs: readonly number[]
  /** `seq, hash, at, kind, action, agent, payload, text`. */
  readonly records: readonly Buffer[]
  /** `seq, digest, salt, text`. */
  readonly payloads: readonly Buffer[]
  readonly payloadCount: number
  /** `subject, action, kind`. */
  readonly subjects: readonly Buffer[]
  readonly subjectCount: number
}

/** Gives the records of the transitions their places after `position`. */
export function placeRecords(
  group: readonly PreparedTransition[],
  chain: string,
  position: ChainPosition,
): PlacedRecords {
  const seqs: number[] = []
  const hashes: string[] = []
  const ats: number[] = []
  const kinds: string[] = []
  const actions: (string | null)[] = []
  const agents: (string | null)[] = []
  const payloadKinds: (string | null)[] = []
  const texts: string[] = []
  const payloadSeqs: number[] = []
  const digests: string[] = []
  const salts: string[] = []
  const payloadTexts: string[] = []
  const subjects: string[] = []
  const subjectActions: (string | null)[] = []
  const subjectKinds: string[] = []
  let last = position
  const results = group.map(([, , , , , records]): CommitResult => {
    const refs = records.map((record): RecordRef => {
      const place = placeRecord(record, chain, last)
      const [at, kind, action, agent, , , , , payload] = record
      last = { seq: place.seq, hash: place.hash }
      seqs.push(place.seq)
      hashes.push(place.hash)
      ats.push(at)
      kinds.push(kind)
      actions.push(action)
      agents.push(agent)
      payloadKinds.push(payload === null ? null : payload[0])
      texts.push(place.text)
      if (payload !== null && place.sealed !== null) {
        payloadSeqs.push(place.seq)
        digests.push(place.sealed.digest)
        salts.push(place.sealed.salt)
        payloadTexts.push(payload[1])
        for (const subject of payload[2]) {
          subjects.push(subject)
          subjectActions.push(action)
          subjectKinds.push(payload[0])
        }
      }
      return { chain, seq: place.seq, hash: place.hash }
    })
    return { status: 'committed', records: refs }
  })
  return {
    results,
    last,
    seqs,
    records: [
      bigintArray(seqs),
      textArray(hashes),
      bigintArray(ats),
      textArray(kinds),
      textArray(actions),
      textArray(agents),
      textArray(payloadKinds),
      textArray(texts),
    ],
    payloads: [bigintArray(payloadSeqs), textArray(digests), textArray(salts), textArray(payloadTexts)],
    payloadCount: payloadSeqs.length,
    subjects: [textArray(subjects), textArray(subjectActions), textArray(subjectKinds)],
    subjectCount: subjects.length,
  }
}
