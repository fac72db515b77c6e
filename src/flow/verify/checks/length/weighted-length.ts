import { twitterText } from './twitter-text.ts'

/**
 * `v3` counts an emoji as two characters, whatever it is made of; it is what X does. `v2` counts the parts
 * of an emoji one by one; its conformance cases are kept.
 */
export type WeightedRules = 'v2' | 'v3'

// Weight 1, and in no emoji: Latin to Georgian without © ®, general punctuation without ZWJ, ‼ and ⁉.
const SINGLE = '\\x00-\\xA8\\xAA-\\xAD\\xAF-\\u10FF\\u2000-\\u200C\\u2010-\\u201F\\u2032-\\u2037'
// Weight 2, and in no emoji: kana, unified ideographs, Hangul syllables, and the forms around them.
const DOUBLE = '\\u3001-\\u301C\\u3041-\\u30FF\\u3400-\\u4DBF\\u4E00-\\u9FFF\\uAC00-\\uD7A3\\uFF01-\\uFF60'

const ALL_SINGLE = new RegExp(`^[${SINGLE}]*$`)
const ALL_PLAIN = new RegExp(`^[${SINGLE}${DOUBLE}]*$`)
const NOT_SINGLE = new RegExp(`[^${SINGLE}]`, 'g')
const DOUBLES = new RegExp(`[${DOUBLE}]`, 'g')
const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex

// A URL needs a dot with a letter behind it; without one the library would find none.
const MAY_HOLD_URL = /\.[a-zA-Z\u0080-\uffff]/

/**
 * Longer runs without spaces are counted character by character, a URL in them too: the library's time grows
 * with the square of the run, and counting too much is the safe side.
 */
const LONGEST_RUN = 2048

/** Version 2 of the counting rules; version 3 is the library's default. */
const V2 = {
  version: 2,
  maxWeightedTweetLength: 280,
  scale: 100,
  defaultWeight: 200,
  transformedURLLength: 23,
  ranges: [
    { start: 0, end: 4351, weight: 100 },
    { start: 8192, end: 8205, weight: 100 },
    { start: 8208, end: 8223, weight: 100 },
    { start: 8242, end: 8247, weight: 100 },
  ],
}

/** What X refuses in a post, as twitter-text has it. */
export const INVALID_ON_X = /[\uFFFE\uFEFF\uFFFF]/

/**
 * Length of a post as X counts it: code points of Latin and neighbouring scripts 1, others 2, an emoji 2,
 * a URL 23, after NFC (X developer documentation, "Counting characters"). Text that can hold neither URL nor
 * emoji is counted here; the rest goes to `twitter-text`, one run without spaces at a time, because a URL
 * never holds a space. Counting stops soon after `enough`: the answer is then larger than `enough`, no more.
 */
export function weightedLength(text: string, enough = Infinity, rules: WeightedRules = 'v3'): number {
  const normal = NOT_ASCII.test(text) ? text.normalize('NFC') : text
  if (!MAY_HOLD_URL.test(normal) && ALL_PLAIN.test(normal)) return plainLength(normal)
  let length = 0
  for (let from = 0; from < normal.length && length <= enough;) {
    const space = normal.indexOf(' ', from + 1)
    const end = space === -1 ? normal.length : space
    length += runLength(normal.slice(from, end), rules)
    from = end
  }
  return length
}

/** A run keeps the space before it: what stands before a URL tells whether it is one. */
function runLength(run: string, rules: WeightedRules): number {
  if (run.length > LONGEST_RUN) return run.length + (run.match(NOT_SINGLE)?.length ?? 0)
  if (!MAY_HOLD_URL.test(run) && ALL_PLAIN.test(run)) return plainLength(run)
  return twitterText().parseTweet(run, rules === 'v3' ? undefined : V2).weightedLength
}

function plainLength(text: string): number {
  if (ALL_SINGLE.test(text)) return text.length
  return text.length + (text.match(DOUBLES)?.length ?? 0)
}
