const STAR = 42

/**
 * Overwrites texts with as many stars, so that lengths stay as they were announced. A piece that may go on in the next
 * one is held back until that is known.
 */
export class Scrubber {
  readonly #needles: readonly Buffer[]
  #held: Buffer = Buffer.alloc(0)
  /** So many bytes of what is held belong to a text that was found. */
  #covered = 0

  constructor(texts: readonly string[]) {
    this.#needles = texts.map((text) => Buffer.from(text, 'latin1'))
  }

  /** Of one header or another text that is whole. */
  text(text: string): string {
    const bytes = Buffer.from(text, 'latin1')
    for (const [begin, end] of this.#marks(bytes, 0)) bytes.fill(STAR, begin, end)
    return bytes.toString('latin1')
  }

  /** What can be passed on now; it may be nothing. */
  push(piece: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    return this.#passOn(bytes, bytes.length - this.#openEnd(bytes))
  }

  /** What was held back; nothing more comes that could go on with it. */
  end(): Buffer {
    return this.#passOn(this.#held, this.#held.length)
  }

  #passOn(bytes: Buffer, size: number): Buffer {
    const marks = this.#marks(bytes, this.#covered)
    // Held as it came, because another text may begin in it; what one has covered already stays covered.
    this.#held = Buffer.from(bytes.subarray(size))
    this.#covered = marks.reduce((most, [, end]) => Math.max(most, end - size), 0)
    if (marks.length === 0) return bytes.subarray(0, size)
    const clean = Buffer.from(bytes.subarray(0, size))
    for (const [begin, end] of marks) clean.fill(STAR, Math.min(begin, size), Math.min(end, size))
    return clean
  }

  /** Where texts stand, each looked for by itself: one may begin inside another. */
  #marks(bytes: Buffer, covered: number): readonly (readonly [number, number])[] {
    const marks: (readonly [number, number])[] = covered > 0 ? [[0, covered]] : []
    for (const needle of this.#needles) {
      for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1))
        marks.push([at, at + needle.length])
    }
    return marks
  }

  /** How many bytes at the end may be the beginning of a text. */
  #openEnd(bytes: Buffer): number {
    let longest = 0
    for (const needle of this.#needles) {
      for (let size = Math.min(needle.length - 1, bytes.length); size > longest; size--) {
        if (bytes.compare(needle, 0, size, bytes.length - size) === 0) {
          longest = size
          break
        }
      }
    }
    return longest
  }
}
