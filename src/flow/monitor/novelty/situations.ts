import { DIMENSIONS } from './words.ts'

/** Situations that an agent is known for; what is more joins the one that it resembles most. */
const MAX_SITUATIONS = 128
/** An action that resembles the nearest situation of its kind less than this begins another. */
const SPLIT_BELOW = 0.3
/** So many actions of one situation, then the older ones count half. */
const FORGET_AFTER = 500
const FORMAT = 1
const HEAD = 4

/**
 * What an agent's past actions were about: centroids of hashed TF-IDF vectors, several for each kind of action. An action
 * is as familiar as it is similar (cosine) to the nearest of them. Constant memory, whatever is learned.
 */
export class Situations {
  readonly #max: number
  readonly #split: number
  /** In how many actions each word was. */
  readonly #documents = new Float32Array(DIMENSIONS)
  readonly #weights = new Float32Array(DIMENSIONS)
  #centroids: Float32Array[] = []
  #kinds: number[] = []
  #counts: number[] = []
  #norms: number[] = []
  learned = 0
  #weighedAt = -1
  readonly #values = new Float32Array(DIMENSIONS)

  constructor({ max = MAX_SITUATIONS, split = SPLIT_BELOW }: { max?: number; split?: number } = {}) {
    this.#max = max
    this.#split = split
  }

  get count(): number {
    return this.#centroids.length
  }

  /** 0: nothing in common with anything before; 1: the same as always. */
  similarity(words: Uint16Array): number {
    this.#weigh()
    const norm = this.#load(words)
    let nearest = 0
    for (let i = 0; i < this.#centroids.length; i++) nearest = Math.max(nearest, this.#cosine(i, words, norm))
    this.#unload(words)
    return nearest
  }

  /** `kind`: hash of the action's name; a situation belongs to one kind. */
  learn(words: Uint16Array, kind: number): void {
    if (words.length === 0) return
    this.#weigh()
    const norm = this.#load(words)
    let nearest = -1
    let similarity = -1
    for (let i = 0; i < this.#centroids.length; i++) {
      if (this.#kinds[i] !== kind && this.#centroids.length < this.#max) continue
      const found = this.#cosine(i, words, norm) + (this.#kinds[i] === kind ? 1 : 0)
      if (found > similarity) [nearest, similarity] = [i, found]
    }
    const isNew = nearest < 0 || (similarity % 1 < this.#split && similarity < 2)
    if (isNew && this.#centroids.length < this.#max) {
      nearest = this.#centroids.length
      this.#centroids.push(new Float32Array(DIMENSIONS))
      this.#kinds.push(kind)
      this.#counts.push(0)
      this.#norms.push(0)
    }
    const centroid = this.#centroids[nearest]!
    if (this.#counts[nearest]! >= FORGET_AFTER) {
      for (let d = 0; d < DIMENSIONS; d++) centroid[d] = centroid[d]! / 2
      this.#counts[nearest] = this.#counts[nearest]! / 2
    }
    // Each action counts the same, however long it is.
    const scale = 1 / Math.max(1e-9, norm)
    for (const word of words) {
      const value = this.#values[word]!
      if (value === 0) continue
      centroid[word] = centroid[word]! + value * scale
      this.#documents[word] = this.#documents[word]! + 1
      this.#values[word] = 0
    }
    this.#counts[nearest] = this.#counts[nearest]! + 1
    this.learned++
    this.#norms[nearest] = this.#normOf(centroid)
  }

  /** Puts the term frequencies of the words into `#values`; answers the norm of their weighted vector. */
  #load(words: Uint16Array): number {
    const values = this.#values
    for (const word of words) values[word] = values[word]! + 1
    let squares = 0
    for (const word of words) {
      const raw = values[word]!
      // A word that comes twice was seen to already.
      if (raw <= 0 || !Number.isInteger(raw)) continue
      const damped = 1 + Math.log(raw)
      // Half a step off a whole number marks it.
      values[word] = damped === 1 ? 1.000_001 : damped
      squares += (damped * this.#weights[word]!) ** 2
    }
    return Math.sqrt(squares)
  }

  #unload(words: Uint16Array): void {
    for (const word of words) this.#values[word] = 0
  }

  #cosine(i: number, words: Uint16Array, norm: number): number {
    const centroid = this.#centroids[i]!
    const values = this.#values
    let dot = 0
    for (let n = 0; n < words.length; n++) {
      const word = words[n]!
      // Repeated words would be added twice: the last place of each counts.
      if (words.indexOf(word, n + 1) >= 0) continue
      dot += values[word]! * centroid[word]! * this.#weights[word]! ** 2
    }
    const both = norm * this.#norms[i]!
    return both === 0 ? 0 : Math.min(1, dot / both)
  }

  /** Rare words say more. Worked out anew when a good deal was learned. */
  #weigh(): void {
    if (this.#weighedAt >= 0 && this.learned < this.#weighedAt * 1.1 + 8) return
    this.#weighedAt = this.learned
    for (let d = 0; d < DIMENSIONS; d++)
      this.#weights[d] = Math.log((this.learned + 1) / (this.#documents[d]! + 1)) + 1
    for (let i = 0; i < this.#centroids.length; i++) this.#norms[i] = this.#normOf(this.#centroids[i]!)
  }

  #normOf(centroid: Float32Array): number {
    let squares = 0
    for (let d = 0; d < DIMENSIONS; d++) squares += (centroid[d]! * this.#weights[d]!) ** 2
    return Math.sqrt(squares)
  }

  /** One byte a dimension: what is lost is below what one action adds. */
  encode(): Uint8Array {
    const size = this.#centroids.length
    const bytes = new ArrayBuffer(4 * HEAD + 4 * DIMENSIONS + size * (16 + DIMENSIONS))
    const numbers = new Float32Array(bytes, 0, HEAD + DIMENSIONS)
    numbers.set([FORMAT, this.learned, size, DIMENSIONS])
    numbers.set(this.#documents, HEAD)
    let offset = 4 * (HEAD + DIMENSIONS)
    for (let i = 0; i < size; i++) {
      const centroid = this.#centroids[i]!
      const top = centroid.reduce((highest, value) => Math.max(highest, value), 1e-9)
      const view = new DataView(bytes, offset, 16)
      view.setInt32(0, this.#kinds[i]!, true)
      view.setFloat32(4, this.#counts[i]!, true)
      view.setFloat32(8, top, true)
      const parts = new Uint8Array(bytes, offset + 16, DIMENSIONS)
      for (let d = 0; d < DIMENSIONS; d++) parts[d] = Math.round((centroid[d]! / top) * 255)
      offset += 16 + DIMENSIONS
    }
    return new Uint8Array(bytes)
  }

  /** `undefined` for bytes that are none of ours: learning begins anew. */
  static decode(data: Uint8Array): Situations | undefined {
    if (data.byteLength < 4 * (HEAD + DIMENSIONS)) return undefined
    const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer
    const numbers = new Float32Array(bytes, 0, HEAD + DIMENSIONS)
    const [format, learned, size, dimensions] = [numbers[0]!, numbers[1]!, numbers[2]!, numbers[3]!]
    const fits = data.byteLength === 4 * (HEAD + DIMENSIONS) + size * (16 + DIMENSIONS)
    if (format !== FORMAT || dimensions !== DIMENSIONS || !fits || !(learned >= 0)) return undefined
    if (!numbers.every(Number.isFinite)) return undefined
    const situations = new Situations()
    situations.learned = learned
    situations.#documents.set(numbers.subarray(HEAD))
    let offset = 4 * (HEAD + DIMENSIONS)
    for (let i = 0; i < size; i++) {
      const view = new DataView(bytes, offset, 16)
      const top = view.getFloat32(8, true)
      if (!Number.isFinite(top)) return undefined
      situations.#kinds.push(view.getInt32(0, true))
      situations.#counts.push(view.getFloat32(4, true))
      const parts = new Uint8Array(bytes, offset + 16, DIMENSIONS)
      situations.#centroids.push(Float32Array.from(parts, (part) => (part / 255) * top))
      situations.#norms.push(0)
      offset += 16 + DIMENSIONS
    }
    return situations
  }
}
