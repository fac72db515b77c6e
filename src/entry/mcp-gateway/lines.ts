const NEWLINE = 0x0a

/**
 * Splits a byte stream into lines of UTF-8 text, as the stdio transport frames messages (MCP, stdio: one message a
 * line, no newline within). A line longer than `max` bytes is dropped while it arrives, and told once.
 */
export class Lines {
  readonly #max: number
  readonly #onLine: (line: string) => void
  readonly #onTooLong: () => void
  #pieces: Buffer[] = []
  #size = 0
  #dropping = false

  constructor(max: number, onLine: (line: string) => void, onTooLong: () => void) {
    this.#max = max
    this.#onLine = onLine
    this.#onTooLong = onTooLong
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end))
      this.#emit()
      from = end + 1
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from))
  }

  #keep(piece: Buffer): void {
    if (this.#dropping) return
    this.#size += piece.length
    if (this.#size > this.#max) {
      this.#dropping = true
      this.#pieces = []
      this.#onTooLong()
    } else if (piece.length > 0) this.#pieces.push(piece)
  }

  #emit(): void {
    const pieces = this.#pieces
    const dropped = this.#dropping
    this.#pieces = []
    this.#size = 0
    this.#dropping = false
    if (dropped || pieces.length === 0) return
    const line = (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)).toString('utf8')
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text.trim() !== '') this.#onLine(text)
  }
}
