import type { LedgerFault } from '../chain.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { chainOf, keysFor, type TrustedLog } from './log-identity.ts'
import { signersOf } from './signed-note.ts'
import type { VerifierKey } from './verifier-key.ts'

/** Whom a verifier believes, and what he kept. */
export interface Trust {
  /** Whose checkpoints count. Empty: nobody's. */
  readonly logs: readonly TrustedLog[]
  /** Whose cosignatures count, and how many of them a checkpoint needs. */
  readonly witnesses?: readonly VerifierKey[]
  readonly quorum?: number
  /** Checkpoints that were kept elsewhere: their trees must be the beginning of what is verified. */
  readonly kept?: readonly SignedCheckpoint[]
}

export type Fault = (code: LedgerFault['code'], chain: string, seq: number, message: string) => void

/** Verifies a checkpoint's own signature. */
export function checkSignature(checkpoint: SignedCheckpoint, { logs }: Trust, fault: Fault): void {
  const { origin, size, note } = checkpoint
  const { by, forged } = signersOf(note, keysFor(origin, logs))
  if (by.length > 0 && !forged) return
  const why = forged ? 'does not hold' : 'is by no key that you trust'
  fault('ledger:signature', chainOf(origin), size, `the signature of the checkpoint of ${origin} ${why}`)
}

/** The names of the witnesses that signed the checkpoint; a fault when they are fewer than asked for. */
export function checkWitnesses(checkpoint: SignedCheckpoint, trust: Trust, fault: Fault): readonly string[] {
  const { witnesses = [] } = trust
  const { quorum = witnesses.length } = trust
  const { by, forged } = signersOf(checkpoint.note, witnesses)
  const { origin, size } = checkpoint
  if (forged || by.length < quorum) {
    const what = forged ? 'a cosignature does not hold' : `${by.length} of ${quorum} witnesses signed it`
    fault('ledger:witness', chainOf(origin), size, `the checkpoint of ${origin}: ${what}`)
  }
  return by.map(({ name }) => name)
}
