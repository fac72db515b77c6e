import type { JsonObject, JsonValue } from '../../../action/json.ts'

const MAX_DEPTH = 4
const MAX_LEAVES = 48
const MAX_ELEMENTS = 8
const MAX_KEYS = 64
const MAX_CHARS = 64
const MAX_KINDS = 32

/**
 * What an input looks like, as hashes: the value at each path, its shape, and itself with all numbers left out. One
 * instance is used for every action: reading an input allocates nothing.
 */
export class Features {
  /** Paths and values, in pairs. */
  readonly pairs = new Uint32Array(MAX_LEAVES * 2)
  count = 0
  shape = 0
  similar = 0
  #leaves = 0
  readonly #kinds = new Uint32Array(MAX_KINDS)
  #kindCount = 0

  read(input: JsonObject): void {
    this.count = 0
    this.#leaves = 0
    this.#kindCount = 0
    this.shape = SEED
    this.similar = SEED
    this.#object(input, SEED, 0)
  }

  #object(object: JsonObject, path: number, depth: number): void {
    let keys = 0
    // oxlint-disable-next-line guard-for-in -- own keys alone: what JSON.parse or a null prototype made; keys of others only add hashes
    for (const key in object) {
      if (++keys > MAX_KEYS) return
      this.#value(object[key] as JsonValue, pathHash(path, key), depth + 1)
    }
  }

  #value(value: JsonValue, path: number, depth: number): void {
    const kind = kindOf(value)
    // The order of keys, and how many elements a list has, are no part of the shape: each kind at a path counts once.
    const place = mix(path, kind)
    let known = false
    for (let i = 0; i < this.#kindCount; i++) known ||= this.#kinds[i] === place
    if (!known) {
      if (this.#kindCount < MAX_KINDS) this.#kinds[this.#kindCount++] = place
      this.shape = (this.shape + place) | 0
    }
    if (typeof value === 'object' && value !== null) {
      if (depth >= MAX_DEPTH) return
      if (Array.isArray(value)) {
        const length = Math.min(MAX_ELEMENTS, value.length)
        for (let i = 0; i < length; i++) this.#value(value[i] as JsonValue, path, depth + 1)
      } else this.#object(value as JsonObject, path, depth)
      return
    }
    if (this.#leaves++ >= MAX_LEAVES) return
    if (typeof value === 'string') {
      this.similar = (this.similar + mix(path, wordHash(value))) | 0
      this.#text(value, path)
    } else if (typeof value === 'boolean') this.#add(path, value ? 3 : 5)
    else if (typeof value === 'number') this.#add(path, mix(numberHash(value), 7))
  }

  /** Of an address only the host, of a mail address also the domain: those are what an agent is bound to. */
  #text(value: string, path: number): void {
    const scheme = value.indexOf('://')
    if (scheme > 1 && scheme < 12) {
      let end = scheme + 3
      while (end < value.length && end < 280 && !endsHost(value.charCodeAt(end))) end++
      this.#add(pathHash(path, 'host'), rangeHash(value, scheme + 3, end))
      return
    }
    const at = value.length > 254 ? -1 : value.indexOf('@')
    if (at > 0 && value.indexOf(' ') < 0)
      this.#add(pathHash(path, 'domain'), rangeHash(value, at + 1, value.length))
    this.#add(path, textHash(value, MAX_CHARS))
  }

  #add(path: number, value: number): void {
    if (this.count >= MAX_LEAVES) return
    this.pairs[this.count * 2] = path
    this.pairs[this.count * 2 + 1] = value
    this.count++
  }
}

const SEED = 0x811c9dc5 | 0

/** Of a key under a path; `null`: of the whole input. */
export function pathHash(path: number | null, key: string): number {
  return path === null ? SEED : mix(path, textHash(key, MAX_CHARS))
}

/** FNV-1a over UTF-16 code units; what is longer counts by its beginning and its length. */
export function textHash(text: string, chars: number): number {
  let hash = SEED
  const end = text.length < chars ? text.length : chars
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash, text.length)
}

function rangeHash(text: string, from: number, to: number): number {
  let hash = SEED
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    // Hosts are the same in capitals.
    hash = Math.imul(hash ^ (code >= 65 && code <= 90 ? code + 32 : code), 0x01000193)
  }
  return mix(hash, to - from)
}

/** Without digits, so that a counter or a time changes nothing. */
function wordHash(text: string): number {
  let hash = SEED
  const end = text.length < 256 ? text.length : 256
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) continue
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return hash
}

function numberHash(value: number): number {
  if (Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff) return value | 0
  return mix(Math.trunc(value % 0x7fffffff) | 0, Math.trunc((value % 1) * 0x7fffffff) | 0)
}

function kindOf(value: JsonValue): number {
  if (value === null) return 17
  if (Array.isArray(value)) return 19
  if (typeof value === 'string') return 23
  if (typeof value === 'number') return 29
  return typeof value === 'boolean' ? 31 : 37
}

function endsHost(code: number): boolean {
  // / ? # and a port
  return code === 47 || code === 63 || code === 35 || code === 58
}

/** Murmur3's last steps over both. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b, 0xcc9e2d51), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
