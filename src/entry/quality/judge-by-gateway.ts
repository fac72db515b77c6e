import { BelayError } from '../../errors/catalogue.ts'
import type { Flow } from '../../flow/flow.ts'
import type { JudgeAnswer, JudgeModel, JudgeQuestion } from '../../flow/quality/judge-model.ts'
import { JUDGE_AGENT } from '../../policy/compile-quality.ts'
import { callInProcess } from '../model-gateway/call-in-process.ts'
import { Concurrency } from '../model-gateway/concurrency.ts'
import { openContext, type ContextOptions } from '../model-gateway/open-context.ts'

/** Asks judges through the model gateway: each question is an action of the agent `belay.judge`. */
export class JudgeByGateway implements JudgeModel {
  readonly #context: ReturnType<typeof openContext>
  readonly #concurrency = new Concurrency()
  readonly #asking = new Set<Promise<unknown>>()

  constructor(options: ContextOptions) {
    this.#context = openContext(options)
  }

  async ask(question: JudgeQuestion, signal: AbortSignal): Promise<JudgeAnswer> {
    const asking = this.#ask(question, signal).catch((error: unknown): JudgeAnswer => {
      if (!(error instanceof BelayError)) this.#context.onFault(error)
      return error instanceof BelayError
        ? { action: null, error: error.code, message: error.message }
        : { action: null, error: 'quality:failed', message: 'The judge could not be asked.' }
    })
    this.#asking.add(asking)
    try {
      return await asking
    } finally {
      this.#asking.delete(asking)
    }
  }

  /** When the questions under way have ended: whoever asks them stops them. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#asking)
    await this.#context.upstream.close()
  }

  async #ask(question: JudgeQuestion, signal: AbortSignal): Promise<JudgeAnswer> {
    const { judge, instructions, content, about, rubric } = question
    const called = await callInProcess(
      this.#context,
      this.#concurrency,
      {
        agent: JUDGE_AGENT,
        provider: judge.provider,
        model: judge.model,
        system: instructions,
        user: content,
        maxTokens: judge.maxTokens,
        params: judge.params,
        reason: `scores ${about} by ${rubric}`,
        flow: unscored(this.#context.flow, question),
      },
      signal,
    )
    const { action } = called
    if ('error' in called) return { action, error: called.error, message: called.message }
    const { model: responded, systemFingerprint, texts, toolCalls } = called.answer
    const [text] = texts
    if (text === undefined || texts.length > 1 || toolCalls.length > 0)
      return {
        action,
        error: 'quality:nonsense',
        message: 'The judge answered nonsense: it is no single text.',
      }
    const { provider, model: requested } = judge
    return { action, text, model: { provider, requested, responded, systemFingerprint } }
  }
}

/**
 * A flow in which the question says whose score it is for, is erased with the data that it shows, and is itself scored by
 * nobody.
 */
function unscored(flow: Flow, { about, subjects }: JudgeQuestion): Flow {
  return {
    ...flow,
    propose: (proposal, how) =>
      flow.propose(
        { ...proposal, subjects: [...subjects], facts: { ...proposal.facts, scores: about } },
        { ...how, unscored: true },
      ),
    start: (id) => flow.start(id, { unscored: true }),
  }
}
