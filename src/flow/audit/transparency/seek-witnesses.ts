import type { JsonObject } from '../../../action/json.ts'
import { formatNote, type NoteSignature } from './signed-note.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { originOf } from './log-identity.ts'
import { QUORUM, type TransparencyLog } from './transparency-log.ts'
import { submitCheckpoint, type Submission, type WitnessAddress } from './witness-client.ts'

export interface WitnessPlan {
  readonly witnesses: readonly WitnessAddress[]
  /** How many must sign before a checkpoint counts as witnessed. */
  readonly quorum: number
}

/** What a witness said last of a log. */
export interface WitnessState {
  readonly witness: string
  readonly origin: string
  /** The largest tree that it signed. */
  readonly size: number
  /** Epoch ms of the last attempt. */
  readonly at: number
  /** `null`: it signed. */
  readonly problem: WitnessProblem | null
}

export interface WitnessProblem {
  /**
   * `fork`: it knows another log under the origin; `rolled_back`: it signed a larger one; `refused`: it does not take
   * the log or signs with another key; `unreachable`.
   */
  readonly code: 'fork' | 'rolled_back' | 'refused' | 'unreachable'
  readonly message: string
}

export interface WitnessSeekerOptions {
  readonly log: TransparencyLog
  /** Asked at each round: the policy may change. */
  readonly plan: () => WitnessPlan
  /** Between rounds, ms. */
  readonly every?: number
  /** A witness refuses, for another reason than before. Recorded already. */
  readonly onAlarm?: (state: WitnessState) => void
  readonly onFault?: (error: unknown) => void
}

const EVERY_MS = 30_000
/** A witness may have signed for another process meanwhile. */
const ATTEMPTS = 3

/**
 * Asks the policy's witnesses now and then to sign where this process's log stands, with the proof that it only grew.
 * A witness that finds otherwise is an alarm: somebody rewrote the log, or set it back.
 */
export class WitnessSeeker {
  readonly #options: WitnessSeekerOptions
  readonly #states = new Map<string, WitnessState>()
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: WitnessSeekerOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.seek(), options.every ?? EVERY_MS).unref()
  }

  states(): readonly WitnessState[] {
    return [...this.#states.values()]
  }

  /** One round, after the one under way. Never rejects. */
  seek(): Promise<void> {
    this.#round = this.#round.then(async () => {
      if (this.#closed) return
      try {
        await this.#seek()
      } catch (error) {
        if (!this.#closed) this.#options.onFault?.(error)
      }
    })
    return this.#round
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#round
  }

  async #seek(): Promise<void> {
    const { log, plan } = this.#options
    const { witnesses, quorum } = plan()
    if (witnesses.length === 0) return
    const chain = log.store.dialect === 'sqlite' ? (await log.store.chains())[0]?.chain : log.store.replica
    if (chain === undefined) return
    await log.caughtUp()
    const size = await log.store.tiles.size(chain)
    if (size === 0) return
    const waiting = witnesses.filter((witness) => {
      const state = this.#states.get(stateKey(witness, originOf(log.identity, chain)))
      return state === undefined || state.problem !== null || state.size !== size
    })
    if (waiting.length === 0) return
    const checkpoint = await log.sign(chain, size)
    const answers = await Promise.all(
      witnesses.map((witness) => this.#submit(witness, chain, checkpoint).catch(unreachable)),
    )
    const cosignatures: NoteSignature[] = []
    let signed = 0
    for (const [i, answer] of answers.entries()) {
      const witness = witnesses[i] as WitnessAddress
      await this.#note(witness, chain, checkpoint, answer)
      if (!('cosignatures' in answer)) continue
      signed++
      cosignatures.push(...answer.cosignatures)
    }
    if (signed >= quorum) await this.#keep(QUORUM, chain, checkpoint, cosignatures)
  }

  async #submit(
    witness: WitnessAddress,
    chain: string,
    checkpoint: SignedCheckpoint,
  ): Promise<Submission | WitnessProblem> {
    const { tiles } = this.#options.log.store
    const kept = (await tiles.checkpoints(chain)).find(({ name }) => name === witness.key.name)
    // Where nothing was kept it may still know the log; it then says up to where.
    let old = kept === undefined || kept.size > checkpoint.size ? 0 : kept.size
    for (let attempt = 1; ; attempt++) {
      const proof = await this.#options.log.reader(chain).consistencyProof(old, checkpoint.size)
      const answer = await submitCheckpoint(witness, { old, proof, checkpoint })
      if (answer.status === 'inconsistent')
        return { code: 'fork', message: `it knows another log: ${answer.message}` }
      if (answer.status === 'refused') return { code: 'refused', message: answer.message }
      if (answer.status !== 'other_size') return answer
      if (answer.size > checkpoint.size) {
        const message = `it signed ${answer.size} records, and there are ${checkpoint.size}`
        return { code: 'rolled_back', message }
      }
      if (attempt === ATTEMPTS) return { code: 'refused', message: 'it contradicts itself about the size' }
      old = answer.size
    }
  }

  async #note(
    witness: WitnessAddress,
    chain: string,
    checkpoint: SignedCheckpoint,
    answer: Submission | WitnessProblem,
  ): Promise<void> {
    const { origin, size } = checkpoint
    const key = stateKey(witness, origin)
    const before = this.#states.get(key)
    const problem = 'code' in answer ? answer : null
    const state = {
      witness: witness.key.name,
      origin,
      size: problem === null ? size : (before?.size ?? 0),
      at: this.#options.log.store.now(),
      problem,
    }
    this.#states.set(key, state)
    if (!('code' in answer) && 'cosignatures' in answer)
      await this.#keep(witness.key.name, chain, checkpoint, answer.cosignatures)
    if (problem === null || before?.problem?.code === problem.code) return
    // That it was not there is no statement of the witness.
    if (problem.code !== 'unreachable') await this.#record(state, problem)
    this.#options.onAlarm?.(state)
  }

  async #record(state: WitnessState, { code, message }: WitnessProblem): Promise<void> {
    const { store } = this.#options.log
    const body: JsonObject = { witness: state.witness, origin: state.origin, problem: code, message }
    await store.commit({ records: [{ kind: 'witness', at: store.now(), action: null, agent: null, body }] })
  }

  async #keep(
    name: string,
    chain: string,
    { note, size }: SignedCheckpoint,
    cosignatures: readonly NoteSignature[],
  ): Promise<void> {
    const { store } = this.#options.log
    const cosigned = formatNote({ text: note.text, signatures: [...note.signatures, ...cosignatures] })
    await store.tiles.keepCheckpoint({ chain, name, size, at: store.now(), note: cosigned })
  }
}

function stateKey({ key }: WitnessAddress, origin: string): string {
  return `${key.name} ${key.keyId} ${origin}`
}

function unreachable(error: unknown): WitnessProblem {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return { code: 'unreachable', message: cause instanceof Error ? cause.message : String(cause) }
}
