import { digestOf } from '../../action/digest.ts'
import type { JsonObject } from '../../action/json.ts'
import type { QualityRule } from '../../policy/compile-quality.ts'
import type { Rubric } from '../../policy/rubric.ts'
import type { Store } from '../../storage/store.ts'
import type { JudgeAnswer, JudgeFingerprint, JudgeModel } from './judge-model.ts'
import { MAX_CONTENT, questionOf } from './question.ts'
import { readAnswer } from './read-answer.ts'

/** What is to be scored. */
export interface ToScore {
  readonly quality: QualityRule
  readonly rubric: Rubric
  readonly content: JsonObject
  /** The action. */
  readonly about: string
  readonly subjects: readonly string[]
}

/** What a judge makes of it. */
export type Given = {
  /** Digests of the content, and of all that the judge is asked with beside it and the rubric. */
  readonly content: string
  readonly judgeDigest: string
  /** `null` where no model answered. */
  readonly model: JudgeFingerprint | null
  readonly judgeAction: string | null
  readonly cached: boolean
} & (
  | { readonly score: number; readonly label: string; readonly explanation: string }
  | { readonly error: string; readonly message: string }
)

interface Kept {
  readonly given: Given & { readonly score: number }
  readonly at: number
}

/** Verdicts that are remembered by this process; the store remembers more. */
const MAX_KEPT = 2_000
/** Raised with every change of what judges are asked: verdicts before are no answers to it. */
const PROMPT = 1

/**
 * Asks judges, once for the same content: what is asked at the same time is one question, and an answer holds for as long
 * as the policy says. Never rejects: a judge that is late, refused, unreachable or answers nonsense gives no score.
 */
export class Verdicts {
  readonly #model: JudgeModel
  readonly #store: Pick<Store, 'scores' | 'now'>
  readonly #onFault: (error: unknown) => void
  readonly #kept = new Map<string, Kept>()
  readonly #asking = new Map<string, Promise<Given>>()
  readonly #closing = new AbortController()

  constructor(
    model: JudgeModel,
    store: Pick<Store, 'scores' | 'now'>,
    onFault: (error: unknown) => void = () => undefined,
  ) {
    this.#model = model
    this.#store = store
    this.#onFault = onFault
  }

  /** `signal`: nobody waits for it any more. */
  async give(what: ToScore, signal?: AbortSignal): Promise<Given> {
    const { quality, rubric } = what
    const same = {
      rubricDigest: rubric.digest,
      judgeDigest: digestOfJudge(quality),
      content: digestOf(what.content),
    }
    if (quality.judge.cache === 0) return this.#ask(what, same, signal)
    const key = `${same.rubricDigest}\n${same.judgeDigest}\n${same.content}`
    const since = this.#store.now() - quality.judge.cache
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.at >= since) return { ...kept.given, cached: true }
    const asking = this.#asking.get(key)
    if (asking !== undefined) return { ...(await asking), cached: true }
    const asked = this.#recallOrAsk(what, same, since, key, signal).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asked)
    return asked
  }

  /** What is asked now gets no answer any more. */
  close(): void {
    this.#closing.abort()
  }

  async #recallOrAsk(
    what: ToScore,
    same: Same,
    since: number,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Given> {
    const known = await this.#store.scores.known(same, since).catch((error: unknown) => {
      this.#onFault(error)
      return undefined
    })
    if (known?.score != null && known.label !== null) {
      const { score, label, judgeAction, action } = known
      const explanation = `The same content was scored with the action ${action}, which has the explanation.`
      const { content, judgeDigest } = same
      return { content, judgeDigest, model: null, judgeAction, cached: true, score, label, explanation }
    }
    const given = await this.#ask(what, same, signal)
    if ('score' in given) this.#keep(key, { given, at: this.#store.now() })
    return given
  }

  async #ask(what: ToScore, same: Same, signal?: AbortSignal): Promise<Given> {
    const { quality, rubric, about, subjects } = what
    const { judge } = quality
    const { content, judgeDigest } = same
    const question = questionOf(rubric, quality.about, what.content)
    if (question === null) {
      const message = `It has more than ${MAX_CONTENT} characters, which is more than a judge reads.`
      const error = 'quality:too_long'
      return { content, judgeDigest, model: null, judgeAction: null, cached: false, error, message }
    }
    const { instructions, token } = question
    const asked = { judge, instructions, content: question.content, about, rubric: rubric.name, subjects }
    const stop = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
    const answer = await inTime((late) => this.#model.ask(asked, late), judge.timeout, stop).catch(
      (error: unknown): JudgeAnswer => {
        this.#onFault(error)
        return { action: null, error: 'quality:failed', message: 'The judge could not be asked.' }
      },
    )
    const base = { content, judgeDigest, judgeAction: answer.action, cached: false }
    if ('error' in answer) return { ...base, model: null, error: answer.error, message: answer.message }
    const verdict = readAnswer(answer.text, token, rubric)
    if ('nonsense' in verdict) {
      const message = `The judge answered nonsense: ${verdict.nonsense}.`
      return { ...base, model: answer.model, error: 'quality:nonsense', message }
    }
    return { ...base, model: answer.model, ...verdict }
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break
      this.#kept.delete(oldest)
    }
  }
}

interface Same {
  readonly rubricDigest: string
  readonly judgeDigest: string
  readonly content: string
}

function digestOfJudge({ about, judge }: QualityRule): string {
  const { provider, model, params } = judge
  return digestOf({ prompt: PROMPT, about, provider, model, params: { ...params } })
}

/** A judge that does not stop when it is told to is not waited for. */
async function inTime(
  ask: (signal: AbortSignal) => Promise<JudgeAnswer>,
  ms: number,
  outer: AbortSignal,
): Promise<JudgeAnswer> {
  const stop = new AbortController()
  const { promise: stopped, resolve } = Promise.withResolvers<string>()
  const give = (message: string): void => {
    stop.abort()
    resolve(message)
  }
  const timer = setTimeout(() => give(`The judge did not answer within ${ms} ms.`), ms)
  const leave = (): void => give('Nobody waits for the judge any more.')
  outer.addEventListener('abort', leave, { once: true })
  try {
    if (outer.aborted) return { action: null, error: LATE, message: 'Nobody waits for the judge any more.' }
    const asking = ask(stop.signal)
    const message = await Promise.race([asking.then(() => null), stopped])
    if (message === null) return await asking
    // A moment for a judge that stops as it is told: it names the action by which it was asked.
    const own = await Promise.race([asking.catch(() => undefined), pause(GRACE_MS)])
    return { action: own?.action ?? null, error: LATE, message }
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', leave)
  }
}

const LATE = 'quality:late'
const GRACE_MS = 250

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref()
  })
}
