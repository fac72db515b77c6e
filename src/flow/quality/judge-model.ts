import type { JudgeRule } from '../../policy/compile-quality.ts'

/** A judge's model, as scoring needs it. Implemented where models are called. */
export interface JudgeModel {
  /**
   * One question. The call is an action of its own, with the judge's budget, and nobody scores it. Never rejects: what
   * kept the judge from answering is in the answer. Gives up when the signal aborts.
   */
  ask(question: JudgeQuestion, signal: AbortSignal): Promise<JudgeAnswer>
}

export interface JudgeQuestion {
  readonly judge: JudgeRule
  /** What only Belay and the policy have written. */
  readonly instructions: string
  /** What others have written, quoted. */
  readonly content: string
  /** The action that is scored. */
  readonly about: string
  readonly rubric: string
  /** Whose personal data the content holds: what is kept of the call can be erased with it. */
  readonly subjects: readonly string[]
}

export type JudgeAnswer = {
  /** The action by which the model was called; `null`: it was not. */
  readonly action: string | null
} & (
  | { readonly text: string; readonly model: JudgeFingerprint }
  /** `error`: a code, with a sentence that quotes nothing. */
  | { readonly error: string; readonly message: string }
)

/** What answered, as the provider says. */
export interface JudgeFingerprint {
  readonly provider: string
  readonly requested: string
  readonly responded: string | null
  readonly systemFingerprint: string | null
}
