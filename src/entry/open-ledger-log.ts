import type { KeyObject } from 'node:crypto'
import { signingKey } from '../flow/audit/signing-key.ts'
import { logIdentity, type LogIdentity } from '../flow/audit/transparency/log-identity.ts'
import type { WitnessSeeker, WitnessState } from '../flow/audit/transparency/seek-witnesses.ts'
import type { TransparencyLog } from '../flow/audit/transparency/transparency-log.ts'
import type { Trust } from '../flow/audit/transparency/trust.ts'
import { parseVerifierKey } from '../flow/audit/transparency/verifier-key.ts'
import type { WitnessAddress } from '../flow/audit/transparency/witness-client.ts'
import type { LedgerRule } from '../policy/compile-ledger.ts'
import type { Store } from '../storage/store.ts'

/** The transparency log of the ledger, and the witnesses that the policy names for it. */
export interface LedgerLog {
  open(): Promise<TransparencyLog>
  readonly identity: LogIdentity
  /** What this installation believes: itself. */
  readonly trust: Trust
  /** The witnesses of the policy. */
  readonly addresses: readonly WitnessAddress[]
  readonly quorum: number
  /** What each witness said last. */
  states(): Promise<readonly WitnessState[]>
  /** Asks the witnesses now, and not at their next turn. */
  seek(): Promise<void>
  close(): Promise<void>
}

export interface LedgerLogOptions {
  readonly store: Store
  /** Where the signing key lies, or is made on first use. */
  readonly data: string
  readonly rule: () => LedgerRule | undefined
  readonly onAlarm?: (state: WitnessState) => void
  readonly onFault?: (error: unknown) => void
}

/** Nobody who starts a harness waits for this; commands that are done sooner leave it to the next process. */
const BEGIN_AFTER_MS = 250

interface Opened {
  readonly log: TransparencyLog
  readonly seeker: WitnessSeeker
}

/** Opens the log a moment after the start, or when it is first asked for. It keeps no process alive. */
export function openLedgerLog(options: LedgerLogOptions): LedgerLog {
  const { store, rule, onFault = () => undefined } = options
  let key: KeyObject | undefined
  let named: LogIdentity | undefined
  const identity = (): LogIdentity => {
    const origin = rule()?.origin ?? null
    key ??= signingKey(options.data)
    const fresh = logIdentity(key, origin)
    if (named?.name !== fresh.name) named = fresh
    return named
  }
  const addresses = (): WitnessAddress[] =>
    (rule()?.witnesses ?? []).flatMap(({ url, key: text }) => {
      const vkey = parseVerifierKey(text)
      // The policy was checked for that; a witness left out silently would be one that vouches for nothing.
      if (vkey === undefined) throw new Error(`the key of the witness ${url} cannot be used`)
      return [{ url, key: vkey }]
    })
  const quorum = (): number => rule()?.quorum ?? 1
  let opened: Promise<Opened> | undefined
  let closed = false
  const open = (): Promise<Opened> => {
    if (closed) return opened ?? Promise.reject(new Error('the log is closed'))
    return (opened ??= begin())
  }
  const begin = async (): Promise<Opened> => {
    const [{ TransparencyLog }, { WitnessSeeker }] = await Promise.all([
      import('../flow/audit/transparency/transparency-log.ts'),
      import('../flow/audit/transparency/seek-witnesses.ts'),
    ])
    const log = new TransparencyLog({ store, identity, onFault })
    const seeker = new WitnessSeeker({
      log,
      plan: () => ({ witnesses: addresses(), quorum: quorum() }),
      ...(options.onAlarm && { onAlarm: options.onAlarm }),
      onFault,
    })
    // A log that was set back while nothing ran is found before anything else is signed.
    void seeker.seek()
    return { log, seeker }
  }
  const timer = setTimeout(() => void open().catch(onFault), BEGIN_AFTER_MS).unref()
  return {
    open: async () => (await open()).log,
    get identity() {
      return identity()
    },
    get trust() {
      return { logs: [{ name: null, publicKey: identity().publicKey }] }
    },
    get addresses() {
      return addresses()
    },
    get quorum() {
      return quorum()
    },
    states: async () => (await open()).seeker.states(),
    seek: async () => (await open()).seeker.seek(),
    async close() {
      closed = true
      clearTimeout(timer)
      if (opened === undefined) return
      const both = await opened
      await both.seeker.close()
      await both.log.close()
    },
  }
}
