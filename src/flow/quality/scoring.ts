import type { Action } from '../../action/action.ts'
import type { LedgerFollower } from '../audit/follow-ledger.ts'
import type { CheckedCase } from '../case.ts'
import type { Scorer } from '../check-content.ts'
import type { Flow } from '../flow.ts'
import type { Score } from './score.ts'
import type { Verdicts } from './verdicts.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import type { JudgeModel } from './judge-model.ts'

/** Whom a score is about. */
export type Scored = Pick<Action, 'id' | 'agent' | 'name' | 'session'>

export type ScoreObserver = (score: Score, about: Scored) => void

/** Opens the way to judges' models: where models are called, which is none of the flow's business. */
export type OpenJudge = (parts: {
  readonly flow: Flow
  readonly policies: { current(): Policy }
  /** The store's clock, epoch ms. */
  readonly now: () => number
  readonly onFault: (error: unknown) => void
}) => Promise<JudgeModel & { close(): Promise<void> }>

export interface ScoringOptions {
  readonly store: Store
  readonly policies: { current(): Policy }
  /** Opened by the time the first action is scored. */
  readonly flow: () => Flow
  /** Absent: what must be scored is refused. */
  readonly judge?: OpenJudge
  /** Whether this process scores what has happened, beside what is about to. */
  readonly after: boolean
  readonly onScored?: ScoreObserver
  readonly onFault: (error: unknown) => void
}

/** The policy's `quality:`. Nothing of it is loaded while no policy has the section. */
export class Scoring implements Scorer {
  readonly #options: ScoringOptions
  #judging: Promise<Judging> | undefined
  #following: Promise<LedgerFollower> | undefined
  #closed = false

  constructor(options: ScoringOptions) {
    this.#options = options
  }

  async before(checked: CheckedCase, agentState: string): ReturnType<Scorer['before']> {
    const { quality } = checked.policy
    if (quality === null) return { scores: [], findings: [] }
    const { verdicts } = await this.#judge()
    const { scoreBefore } = await import('./score-before.ts')
    const { scores, findings } = await scoreBefore(verdicts, quality, checked, agentState)
    const { agent, action: name, session = null } = checked.proposal
    for (const score of scores) this.#tell(score, { id: checked.id, agent, name, session })
    return { scores: scores.map(({ fact }) => fact), findings }
  }

  /** Begins to score what has happened, where the policy in force says `quality`. */
  policyChanged(): void {
    const { policies, after, onFault } = this.#options
    if (this.#closed || !after || this.#following !== undefined || policies.current().quality === null) return
    const opening = this.#follow()
    this.#following = opening
    opening.catch((error: unknown) => {
      if (this.#following === opening) this.#following = undefined
      onFault(error)
    })
  }

  /** Resolves when all that was committed before the call is scored that is to be. */
  async caughtUp(): Promise<void> {
    await (await this.#following)?.caughtUp()
  }

  async close(): Promise<void> {
    this.#closed = true
    await (await this.#following?.catch(() => undefined))?.close()
    await (await this.#judging?.catch(() => undefined))?.close()
  }

  async #follow(): Promise<LedgerFollower> {
    const [{ openScoreAfter }, { verdicts }] = await Promise.all([import('./score-after.ts'), this.#judge()])
    const { store, policies, onFault } = this.#options
    return openScoreAfter({
      store,
      policies,
      verdicts,
      onScored: (score, about) => this.#tell(score, about),
      onFault,
    })
  }

  #judge(): Promise<Judging> {
    this.#judging ??= openJudging(this.#options).catch((error: unknown) => {
      this.#judging = undefined
      throw error
    })
    return this.#judging
  }

  #tell(score: Score, about: Scored): void {
    try {
      this.#options.onScored?.(score, about)
    } catch (error) {
      this.#options.onFault(error)
    }
  }
}

interface Judging {
  readonly verdicts: Verdicts
  close(): Promise<void>
}

async function openJudging({ store, policies, flow, judge, onFault }: ScoringOptions): Promise<Judging> {
  if (judge === undefined) throw new Error('no judge can be asked from this process')
  const [model, { Verdicts }] = await Promise.all([
    judge({ flow: flow(), policies, now: () => store.now(), onFault }),
    import('./verdicts.ts'),
  ])
  const verdicts = new Verdicts(model, store, onFault)
  return {
    verdicts,
    close() {
      verdicts.close()
      return model.close()
    },
  }
}
