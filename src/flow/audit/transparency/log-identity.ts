import { hash, type KeyObject } from 'node:crypto'
import { ED25519, isKeyName, keyIdOf } from './signed-note.ts'
import {
  formatVerifierKey,
  parseVerifierKey,
  publicBytes,
  verifierKey,
  type VerifierKey,
} from './verifier-key.ts'

/** Who signs the logs of this installation: one a chain, each under an origin of its own, all with one key. */
export interface LogIdentity {
  /** What the origins of all logs begin with. */
  readonly name: string
  readonly key: KeyObject
  /** 32 bytes. */
  readonly publicKey: Buffer
}

/** `name`: as the policy says it; without one it follows from the key, so that no two installations share one. */
export function logIdentity(key: KeyObject, name: string | null): LogIdentity {
  const publicKey = publicBytes(key)
  return { name: name ?? `belay-${hash('sha256', publicKey, 'hex').slice(0, 16)}`, key, publicKey }
}

/** The origin of a chain's log (C2SP tlog-checkpoint), which is also the name of the key in its signatures. */
export function originOf({ name }: Pick<LogIdentity, 'name'>, chain: string): string {
  return `${name}/${chain}`
}

export function chainOf(origin: string): string {
  return origin.slice(origin.lastIndexOf('/') + 1)
}

/** The key as a vkey: under the name of all logs, or under one chain's origin. */
export function identityKey({ name, publicKey }: LogIdentity, chain?: string): string {
  const whole = chain === undefined ? name : originOf({ name }, chain)
  return formatVerifierKey({
    name: whole,
    keyId: keyIdOf(whole, ED25519, publicKey),
    type: ED25519,
    publicKey,
  })
}

/** A key whose checkpoints count, under the origin of that name and those below it; `null`: whatever the origin. */
export interface TrustedLog {
  readonly name: string | null
  readonly publicKey: Buffer
}

/** A vkey as a person gives it; `undefined` when it is none of a log. */
export function parseTrustedLog(text: string): TrustedLog | undefined {
  const key = parseVerifierKey(text.trim())
  return key?.type === ED25519 ? { name: key.name, publicKey: key.publicKey } : undefined
}

/** The keys that may sign for the origin. */
export function keysFor(origin: string, trusted: readonly TrustedLog[]): VerifierKey[] {
  if (!isKeyName(origin)) return []
  const fitting = trusted.filter(
    ({ name }) => name === null || origin === name || origin.startsWith(`${name}/`),
  )
  return fitting.flatMap(({ publicKey }) => verifierKey(origin, ED25519, publicKey) ?? [])
}
