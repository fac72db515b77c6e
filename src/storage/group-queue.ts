import { setImmediate } from 'node:timers'

interface Waiting<Job, Answer> {
  readonly job: Job
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Groups jobs by natural batching: a group leaves when the one before is answered, with all that came in
 * meanwhile. One fsync is then shared by whoever waits for it, and nobody waits for a timer.
 */
export class GroupQueue<Job, Answer> {
  readonly #send: (jobs: readonly Job[]) => Promise<readonly (Answer | Error)[]>
  readonly #max: number
  readonly #lanes: number
  readonly #worthwhile: number
  readonly #newGroup: () => (job: Job) => boolean
  #waiting: Waiting<Job, Answer>[] = []
  #busy = 0
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(options: {
    /** Answers each job of the group in order; an `Error` rejects that job alone, a rejection all of them. */
    readonly send: (jobs: readonly Job[]) => Promise<readonly (Answer | Error)[]>
    readonly max: number
    /** How many groups may be under way at once, in order; by default one. */
    readonly lanes?: number
    /** While a group is under way, fewer than this wait for more: each group has its price. By default one. */
    readonly worthwhile?: number
    /** For each group, what says whether the next job can be written with those before it; by default any can. */
    readonly newGroup?: () => (job: Job) => boolean
  }) {
    this.#send = options.send
    this.#max = options.max
    this.#lanes = options.lanes ?? 1
    this.#worthwhile = options.worthwhile ?? 1
    this.#newGroup = options.newGroup ?? (() => () => true)
  }

  add(job: Job): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves when everything added so far is answered. */
  idle(): Promise<void> {
    if (this.#busy === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#busy === this.#lanes || this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#busy < this.#lanes && this.#mayLeave()) void this.#flush()
    })
  }

  /** Whoever is held back leaves with the next group at the latest when those under way are answered. */
  #mayLeave(): boolean {
    const { length } = this.#waiting
    return length > 0 && (this.#busy === 0 || length >= this.#worthwhile)
  }

  async #flush(): Promise<void> {
    const group = this.#take()
    this.#busy++
    try {
      const answers = await this.#send(group.map(({ job }) => job))
      group.forEach(({ resolve, reject }, index) => {
        const answer = answers[index]
        if (answer instanceof Error) reject(answer)
        else resolve(answer as Answer)
      })
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    this.#busy--
    this.#schedule()
    if (this.#busy === 0 && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #take(): Waiting<Job, Answer>[] {
    const mayJoin = this.#newGroup()
    // What waits is spread over the free lanes. One large group would come back at once, and this thread and
    // the writer would take turns instead of working side by side.
    const { length } = this.#waiting
    const share = Math.max(this.#worthwhile, Math.ceil(length / (this.#lanes - this.#busy)))
    const fair = Math.min(this.#max, length, share)
    let size = 0
    while (size < fair) {
      const { job } = this.#waiting[size] as Waiting<Job, Answer>
      if (!mayJoin(job) && size > 0) break
      size++
    }
    return this.#waiting.splice(0, size)
  }
}
