import { rememberRecent } from './recent-texts.ts'

// Letters of other scripts that a reader takes for a Latin letter; applied after NFKC and lower-casing.
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    а: 'a',
    ɑ: 'a',
    α: 'a',
    в: 'b',
    ь: 'b',
    с: 'c',
    ϲ: 'c',
    ԁ: 'd',
    ɗ: 'd',
    е: 'e',
    ё: 'e',
    ε: 'e',
    ҽ: 'e',
    ɡ: 'g',
    ց: 'g',
    һ: 'h',
    н: 'h',
    հ: 'h',
    і: 'i',
    ї: 'i',
    ι: 'i',
    ı: 'i',
    ɩ: 'i',
    ј: 'j',
    к: 'k',
    κ: 'k',
    ӏ: 'l',
    ǀ: 'l',
    м: 'm',
    μ: 'u',
    п: 'n',
    ո: 'n',
    η: 'n',
    о: 'o',
    ο: 'o',
    σ: 'o',
    օ: 'o',
    ס: 'o',
    р: 'p',
    ρ: 'p',
    ԛ: 'q',
    զ: 'q',
    г: 'r',
    ѕ: 's',
    т: 't',
    τ: 't',
    υ: 'u',
    ս: 'u',
    ν: 'v',
    ѵ: 'v',
    ԝ: 'w',
    ω: 'w',
    ѡ: 'w',
    х: 'x',
    χ: 'x',
    у: 'y',
    γ: 'y',
    ү: 'y',
    ʏ: 'y',
    ᴢ: 'z',
    ß: 'ss',
    '\u03c2': 's',
  }),
)

const LOOK_ALIKE = new RegExp(`[${[...LOOK_ALIKES.keys()].join('')}]`, 'gu')

// Format characters (zero width, bidi controls, soft hyphen, Unicode tags), variation selectors,
// the combining grapheme joiner and the fillers that print nothing.
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/gu

// After NFKD-like trickery a letter may keep marks that hide a word: "s̷t̷r̷u̷c̷k". Marks that NFKC
// could not join into a letter are dropped.
const LOOSE_MARKS = /[\u0300-\u036f\u0488\u0489\u20d0-\u20f0]/g // oxlint-disable-line no-misleading-character-class

const SPACES = /\s{2,}|[\t\n\v\f\r]/g

const NOT_ASCII_SINCE = /[^\x00-\x7f]/g // oxlint-disable-line no-control-regex

/**
 * Whether a UTF-16 unit beyond ASCII stands for itself whatever is next to it: NFKC leaves it alone and joins
 * it with nothing before it, it shows, it is no look-alike and no loose mark; only its case may change. The
 * commonest of prose: Latin letters with accents, quotation marks and dashes, kana and ideographs, Hangul.
 */
function isSettled(unit: number): boolean {
  return (
    (unit >= 0xc0 && unit <= 0x12f && unit !== 0xdf) ||
    (unit >= 0x134 && unit <= 0x13e) ||
    (unit >= 0x141 && unit <= 0x148) ||
    (unit >= 0x14a && unit <= 0x17e) ||
    (unit >= 0x1ea0 && unit <= 0x1eff) ||
    (unit >= 0x2012 && unit <= 0x2016) ||
    (unit >= 0x2018 && unit <= 0x2022) ||
    unit === 0x20ac ||
    (unit >= 0x3001 && unit <= 0x3020) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x30a1 && unit <= 0x30fe) ||
    (unit >= 0x4e00 && unit <= 0x9fff) ||
    (unit >= 0xac00 && unit <= 0xd7a3)
  )
}

/**
 * Whether an emoji stands there that is a sign, stands for itself and takes two units: flags, U+1F300 to
 * U+1F7FF, U+1F900 to U+1FAFF.
 */
export function isEmojiAt(text: string, at: number): boolean {
  const high = text.charCodeAt(at)
  if (high < 0xd83c || high > 0xd83e) return false
  const low = text.charCodeAt(at + 1)
  if (high === 0xd83c) return (low >= 0xdde6 && low <= 0xddff) || (low >= 0xdf00 && low <= 0xdfff)
  return high === 0xd83d ? low >= 0xdc00 && low <= 0xdfff : low >= 0xdd00 && low <= 0xdeff
}

/**
 * Where the first unit stands, from `from` on, that normalising may change or join with what is before it;
 * the length of the text where there is none. Upper case aside, what comes before it is normal.
 */
export function firstUnsettled(text: string, from = 0): number {
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 128 || isSettled(unit)) continue
    if (!isEmojiAt(text, at)) return at
    at++
  }
  return text.length
}

/**
 * The form in which texts are compared: Unicode NFKC (UAX #15), without invisible characters and loose
 * combining marks, Cyrillic, Greek and Armenian look-alikes as Latin letters, lower case, runs of white
 * space as one space, trimmed. Both sides of a comparison go through it; it is not meant to be shown.
 * ASCII text and single words of it take a fast path. Linear in the length of the text.
 */
export const normaliseForMatching: (text: string) => string = rememberRecent(normalise)

function normalise(text: string): string {
  NOT_ASCII_SINCE.lastIndex = 0
  if (!NOT_ASCII_SINCE.test(text)) return collapse(text.toLowerCase())
  const at = firstUnsettled(text, NOT_ASCII_SINCE.lastIndex - 1)
  if (at === text.length) return collapse(text.toLowerCase())
  if (text.length > MANY_LIGATURES) return collapse(settleWords(thinned(text), at))
  return collapse(settleWords(text, at))
}

// U+FDFA alone becomes eighteen characters, so that a text of nothing else would grow as much.
const LONG_LIGATURES = /[\ufdfa\ufdfb]/g
const MANY_LIGATURES = 1000

/** What a ligature spells is there after the first ones; of the others there is no more than a space. */
function thinned(text: string): string {
  let count = 0
  return text.replace(LONG_LIGATURES, (ligature) => (++count > MANY_LIGATURES ? ' ' : ligature))
}

const STRETCH = 48

function endOfWord(text: string, at: number): number {
  const space = text.indexOf(' ', at)
  return space === -1 ? text.length : space
}

function settleWords(text: string, first: number): string {
  let at = first
  // Nothing reaches across an ASCII space: no mark joins with it, and no letter beyond it is the end of a
  // word to a sigma. So only the words that need it take the long way.
  let settled = ''
  let from = 0
  while (at < text.length) {
    const start = Math.max(from, text.lastIndexOf(' ', at))
    let end = endOfWord(text, at)
    at = firstUnsettled(text, end)
    // Where most words need it, in Russian say, it is cheaper to take the few between along.
    while (at < text.length && at - end < STRETCH) {
      end = endOfWord(text, at)
      at = firstUnsettled(text, end)
    }
    settled += text.slice(from, start).toLowerCase() + settle(text.slice(start, end))
    from = end
  }
  return settled + text.slice(from).toLowerCase()
}

function settle(text: string): string {
  const visible = text.normalize('NFKC').replace(INVISIBLE, '').toLowerCase().normalize('NFKC')
  return visible.replace(LOOK_ALIKE, (letter) => LOOK_ALIKES.get(letter) ?? letter).replace(LOOSE_MARKS, '')
}

function collapse(text: string): string {
  return text.replace(SPACES, ' ').trim()
}
