import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { NewRecord, StoredPayload, Transition } from '../store.ts'
import type { SubjectKey, SubjectKeys } from './subject-keys.ts'

/** The member by which a sealed payload is known; nothing else of ours has it. */
const MARK = 'belay_sealed'
const SALT_BYTES = 16
const TAG_BYTES = 16
/** Each payload has a key of its own, so that its nonce need not differ from another's. */
const NONCE = Buffer.alloc(12)

/**
 * Payloads that hold data of persons are sealed with AES-256-GCM under a key that takes the keys of all of them:
 * HKDF-SHA256 (RFC 5869) over all their keys, in the order of their names, with a random salt. Whichever of these keys is
 * destroyed, the payload is unreadable: here, in the log, and in every backup. Payloads of nobody are left as they are.
 */
export class PayloadSeal {
  readonly #keys: SubjectKeys

  constructor(keys: SubjectKeys) {
    this.#keys = keys
  }

  /** The transition as it is stored: persons under pseudonyms, their payloads sealed. */
  seal(transition: Transition): Transition | Promise<Transition> {
    const subjects = subjectsIn(transition)
    if (subjects === undefined) return transition
    const keys = this.#keys.keysFor(subjects)
    // The names that stand for them are made with the key that is loaded by then.
    return keys instanceof Promise ? keys.then(() => this.#sealed(transition)) : this.#sealed(transition)
  }

  /** The payload as it was; `null` for the text when a key to it is destroyed. Rejects what was changed. */
  async open<P extends StoredPayload>(payloads: readonly P[]): Promise<readonly P[]> {
    const sealed = payloads.map(({ text }) => envelopeIn(text))
    const ids = [...new Set(sealed.flatMap((envelope) => envelope?.keys ?? []))]
    if (ids.length === 0) return payloads
    const keys = await this.#keys.keysOf(ids)
    return payloads.map((payload, index) => {
      const envelope = sealed[index]
      if (envelope === undefined) return payload
      const own = envelope.keys.map((id) => keys.get(id) ?? null)
      const text = own.includes(null) ? null : unseal(envelope, own as Buffer[], boundTo(payload))
      return { ...payload, text }
    })
  }

  async pseudonym(subject: string): Promise<string> {
    return this.#keys.pseudonym(subject)
  }

  destroyKeys(subject: string): Promise<number> {
    return this.#keys.destroy(subject)
  }

  async #sealed(transition: Transition): Promise<Transition> {
    const { action } = transition
    const records: NewRecord[] = []
    for (const record of transition.records) {
      const { payload } = record
      if (payload === undefined || payload.subjects.length === 0) {
        records.push(record)
        continue
      }
      const keys = await this.#keys.keysFor(payload.subjects)
      const body = sealed(payload.body, keys, boundTo({ action: record.action ?? '', kind: payload.kind }))
      records.push({ ...record, payload: { ...payload, body, subjects: keys.map(({ id }) => nameIn(id)) } })
    }
    if (action === undefined || action.value.subjects.length === 0) return { ...transition, records }
    const subjects = (await this.#keys.keysFor(action.value.subjects)).map(({ id }) => nameIn(id))
    return { ...transition, records, action: { ...action, value: { ...action.value, subjects } } }
  }
}

/** All persons of whom the transition stores something; `undefined` when there is none, which is the usual case. */
function subjectsIn({ records, action }: Transition): readonly string[] | undefined {
  let found: string[] | undefined
  for (const { payload } of records)
    if (payload !== undefined && payload.subjects.length > 0) (found ??= []).push(...payload.subjects)
  if (action !== undefined && action.value.subjects.length > 0) (found ??= []).push(...action.value.subjects)
  return found
}

const nameIn = (id: string): string => id.slice(0, id.lastIndexOf('.'))

/** A sealed payload opens only at its own place. */
const boundTo = ({ action, kind }: { readonly action: string; readonly kind: string }): Buffer =>
  Buffer.from(`${action}\n${kind}`)

interface Envelope {
  readonly keys: readonly string[]
  readonly salt: string
  readonly data: string
}

function sealed(body: JsonValue, keys: readonly SubjectKey[], place: Buffer): JsonObject {
  const salt = randomBytes(SALT_BYTES)
  const cipher = createCipheriv(
    'aes-256-gcm',
    contentKey(
      keys.map(({ key }) => key),
      salt,
    ),
    NONCE,
  )
  cipher.setAAD(place)
  const data = Buffer.concat([
    cipher.update(JSON.stringify(body), 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return {
    [MARK]: 1,
    keys: keys.map(({ id }) => id),
    salt: salt.toString('base64url'),
    data: data.toString('base64url'),
  }
}

function unseal({ salt, data }: Envelope, keys: readonly Buffer[], place: Buffer): string {
  const bytes = Buffer.from(data, 'base64url')
  const key = contentKey(keys, Buffer.from(salt, 'base64url'))
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE)
  decipher.setAAD(place)
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8')
}

function contentKey(keys: readonly Buffer[], salt: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.concat(keys), salt, 'belay payload', 32))
}

function envelopeIn(text: string | null): Envelope | undefined {
  if (text === null || !text.startsWith(`{"${MARK}":`)) return undefined
  const value = JSON.parse(text) as JsonValue
  if (!isJsonObject(value)) return undefined
  const { keys, salt, data } = value
  return Array.isArray(keys) && typeof salt === 'string' && typeof data === 'string'
    ? { keys: keys as readonly string[], salt, data }
    : undefined
}
