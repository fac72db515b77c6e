import { StringDecoder } from 'node:string_decoder'

/** Characters of one line; the rest of a longer one is left out, because a secret cut in two is not recognised. */
const MAX_LINE = 8 * 1024
/** A line that is not finished is kept after this long all the same, ms: a prompt, a progress bar. */
const PATIENCE_MS = 1_000

/**
 * Gathers what a process writes into whole lines and hands on all that came together at once, without the last line
 * break.
 */
export class LogLines {
  readonly #onLines: (text: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #cut = 0
  #timer: NodeJS.Timeout | null = null

  constructor(onLines: (text: string) => void) {
    this.#onLines = onLines
  }

  push(chunk: Buffer): void {
    const pieces = this.#decoder.write(chunk).split('\n')
    const last = pieces.pop() ?? ''
    const whole = pieces.map((piece) => {
      this.#append(piece)
      return this.#finished()
    })
    this.#append(last)
    if (whole.length > 0) this.#onLines(whole.join('\n'))
    if (this.#rest === '') this.#stopWaiting()
    else this.#timer ??= setTimeout(() => this.#flush(), PATIENCE_MS).unref()
  }

  end(): void {
    this.#append(this.#decoder.end())
    this.#flush()
  }

  #append(text: string): void {
    const room = Math.max(0, MAX_LINE - this.#rest.length)
    this.#rest += text.slice(0, room)
    this.#cut += Math.max(0, text.length - room)
  }

  #finished(): string {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest
    const text = this.#cut === 0 ? line : `${line} [${this.#cut} characters left out]`
    this.#rest = ''
    this.#cut = 0
    return text.toWellFormed()
  }

  #flush(): void {
    this.#stopWaiting()
    if (this.#rest !== '' || this.#cut > 0) this.#onLines(this.#finished())
  }

  #stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
