import type { Store } from '../../../storage/store.ts'
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { chainOf, originOf } from './log-identity.ts'
import { checkSignature, type Fault, type Trust } from './trust.ts'
import { signersOf } from './signed-note.ts'
import { witnessedCheckpoint, type WitnessAddress } from './witness-client.ts'

/** The checkpoints that whoever verifies kept: only one whose signature counts says anything. */
export function keptCheckpoints(trust: Trust, fault: Fault): readonly SignedCheckpoint[] {
  for (const checkpoint of trust.kept ?? []) checkSignature(checkpoint, trust, fault)
  return trust.kept ?? []
}

/** What witnesses signed, as the store keeps it: another reading of it than theirs is a fault of the store. */
export async function storedCheckpoints(
  store: Pick<Store, 'tiles'>,
  chain: string,
  fault: Fault,
): Promise<readonly SignedCheckpoint[]> {
  const found: SignedCheckpoint[] = []
  for (const { name, size, note } of await store.tiles.checkpoints(chain)) {
    const checkpoint = parseCheckpoint(note)
    if (checkpoint === undefined || checkpoint.size !== size)
      fault('ledger:tree', chain, size, `the checkpoint kept of ${name} cannot be read`)
    else found.push(checkpoint)
  }
  return found
}

/**
 * Asks witnesses what they signed last of each chain's log. A witness that cannot be asked, has never signed it, or
 * answers what does not verify, is a fault: nothing vouches for the log then.
 */
export async function askWitnesses(
  name: string,
  chains: readonly string[],
  witnesses: readonly WitnessAddress[],
  trust: Trust,
  fault: Fault,
): Promise<{ readonly checkpoints: readonly SignedCheckpoint[]; readonly names: readonly string[] }> {
  const checkpoints: SignedCheckpoint[] = []
  const names = new Set<string>()
  for (const chain of chains) {
    const origin = originOf({ name }, chain)
    for (const witness of witnesses) {
      const refuse = (why: string): void =>
        fault(
          'ledger:witness',
          chain,
          0,
          `the witness ${witness.key.name} does not vouch for ${origin}: ${why}`,
        )
      try {
        const checkpoint = await witnessedCheckpoint(witness, origin)
        if (checkpoint === undefined) refuse('it has never signed it')
        else if (signersOf(checkpoint.note, [witness.key]).by.length === 0)
          refuse('its signature does not hold')
        else {
          checkSignature(checkpoint, trust, fault)
          checkpoints.push(checkpoint)
          names.add(witness.key.name)
        }
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
        refuse(cause instanceof Error ? cause.message : String(cause))
      }
    }
  }
  return { checkpoints, names: [...names] }
}

/** Those of a chain, whatever its log is called. */
export function ofChain(
  checkpoints: readonly SignedCheckpoint[],
  chain: string,
): readonly SignedCheckpoint[] {
  return checkpoints.filter(({ origin }) => chainOf(origin) === chain)
}
