const GRACE_MS = 5000

/** The first signal goes to the command, which may end in its own way; after a while, or at the second, it is ended. */
export class Signals {
  #ask: (signal: NodeJS.Signals) => void = () => undefined
  #end: () => void = () => undefined
  #first: NodeJS.Signals | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#first !== undefined) return this.#end()
    this.#first = signal
    this.#ask(signal)
    this.#timer = setTimeout(() => this.#end(), GRACE_MS)
  }

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#onSignal)
  }

  /** Who is asked and then ended; at once when a signal came before. */
  passTo(ask: (signal: NodeJS.Signals) => void, end: () => void): void {
    this.#ask = ask
    this.#end = end
    if (this.#first !== undefined) end()
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#onSignal)
  }
}
