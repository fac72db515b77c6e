import type { Admitted } from '../../src/flow/flow.ts'
import type { OpenFlow } from '../../src/flow/open-flow.ts'
import { BelayError } from '../../src/errors/catalogue.ts'
import { APPROVERS, type Step } from './schedule.ts'
import { DIED, isCrowded, isInjected, type System } from './system.ts'

const EXPECTED_STATUS = new Set([403, 404, 409])

/** One agent, the people around it, and the outside world in which it acts. */
export class Agent {
  readonly name: string
  /** Action id → how often it was executed. */
  readonly executed = new Map<string, number>()
  readonly #system: System
  readonly #known: string[] = []
  #paused = false
  #resumes = 0
  #resuming = 0

  constructor(name: string, system: System) {
    this.name = name
    this.#system = system
  }

  async run(steps: readonly Step[], onStep: () => void): Promise<void> {
    const overlapping: Promise<void>[] = []
    for (const step of steps) {
      onStep()
      const done = this.#try(step).catch((error: unknown) => this.#violation(`${step.do}: ${String(error)}`))
      if (step.wait) await done
      else overlapping.push(done)
    }
    await Promise.all(overlapping)
  }

  async #try(step: Step): Promise<void> {
    switch (step.do) {
      case 'propose': {
        const { action, venue, start, key, cost } = step
        const proposal = {
          agent: this.name,
          action,
          input: { action, cost },
          cost: cost * 10_000_000,
          ...(key !== undefined && { idempotencyKey: key }),
        }
        return this.#copies(step.copies, () => this.#take((flow) => flow.propose(proposal, { venue, start })))
      }
      case 'start':
        return this.#onTarget(step.target, (id) =>
          this.#copies(step.copies, () => this.#take((flow) => flow.start(id))),
        )
      case 'report':
        return this.#onTarget(step.target, async (id) => {
          const action = await this.#system.read((disk) => disk.action(id))
          const spent =
            step.quarters === undefined ? undefined : Math.floor(((action?.cost ?? 0) * step.quarters) / 4)
          await Promise.all(
            step.outcomes.map((outcome) =>
              this.#ask((flow) => flow.report(id, { outcome, ...(spent !== undefined && { cost: spent }) })),
            ),
          )
        })
      case 'vote':
        return this.#onTarget(step.target, async (id) => {
          const action = await this.#system.read((disk) => disk.action(id))
          if (action?.state.name !== 'held') return
          const approval = action.state.approval.id
          const vote = { by: APPROVERS[step.by] as string, outcome: step.outcome, reason: 'as agreed' }
          await this.#copies(step.copies, () => this.#ask((flow) => flow.vote(approval, vote)))
        })
      case 'cancel':
        return this.#onTarget(step.target, (id) => this.#ask((flow) => flow.cancel(id, this.name)))
      case 'undo':
        return this.#onTarget(step.target, (id) => this.#ask((flow) => flow.undo(id, 'ops@example.com')))
      case 'report undo':
        return this.#onTarget(step.target, (id) =>
          this.#ask((flow) => flow.reportUndo(id, { outcome: 'succeeded' }, this.name)),
        )
      case 'pause':
      case 'resume':
        return this.setState(step.do === 'pause' ? 'paused' : 'active')
    }
  }

  async setState(state: 'paused' | 'active'): Promise<void> {
    if (state === 'active') {
      this.#resumes++
      this.#resuming++
      this.#paused = false
    }
    const resumes = this.#resumes
    const answered = await this.#ask((flow) =>
      flow.setAgentState(this.name, state, 'the test', 'ops@example.com'),
    )
    if (state === 'active') this.#resuming--
    // A resume that overlaps may have been the later of the two.
    else if (answered && this.#resuming === 0 && resumes === this.#resumes) this.#paused = true
  }

  async #onTarget(target: number, work: (id: string) => Promise<unknown>): Promise<void> {
    const id = this.#known[target % Math.max(1, this.#known.length)]
    if (id !== undefined) await work(id)
  }

  async #copies(count: number, work: () => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from({ length: count }, work))
  }

  /** Asks for a permission; whoever gets it executes. */
  async #take(request: (flow: OpenFlow) => Promise<Admitted>): Promise<void> {
    const paused = this.#paused
    const resumes = this.#resumes
    await this.#ask(async (flow) => {
      const admitted = await request(flow)
      const { id, state } = admitted.action
      if (!this.#known.includes(id)) this.#known.push(id)
      if (state.name !== 'executing' || admitted.repeated === true) return
      if (paused && resumes === this.#resumes)
        this.#violation(`${id} was executed while its agent was paused`)
      await this.#execute(id)
    })
  }

  /** The outside world: at this moment what the action may do must be on disk. */
  async #execute(id: string): Promise<void> {
    const count = (this.executed.get(id) ?? 0) + 1
    this.executed.set(id, count)
    if (count > 1) this.#violation(`${id} was executed ${count} times`)
    const records = await this.#system.read((disk) => disk.recordsOf(id))
    if (records[0]?.kind !== 'decision') this.#violation(`${id} was executed without a decision on disk`)
    if (!records.some(({ text }) => text.includes('"state":"executing"')))
      this.#violation(`${id} was executed without a start on disk`)
  }

  async #ask(request: (flow: OpenFlow) => Promise<unknown>): Promise<boolean> {
    try {
      const answer = await this.#system.attempt(request)
      if (answer !== DIED) return true
      // Goes on from what is on disk.
      for (const { id } of await this.#system.read((disk) =>
        disk.actions({ agent: this.name, limit: 100 }),
      )) {
        if (!this.#known.includes(id)) this.#known.push(id)
      }
      return false
    } catch (error) {
      if (isInjected(error) || isCrowded(error)) return false
      if (error instanceof BelayError && EXPECTED_STATUS.has(error.status)) return false
      throw error
    }
  }

  #violation(what: string): void {
    this.#system.violations.push(`${this.name}: ${what}`)
  }
}
