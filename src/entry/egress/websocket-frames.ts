/** Follows the frames of a WebSocket (RFC 6455, 5.2) by their lengths alone. */
export class FrameEnds {
  #header: number[] = []
  /** Of the frame under way. */
  #left = 0

  /** Whether a frame ends with these bytes. */
  pass(bytes: Buffer): boolean {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const size = Math.min(this.#left, bytes.length - at)
        this.#left -= size
        at += size
      } else {
        this.#header.push(bytes[at++]!)
        const length = lengthIn(this.#header)
        if (length === undefined) continue
        this.#left = length
        this.#header = []
      }
    }
    return this.#left === 0 && this.#header.length === 0
  }
}

/** What follows a header: `undefined` while it is not whole. */
function lengthIn(header: readonly number[]): number | undefined {
  const [, second] = header
  if (second === undefined) return undefined
  const short = second & 127
  const more = short === 126 ? 2 : short === 127 ? 8 : 0
  if (header.length < 2 + more) return undefined
  const length = more === 0 ? short : header.slice(2).reduce((sum, byte) => sum * 256 + byte, 0)
  return length + (second >= 128 ? 4 : 0)
}
