import { normaliseForMatching } from '../action/normalise.ts'

const matchers = new WeakMap<readonly string[], RegExp | null>()
const literalMatchers = new Map<string, RegExp | null>()
const MAX_LITERAL_MATCHERS = 200

/**
 * Whether the text holds one of the words or phrases, whole words only, compared in the form of
 * `normaliseForMatching`. Throws when the list holds anything but strings.
 */
export function mentions(text: string, list: readonly unknown[]): boolean {
  const matcher = matcherOf(list)
  return matcher !== null && matcher.test(normaliseForMatching(text))
}

function matcherOf(list: readonly unknown[]): RegExp | null {
  const known = matchers.get(list as readonly string[])
  if (known !== undefined) return known
  for (const phrase of list)
    if (typeof phrase !== 'string') throw new Error('mentions() needs a list of strings')
  const phrases = list as readonly string[]
  if (Object.isFrozen(phrases)) {
    const matcher = compile(phrases)
    matchers.set(phrases, matcher)
    return matcher
  }
  // A list written into the expression is a new array at every evaluation; it is known by its content.
  const key = phrases.join('\u0000')
  const cached = literalMatchers.get(key)
  if (cached !== undefined) return cached
  const matcher = compile(phrases)
  if (literalMatchers.size >= MAX_LITERAL_MATCHERS) literalMatchers.clear()
  if (key.length <= 10_000) literalMatchers.set(key, matcher)
  return matcher
}

// Scripts that put no space between words: there a phrase may touch other letters.
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

function compile(list: readonly string[]): RegExp | null {
  const phrases = [...new Set(list.map(normaliseForMatching))].filter((phrase) => phrase !== '')
  if (phrases.length === 0) return null
  const spaced: string[] = []
  const unspaced: string[] = []
  for (const phrase of phrases)
    (UNSPACED.test(phrase) ? unspaced : spaced).push(phrase.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`))
  const alternatives = [...unspaced]
  if (spaced.length > 0)
    alternatives.push(String.raw`(?<![\p{L}\p{N}_])(?:${spaced.join('|')})(?![\p{L}\p{N}_])`)
  return new RegExp(alternatives.join('|'), 'u')
}
