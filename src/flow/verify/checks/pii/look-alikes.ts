import type { Span } from './spans.ts'

/** A text as a reader sees it, and the way back to the text as it was written. */
export interface PlainText {
  readonly text: string
  /** Translates a span of `text` into the span of the original that shows the same characters. */
  original(start: number, end: number): Span
}

// Nothing of what a match is made of hides outside these ranges, so most texts, accented ones included, pass untouched.
const SUSPECT = new RegExp(
  `[${[
    '\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f',
    '\\u2000-\\u2015\\u2024\\u2028-\\u202f\\u205f-\\u209c\\u2212\\u2460-\\u24ff',
    '\\u3000\\u3164\\ufe00-\\ufe0f\\ufe50-\\ufe6f\\ufeff\\uff01-\\uffa0',
    '\\u0660-\\u0669\\u06f0-\\u06f9\\u07c0-\\u07c9\\u0966-\\u096f\\u09e6-\\u09ef\\u0a66-\\u0a6f\\u0ae6-\\u0aef',
    '\\u0b66-\\u0b6f\\u0be6-\\u0bef\\u0c66-\\u0c6f\\u0ce6-\\u0cef\\u0d66-\\u0d6f\\u0e50-\\u0e59\\u0ed0-\\u0ed9',
    '\\u1040-\\u1049\\u17e0-\\u17e9\\u1810-\\u1819\\ud835\\ud83e\\udb40\\udb41',
  ].join('')}]`,
)
// One range is tested several times faster than all of them, and most texts end here.
const BEYOND_LATIN = /[\u034f-\uffff\u00a0\u00ad]/
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\u200e\u200f\u2028\u2029]$/u
const DIGIT = /^\p{Nd}$/u
const SPACE = /^\p{Zs}$/u
const DASH = /^[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]$/u

/**
 * Takes out invisible characters and writes full-width, mathematical, circled and foreign digits and letters
 * as ASCII, one character for one, so that `４１１１` and a number with zero-width joiners inside are still numbers.
 */
export function plainText(text: string): PlainText {
  if (!BEYOND_LATIN.test(text) || !SUSPECT.test(text))
    return { text, original: (start, end) => ({ start, end }) }
  const starts: number[] = []
  const ends: number[] = []
  const parts: string[] = []
  let at = 0
  for (const character of text) {
    const next = at + character.length
    const plain = asPlain(character)
    for (let unit = 0; unit < plain.length; unit += 1) {
      starts.push(at)
      ends.push(next)
    }
    parts.push(plain)
    at = next
  }
  return {
    text: parts.join(''),
    original: (start, end) => ({ start: starts[start] ?? text.length, end: ends[end - 1] ?? text.length }),
  }
}

const known = new Map<string, string>()

function asPlain(character: string): string {
  if (character.charCodeAt(0) < 0x80) return character
  const seen = known.get(character)
  if (seen !== undefined) return seen
  const plain = fold(character)
  // The alphabet of a hostile text must not become memory that stays.
  if (known.size >= 2048) known.clear()
  known.set(character, plain)
  return plain
}

function fold(character: string): string {
  if (INVISIBLE.test(character)) return ''
  if (SPACE.test(character)) return ' '
  if (DASH.test(character)) return '-'
  if (DIGIT.test(character)) return String(decimalValue(character))
  const composed = character.normalize('NFKC')
  return composed.length === 1 && composed.charCodeAt(0) < 0x80 ? composed : character
}

// Unicode keeps every decimal system as ten code points in a row, the zero first.
function decimalValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0
  const composed = digit.normalize('NFKC')
  if (composed >= '0' && composed <= '9') return Number(composed)
  let zero = code
  while (code - zero < 9 && DIGIT.test(String.fromCodePoint(zero - 1))) zero -= 1
  return code - zero
}
