const STAR = 42

/**
 * Overwrites texts with as many stars, so that lengths stay as they were announced. A piece that may go on in the next
 * one is held back until that is known.
 */
export class Scrubber {
  readonly #needles: readonly Buffer[]
  #held: Buffer = Buffer.alloc(0)

  constructor(texts: readonly string[]) {
    this.#needles = texts.map((text) => Buffer.from(text, 'latin1'))
  }

  /** Of one header or another text that is whole. */
  text(text: string): string {
    let clean = text
    for (const needle of this.#needles) {
      const found = needle.toString('latin1')
      if (clean.includes(found)) clean = clean.replaceAll(found, '*'.repeat(found.length))
    }
    return clean
  }

  /** What can be passed on now; it may be nothing. */
  push(piece: Buffer): Buffer {
    const bytes = Buffer.concat([this.#held, piece])
    this.#overwrite(bytes)
    const open = this.#openEnd(bytes)
    this.#held = bytes.subarray(bytes.length - open)
    return bytes.subarray(0, bytes.length - open)
  }

  /** What was held back; nothing more comes. */
  end(): Buffer {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    return rest
  }

  #overwrite(bytes: Buffer): void {
    for (const needle of this.#needles) {
      for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + needle.length))
        bytes.fill(STAR, at, at + needle.length)
    }
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
