import { isJsonObject, type JsonValue } from '../../action/json.ts'
import { bodyOf } from '../recording/recording-of.ts'
import type { LiveAgent } from './ask-gateway.ts'
import type { FromStage, ToStage } from './messages.ts'
import { changed, modelExchange, type Change, type ProtocolOf } from './model-exchange.ts'
import type { Asked, Step } from './session-book.ts'

export interface Fork {
  /** Under which it goes on. */
  readonly session: string
  readonly change: Change
  /** `name@version` of the prompt that the change comes from, for the record. */
  readonly promptRef: string | null
  readonly protocolOf: ProtocolOf
}

type Forwarded = Extract<FromStage, { type: 'forward' }>
type Answered = Exclude<ToStage, { type: 'start' }>

const NOT_GIVEN = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'content-encoding',
])

/** Sends what an agent asks past the fork to the harness, changed as the fork says, and the answer back piece by piece. */
export function forwardTo(live: LiveAgent, fork: Fork) {
  return async (message: Forwarded, answer: (message: Answered) => void): Promise<void> => {
    const { id, method, headers } = message
    const asked: Asked = { method, path: message.path, body: bodyOf(Buffer.from(message.body, 'base64')) }
    const { path, body } = forked(asked, fork)
    const prompt = fork.promptRef === null ? {} : { 'belay-prompt': fork.promptRef }
    const response = await live.ask({ method, path, headers: { ...headers, ...prompt }, body }, fork.session)
    const given = [...response.headers].filter(([name]) => !NOT_GIVEN.has(name))
    answer({ type: 'head', id, status: response.status, headers: Object.fromEntries(given) })
    try {
      for await (const piece of response.body ?? [])
        answer({ type: 'piece', id, bytes: Buffer.from(piece as Uint8Array).toString('base64') })
      answer({ type: 'end', id, broken: false })
    } catch {
      answer({ type: 'end', id, broken: true })
    }
  }
}

/** What a request becomes past the fork: changed where it asks a model, in the fork's session where it names one. */
export function forked(asked: Asked, { change, protocolOf, session }: Fork): Pick<Asked, 'path' | 'body'> {
  const exchange = modelExchange(asked, protocolOf)
  if (exchange !== undefined) return changed(exchange, change)
  const { path, body } = asked
  return { path, body: isJsonObject(body) && 'session' in body ? { ...body, session } : body }
}

/** The steps with another answer of one of them. Throws a plain sentence where it does not fit. */
export function withAnswer(steps: readonly Step[], number: number, text: string): readonly Step[] {
  return steps.map((step) => {
    const { answer } = step.recording
    if (step.step !== number) return step
    const streams = isEventStream(answer?.headers ?? {})
    if (streams !== /^(?:data|event|:)/m.test(text.slice(0, 100)))
      throw new Error(
        streams
          ? `step ${number} was answered by server-sent events, and this is none`
          : `step ${number} was answered whole, and these are server-sent events`,
      )
    if (!streams) JSON.parse(text) as JsonValue
    const body = {
      status: 200,
      headers: answer?.headers ?? { 'content-type': 'application/json' },
      encoding: 'utf8' as const,
      body: text,
      cuts: [[0, Buffer.byteLength(text)]] as const,
      whole: !streams,
      broken: false,
    }
    return { ...step, recording: { ...step.recording, answer: body, withheld: null } }
  })
}

function isEventStream(headers: Readonly<Record<string, string | readonly string[]>>): boolean {
  return String(headers['content-type']).startsWith('text/event-stream')
}
