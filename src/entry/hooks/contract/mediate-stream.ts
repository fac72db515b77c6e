import type { JsonObject } from '../../../action/json.ts'
import type { Emission } from './emitter.ts'
import type { HostError, WireVerdict } from './wire-verdict.ts'

/** A model's answer while it streams: its pieces of text, then how it ended; `null` when it broke off. */
export interface StreamedAnswer {
  readonly pieces: AsyncIterable<string> | Iterable<string>
  readonly end: () => { readonly tool_calls: readonly JsonObject[]; readonly finish_reason: string } | null
}

export interface StreamOutcome {
  /** Every piece was released and the whole answer passed. */
  readonly completed: boolean
  readonly verdict: WireVerdict
  /** What reached the reader, each piece under a verdict that covered it. Only this may be kept. */
  readonly released: string
  /** Of the whole answer; `null` when it did not come to that. */
  readonly emission: Emission | null
}

/** Longer answers are refused: what is judged again with each piece must have a bound. */
const MOST_CHARACTERS = 4_000_000

/**
 * Incremental mediation (agent-hooks 0.1, section 12.1): each piece is released only once the text up to and with it was
 * judged at `post_model_call`, with `finish_reason` `incremental`, and the last one by the verdict on the whole answer.
 * A deny, or a change of what was released already, withholds the rest. What nobody judged, because the stream broke
 * off, is denied by the host itself.
 */
export async function mediateStream(
  answer: StreamedAnswer,
  emit: (response: JsonObject, refusal?: HostError) => Promise<Emission>,
  release: (piece: string) => void | Promise<void>,
): Promise<StreamOutcome> {
  let text = ''
  let released = ''
  const stopped = (verdict: WireVerdict): StreamOutcome => {
    return { completed: false, verdict, released, emission: null }
  }
  const refused = async (content: string): Promise<StreamOutcome> => {
    const response = { content, tool_calls: [], finish_reason: 'incremental' }
    return stopped((await emit(response, 'streaming_unsupported')).verdict)
  }

  const pieces = lookAhead(answer.pieces)
  for (;;) {
    const { piece, last } = await pieces.next()
    text += piece
    const end = last ? answer.end() : { tool_calls: [], finish_reason: 'incremental' }
    if (end === null || text.length > MOST_CHARACTERS) return refused(released)
    const emission = await emit({ content: text, ...end })
    if (!emission.proceeds) return stopped(emission.verdict)
    const judged = contentOf(emission)
    // Before the end only what was judged as it is may go out; at the end a change may touch the rest alone.
    if (judged === undefined || !judged.startsWith(released) || (!last && judged !== text))
      return refused(released)
    const due = judged.slice(released.length)
    if (due !== '') await release(due)
    released += due
    if (last) return { completed: true, verdict: emission.verdict, released, emission }
  }
}

function contentOf({ context }: Emission): string | undefined {
  const content = (context?.['response'] as JsonObject | undefined)?.['content']
  return typeof content === 'string' ? content : undefined
}

/** Tells of each piece whether it is the last; of nothing at all, one empty piece. */
function lookAhead(pieces: StreamedAnswer['pieces']): { next(): Promise<{ piece: string; last: boolean }> } {
  const iterator = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  let ahead: IteratorResult<string> | undefined
  return {
    async next() {
      const now = ahead ?? (await iterator.next())
      if (now.done === true) return { piece: '', last: true }
      ahead = await iterator.next()
      return { piece: now.value, last: ahead.done === true }
    },
  }
}
