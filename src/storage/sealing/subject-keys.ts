import { createHmac, randomBytes } from 'node:crypto'
import { LRU } from './recent-keys.ts'
import type { MasterKey } from './master-key.ts'

/** One key of one data subject. A destroyed one leaves its row, so that what it sealed is known to be erased. */
export interface SubjectKeyRow {
  /** A pseudonym: see `SubjectKeys`. */
  readonly subject: string
  /** A person of whom something is stored again after an erasure gets another key. */
  readonly generation: number
  readonly wrapped: string | null
}

/** Where the keys lie. On disk before a call answers. */
export interface SubjectKeyRows {
  /** All generations of these subjects. */
  read(subjects: readonly string[]): Promise<readonly SubjectKeyRow[]>
  /** Leaves alone what is there already. */
  insert(rows: readonly SubjectKeyRow[], at: number): Promise<void>
  /** Overwrites the keys of the subject; answers how many there were. */
  destroy(subject: string, at: number): Promise<number>
}

export interface SubjectKey {
  /** `{subject}.{generation}`: how a sealed payload names the key. */
  readonly id: string
  readonly key: Buffer
}

const PSEUDONYM = /^sub_[0-9a-f]{32}$/
/** Under this name lies the key from which pseudonyms are made. */
const INDEX = 'index'
const MOST_KEYS = 20_000

/**
 * The keys of data subjects. A subject is stored under a pseudonym, an HMAC of its name under a key of the
 * installation, so that neither the table nor a backup of it says of whom there was something.
 */
export class SubjectKeys {
  readonly #rows: SubjectKeyRows
  readonly #master: MasterKey
  readonly #now: () => number
  /** Keys in use by pseudonym, and all that were read by id; `null`: destroyed. */
  readonly #newest: LRU<SubjectKey>
  readonly #byId: LRU<Buffer | null>
  readonly #pseudonyms = new LRU<string>(MOST_KEYS)
  /** How often keys were destroyed: what was read before the last time is not kept. */
  #destroyed = 0
  #index: Promise<Buffer> | undefined
  #indexKey: Buffer | undefined

  /** `believe`: how long a key is used without asking whether it was destroyed, ms. */
  constructor(rows: SubjectKeyRows, master: MasterKey, options: { now: () => number; believe: number }) {
    this.#rows = rows
    this.#master = master
    this.#now = options.now
    this.#newest = new LRU(MOST_KEYS, options.believe)
    this.#byId = new LRU(MOST_KEYS, options.believe)
  }

  /** The keys to seal something of these subjects with, in the order of their pseudonyms; new ones where there are none. */
  keysFor(subjects: readonly string[]): readonly SubjectKey[] | Promise<readonly SubjectKey[]> {
    if (this.#indexKey !== undefined) {
      const known = this.#known([...new Set(subjects.map((name) => this.#pseudonym(name)))].toSorted())
      if (known !== undefined) return known
    }
    return this.#make(subjects)
  }

  /** The keys of these ids; `null` for one that was destroyed. */
  async keysOf(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer | null>> {
    const unknown: string[] = []
    const found = new Map<string, Buffer | null>()
    // Taken at once: while others are read, what is kept may be forgotten, which is no erasure.
    for (const id of ids) {
      const key = this.#byId.get(id)
      if (key === undefined) unknown.push(id)
      else found.set(id, key)
    }
    if (unknown.length > 0) {
      const subjects = [...new Set(unknown.map((id) => id.split('.')[0] as string))]
      const time = this.#destroyed
      for (const row of await this.#rows.read(subjects)) await this.#unwrap(row, found, time)
    }
    return new Map(ids.map((id) => [id, found.get(id) ?? null]))
  }

  /** What is sealed with them is unreadable from here on, wherever a copy lies. Answers how many keys there were. */
  async destroy(subject: string): Promise<number> {
    const pseudonym = await this.pseudonym(subject)
    const destroyed = await this.#rows.destroy(pseudonym, this.#now())
    this.#destroyed++
    this.#newest.delete(pseudonym)
    this.#byId.clear()
    return destroyed
  }

  /** Under which name a subject is stored; a pseudonym stays what it is. */
  async pseudonym(subject: string): Promise<string> {
    await this.#loadIndex()
    return this.#pseudonym(subject)
  }

  #pseudonym(subject: string): string {
    if (PSEUDONYM.test(subject)) return subject
    const known = this.#pseudonyms.get(subject)
    if (known !== undefined) return known
    const digest = createHmac('sha256', this.#indexKey as Buffer)
      .update(subject)
      .digest('hex')
    const made = `sub_${digest.slice(0, 32)}`
    this.#pseudonyms.set(subject, made)
    return made
  }

  #known(pseudonyms: readonly string[]): readonly SubjectKey[] | undefined {
    const keys: SubjectKey[] = []
    for (const name of pseudonyms) {
      const key = this.#newest.get(name)
      if (key === undefined) return undefined
      keys.push(key)
    }
    return keys
  }

  async #make(subjects: readonly string[]): Promise<readonly SubjectKey[]> {
    await this.#loadIndex()
    const names = [...new Set(subjects.map((name) => this.#pseudonym(name)))].toSorted()
    const time = this.#destroyed
    const before = await this.#rows.read(names)
    const drafts: SubjectKeyRow[] = []
    for (const subject of names) {
      const own = before.filter((row) => row.subject === subject)
      if (own.some(({ wrapped }) => wrapped !== null)) continue
      const generation = Math.max(0, ...own.map((row) => row.generation)) + 1
      drafts.push({ subject, generation, wrapped: await this.#master.wrap(randomBytes(32)) })
    }
    if (drafts.length > 0) await this.#rows.insert(drafts, this.#now())
    // Another replica may have made one at the same moment: what is on disk counts.
    const rows = drafts.length > 0 ? await this.#rows.read(names) : before
    const found = new Map<string, Buffer | null>()
    const made: SubjectKey[] = []
    for (const subject of names) {
      const usable = rows.filter((row) => row.subject === subject && row.wrapped !== null)
      const newest = usable.toSorted((a, b) => b.generation - a.generation)[0]
      if (newest === undefined) throw new Error('the key of a data subject was destroyed at this moment')
      const key = await this.#unwrap(newest, found, time)
      made.push({ id: idOf(newest), key: key as Buffer })
    }
    // One of them may be gone meanwhile: what it would seal nobody could read again.
    if (time !== this.#destroyed) return this.#make(subjects)
    for (const own of made) this.#newest.set(own.id.slice(0, own.id.lastIndexOf('.')), own)
    return made
  }

  /** `time`: of `#destroyed`, when the row was read. */
  async #unwrap(row: SubjectKeyRow, found: Map<string, Buffer | null>, time: number): Promise<Buffer | null> {
    const id = idOf(row)
    const known = this.#byId.get(id)
    const key = known ?? (row.wrapped === null ? null : await this.#master.unwrap(row.wrapped))
    if (time === this.#destroyed) this.#byId.set(id, key)
    found.set(id, key)
    return key
  }

  #loadIndex(): Promise<Buffer> {
    this.#index ??= this.#readIndex().catch((error: unknown) => {
      this.#index = undefined
      throw error
    })
    return this.#index
  }

  async #readIndex(): Promise<Buffer> {
    const stored = async (): Promise<string | null | undefined> =>
      (await this.#rows.read([INDEX])).find(({ generation }) => generation === 1)?.wrapped
    if ((await stored()) == null) {
      const wrapped = await this.#master.wrap(randomBytes(32))
      await this.#rows.insert([{ subject: INDEX, generation: 1, wrapped }], this.#now())
    }
    const key = await this.#master.unwrap((await stored()) ?? '')
    this.#indexKey = key
    return key
  }
}

function idOf({ subject, generation }: SubjectKeyRow): string {
  return `${subject}.${generation}`
}
