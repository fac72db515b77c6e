const SESSIONS = 32
const LOOK_BACK = 8
const RUNS = { exact: 0, similar: 1, startedAt: 2, similarStartedAt: 3, size: 4 } as const

/**
 * Calls that come again. A call that was among the last eight of its session makes the run longer by one, another one
 * shorter by two: so A, A, A, … is a run and A, B, A, B, … too, and a repetition here and there is none. The session
 * that was not heard of for longest gives its place to another.
 */
export class Loops {
  readonly #sessions = new Uint32Array(SESSIONS)
  readonly #exact = new Uint32Array(SESSIONS * LOOK_BACK)
  readonly #similar = new Uint32Array(SESSIONS * LOOK_BACK)
  readonly #next = new Uint8Array(SESSIONS)
  readonly #runs = new Float64Array(SESSIONS * RUNS.size)
  readonly #last = new Uint32Array(SESSIONS)
  /** When each was heard of last, by the number of the call; 0: the place is free. */
  readonly #heard = new Float64Array(SESSIONS)
  #calls = 0
  /** Of the session that was followed last. */
  exact = 0
  similar = 0
  /** What the session did before; 0: nothing. */
  previous = 0
  startedAt = 0
  similarStartedAt = 0

  follow(session: number, action: number, call: number, similar: number, at: number): void {
    const place = this.#placeOf(session >>> 0)
    this.#heard[place] = ++this.#calls
    const runs = place * RUNS.size
    const from = place * LOOK_BACK
    this.exact = this.#run(this.#exact, from, call, runs + RUNS.exact, runs + RUNS.startedAt, at)
    this.similar = this.#run(
      this.#similar,
      from,
      similar,
      runs + RUNS.similar,
      runs + RUNS.similarStartedAt,
      at,
    )
    this.startedAt = this.#runs[runs + RUNS.startedAt] as number
    this.similarStartedAt = this.#runs[runs + RUNS.similarStartedAt] as number
    this.#exact[from + (this.#next[place] as number)] = call
    this.#similar[from + (this.#next[place] as number)] = similar
    this.#next[place] = ((this.#next[place] as number) + 1) % LOOK_BACK
    this.previous = this.#last[place] as number
    this.#last[place] = action
  }

  #placeOf(session: number): number {
    let oldest = 0
    for (let place = 0; place < SESSIONS; place++) {
      if (this.#sessions[place] === session && this.#heard[place] !== 0) return place
      if ((this.#heard[place] as number) < (this.#heard[oldest] as number)) oldest = place
    }
    this.#sessions[oldest] = session
    this.#exact.fill(0, oldest * LOOK_BACK, (oldest + 1) * LOOK_BACK)
    this.#similar.fill(0, oldest * LOOK_BACK, (oldest + 1) * LOOK_BACK)
    this.#runs.fill(0, oldest * RUNS.size, (oldest + 1) * RUNS.size)
    this.#last[oldest] = 0
    return oldest
  }

  #run(calls: Uint32Array, from: number, call: number, run: number, startedAt: number, at: number): number {
    const wanted = call >>> 0
    let found = false
    for (let i = from; i < from + LOOK_BACK; i++) found ||= calls[i] === wanted
    const before = this.#runs[run] as number
    const after = found ? before + 1 : Math.max(0, before - 2)
    if (before === 0) this.#runs[startedAt] = at
    this.#runs[run] = after
    return after
  }

  clear(): void {
    this.#heard.fill(0)
    this.#runs.fill(0)
    this.#exact.fill(0)
    this.#similar.fill(0)
  }
}

export const LOOPS_BYTES = SESSIONS * (4 + LOOK_BACK * 8 + 1 + RUNS.size * 8 + 4 + 8)
