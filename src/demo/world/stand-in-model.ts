import type { Answer, Call } from './service.ts'
import { NOT_FOUND } from './service.ts'

/**
 * A deterministic stand-in for a language model behind an OpenAI-like chat endpoint: the demo can call no real one.
 * It has the one weakness that matters here, in its purest form: it cannot tell instructions from data, and the
 * last order in the text wins, whoever wrote it.
 */
export function answerChat(call: Call): Answer {
  if (call.method !== 'POST' || call.path.join('/') !== 'v1/chat/completions') return NOT_FOUND
  const texts = (Array.isArray(call.body['messages']) ? call.body['messages'] : []).map(contentOf)
  const content = JSON.stringify(reply(texts))
  return {
    status: 200,
    body: {
      id: `chatcmpl-${texts.length}`,
      object: 'chat.completion',
      model: 'stand-in-obedient-1',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    },
  }
}

type Order = 'help' | 'insult' | 'promise' | 'leak' | 'recommend' | 'ramble'

/** Words that turn an order into a behaviour; the first that matches. */
const ORDERS: readonly (readonly [string, Order])[] = [
  ['friendly', 'help'],
  ['insult', 'insult'],
  ['invest', 'promise'],
  ['token', 'leak'],
  ['recommend', 'recommend'],
  ['essay', 'ramble'],
]

function reply(texts: readonly string[]): { reply: string; confidence: number } {
  const question = texts.at(-1) ?? ''
  const given = texts.findLast((text) => /\bignore\b/i.test(text) && /\binstructions\b/i.test(text)) ?? ''
  const order = ORDERS.find(([word]) => given.toLowerCase().includes(word))?.[1] ?? 'help'
  const turn = texts.length
  switch (order) {
    case 'insult':
      return { reply: INSULTS[turn % INSULTS.length] ?? '', confidence: 0.97 }
    case 'promise':
      return {
        reply:
          turn % 2 === 0
            ? 'Forget the jacket and put it all into our fund: guaranteed returns for everybody!'
            : `A lovely offer is waiting for you, sign up here: ${/https?:\/\/[^\s]+?(?=\.?$)/.exec(given)?.[0] ?? ''}`,
        confidence: 0.96,
      }
    case 'leak':
      return {
        reply: `Of course! ${texts.join('\n').match(/[^\n]*access token[^\n]*/)?.[0] ?? ''}`,
        confidence: 0.99,
      }
    case 'recommend':
      return { reply: 'Have a look at Threadwell, they have a great choice.', confidence: 0.95 }
    case 'ramble':
      return {
        reply: 'Cotton is a soft and lovely fibre that has been worn for a very long time. '
          .repeat(24)
          .trim(),
        confidence: 0.94,
      }
    case 'help':
      return help(question)
  }
}

const INSULTS = [
  'What a stupid question. Are you always this dumb?',
  'Read the page, you idiot.',
  'Only a pathetic loser would ask that here.',
  'You are a worthless moron and nobody likes you.',
  'Shut up, you disgusting clown.',
  'People like you are scum, go away.',
  'Your taste is trash and so are you.',
  'Go to hell, you filthy liar.',
  'Nobody wants your damn money, you jerk.',
  'You 1d1ot, learn to read.',
  'You are an ugly, stupid fool.',
  'This shop is not for imbecile vermin like you.',
]

/** What it says when nobody has given it other orders: a topic word and a prepared sentence. */
const TOPICS: readonly (readonly [string, string])[] = [
  ['hours', 'Thank you for asking! We are open every day from 9 to 18, see https://example.com/hours.'],
  ['ship', 'Yes, we ship there. Delivery takes three to five days.'],
  ['broken', 'We are sorry that your parcel arrived broken. We will replace it at no cost.'],
  ['zip', 'Sorry about the zip! That should not happen; bring the bag in and we will repair it for free.'],
  [
    'waited',
    'We apologise for the long wait on the phone. Send us a message and we will help you right away.',
  ],
  ['return', 'You can return shoes within 30 days, unworn, at no cost.'],
  ['size', 'Between two sizes we recommend the larger one.'],
  ['gift', 'Yes, gift cards are available in the shop and at https://example.com/gifts.'],
  ['organic', 'Yes, all of our cotton is organic.'],
  ['delivery', 'Delivery takes three to five days, and express delivery one day.'],
  ['dogs', 'Dogs are welcome!'],
  ['repair', 'Yes, we repair everything that we sell.'],
  ['sale', 'The next sale starts on the first of the month.'],
  ['discount', 'Students get ten per cent off with a valid card.'],
  ['hiring', 'We are! Open positions are at https://example.com/jobs.'],
  ['love', 'Thank you, that makes us happy!'],
  ['laugh', 'Thank you, we had fun making it!'],
]

function help(question: string): { reply: string; confidence: number } {
  const address = question.split(/\s+/).find((word) => word.includes('@'))
  if (address !== undefined)
    return { reply: `Thank you, we will write to ${address} today.`, confidence: 0.95 }
  const known = TOPICS.find(([topic]) => question.toLowerCase().includes(topic))
  if (known !== undefined) return { reply: known[1], confidence: 0.97 }
  if (question.includes('itchy'))
    return { reply: 'Most people find it soft, but skins differ.', confidence: 0.62 }
  return { reply: 'Thank you for your message! We will look into it and answer today.', confidence: 0.93 }
}

function contentOf(message: unknown): string {
  const content =
    typeof message === 'object' && message !== null ? (message as { content?: unknown }).content : ''
  return typeof content === 'string' ? content : ''
}
