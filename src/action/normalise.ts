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

const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex
const LOOK_ALIKE = new RegExp(`[${[...LOOK_ALIKES.keys()].join('')}]`, 'gu')

// Format characters (zero width, bidi controls, soft hyphen, Unicode tags), variation selectors,
// the combining grapheme joiner and the fillers that print nothing.
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/gu

// After NFKD-like trickery a letter may keep marks that hide a word: "s̷t̷r̷u̷c̷k". Marks that NFKC
// could not join into a letter are dropped.
const LOOSE_MARKS = /[\u0300-\u036f\u0488\u0489\u20d0-\u20f0]/g // oxlint-disable-line no-misleading-character-class

const SPACES = /\s{2,}|[\t\n\v\f\r]/g

/**
 * The form in which texts are compared: Unicode NFKC (UAX #15), without invisible characters and loose
 * combining marks, Cyrillic, Greek and Armenian look-alikes as Latin letters, lower case, runs of white
 * space as one space, trimmed. Both sides of a comparison go through it; it is not meant to be shown.
 * ASCII text takes a fast path. Linear in the length of the text.
 */
export function normaliseForMatching(text: string): string {
  if (!NOT_ASCII.test(text)) return collapse(text.toLowerCase())
  const visible = text.normalize('NFKC').replace(INVISIBLE, '').toLowerCase().normalize('NFKC')
  return collapse(
    visible.replace(LOOK_ALIKE, (letter) => LOOK_ALIKES.get(letter) ?? letter).replace(LOOSE_MARKS, ''),
  )
}

function collapse(text: string): string {
  return text.replace(SPACES, ' ').trim()
}
