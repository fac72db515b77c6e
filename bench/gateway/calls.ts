/** What the load sends and what the fake provider answers. */

export const MODEL = 'bench-1'
/** Declared prices, dollars per million tokens. */
export const PRICE = { input: 0.15, output: 0.6 }
/** Every answer reports this usage. */
export const USAGE = { prompt: 220, completion: 64 }
export const MAX_TOKENS = 256
export const CHUNKS = 200

/** Stands in the last message; the load puts a number in its place, so that no two calls are the same. */
export const NUMBER = '0000000000000000'

const SENTENCES = [
  'The delivery left the warehouse on Tuesday and should arrive before the end of the week.',
  'Please summarise the following notes in three short points for somebody who was not there.',
  'Customers asked twice whether the opening hours change during the holidays this year.',
  'Our records show that the invoice was paid in full, so nothing else is due at this time.',
  'The new release fixes the calendar, but two people still see yesterday as the first day.',
  'If the weather holds, the team will repaint the north wall and repair the broken fence.',
]

/**
 * The body of a call that is as long as asked, to the byte: a conversation of as many turns as that takes. With `pace`
 * it asks for a stream whose tokens come as many ms apart.
 */
export function requestBody(bytes: number, pace?: number): string {
  const messages: { role: string; content: string }[] = [
    { role: 'system', content: 'You answer questions about a small shop, briefly and politely.' },
  ]
  // Gateways pass the member on, and not every header.
  const more = pace === undefined ? {} : { stream: true, user: `pace-${pace}` }
  const body = (): string => JSON.stringify({ model: MODEL, max_tokens: MAX_TOKENS, ...more, messages })
  for (let turn = 0; body().length < bytes - 600; turn++) {
    const content = [0, 1, 2, 3, 4].map((at) => SENTENCES[(turn + at) % SENTENCES.length]).join(' ')
    messages.push({ role: turn % 2 === 0 ? 'user' : 'assistant', content })
  }
  if (messages.length % 2 === 1) messages.push({ role: 'user', content: '' })
  const last = messages[messages.length - 1]!
  last.content = `No. ${NUMBER}: ${last.content}`
  const filler = SENTENCES.join(' ').repeat(Math.ceil(bytes / 400))
  const missing = bytes - body().length
  last.content += filler.slice(0, missing)
  return body()
}

export function answerBody(bytes: number): string {
  const answer = (content: string): string =>
    JSON.stringify({
      id: 'chatcmpl-bench',
      object: 'chat.completion',
      created: 1_760_000_000,
      model: MODEL,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: usage(),
    })
  const filler = SENTENCES.join(' ').repeat(Math.ceil(bytes / 400))
  return answer(filler.slice(0, bytes - answer('').length))
}

/** The events of a streamed answer, without the last `[DONE]`. */
export function answerEvents(): string[] {
  const chunk = (delta: object, more: object): string =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-bench',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: MODEL,
      choices: [{ index: 0, delta, finish_reason: null }],
      ...more,
    })}\n\n`
  const words = SENTENCES.join(' ').split(' ')
  return Array.from({ length: CHUNKS }, (_, at) =>
    at === CHUNKS - 1
      ? chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
      : chunk({ content: ` ${words[at % words.length]}` }, {}),
  )
}

export function usageEvent(): string {
  return `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_760_000_000,
    model: MODEL,
    choices: [],
    usage: usage(),
  })}\n\n`
}

function usage(): object {
  const { prompt, completion } = USAGE
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}
