import type { RecordedAnswer } from '../../action/recording.ts'

type Headers = Readonly<Record<string, string | readonly string[]>>

/** Listens to one answer on its way to the agent. What is more than its bound is forgotten, and the tape says so. */
export class AnswerTape {
  readonly startedAt: number
  readonly #begun = performance.now()
  readonly #most: number
  #status = 0
  #headers: Headers = {}
  #pieces: Buffer[] = []
  #cuts: (readonly [number, number])[] = []
  #bytes = 0
  #whole = false
  #broken = false
  #overflowed = false

  /** `most`: bytes that are kept. `startedAt`: when the request came, epoch ms. */
  constructor(most: number, startedAt: number) {
    this.#most = most
    this.startedAt = startedAt
  }

  head(status: number, headers: Headers): void {
    this.#status = status
    this.#headers = headers
  }

  piece(bytes: Buffer | string): void {
    const piece = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    this.#bytes += piece.length
    if (this.#bytes > this.#most) {
      this.#overflowed = true
      this.#pieces = []
      this.#cuts = []
      return
    }
    this.#pieces.push(piece)
    this.#cuts.push([Math.round(performance.now() - this.#begun), piece.length])
  }

  whole(status: number, headers: Headers, body: Buffer | string): void {
    this.head(status, headers)
    this.#whole = true
    this.piece(body)
  }

  broke(): void {
    this.#broken = true
  }

  /** The action that the answer names; `undefined` where it names none. */
  get action(): string | undefined {
    const id = this.#headers['belay-action']
    return typeof id === 'string' ? id : undefined
  }

  /** `null` when there was none, `'too_large'` when it was forgotten. */
  answer(): RecordedAnswer | 'too_large' | null {
    if (this.#status === 0) return null
    if (this.#overflowed) return 'too_large'
    const bytes = Buffer.concat(this.#pieces, this.#bytes)
    const text = bytes.toString('utf8')
    const isText = Buffer.from(text, 'utf8').equals(bytes)
    return {
      status: this.#status,
      headers: this.#headers,
      encoding: isText ? 'utf8' : 'base64',
      body: isText ? text : bytes.toString('base64'),
      cuts: this.#cuts,
      whole: this.#whole,
      broken: this.#broken,
    }
  }
}
