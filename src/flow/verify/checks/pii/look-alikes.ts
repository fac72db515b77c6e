import { rememberRecent } from '../../../../action/recent-texts.ts'
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
export const plainText: (text: string) => PlainText = rememberRecent((text) =>
  BEYOND_LATIN.test(text) && SUSPECT.test(text) ? inPlain(text) : { text, original: asWritten },
)

function asWritten(start: number, end: number): Span {
  return { start, end }
}

function inPlain(text: string): PlainText {
  let plain = ''
  let from = 0
  // Where the plain text has gone out of step: from `at[i]` on it is `by[i]` units shorter than the original.
  const at: number[] = []
  const by: number[] = []
  let shorter = 0
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) < 0x80) continue
    const code = text.codePointAt(i)!
    const size = sizeOf(code)
    const folded = asPlain(code)
    if (folded !== null) {
      plain += text.slice(from, i) + folded
      from = i + size
      if (folded.length !== size) {
        shorter += size - folded.length
        at.push(plain.length)
        by.push(shorter)
      }
    }
    i += size - 1
  }
  if (from === 0) plain = text
  else plain += text.slice(from)
  return {
    text: plain,
    original(start, end) {
      const first = start + shorterBy(at, by, start)
      const last = end - 1 + shorterBy(at, by, end - 1)
      return { start: first, end: last + sizeOf(text.codePointAt(last) ?? 0) }
    },
  }
}

/** Of the last place out of step that is not after the position. */
function shorterBy(at: readonly number[], by: readonly number[], position: number): number {
  let low = 0
  let high = at.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (at[middle]! <= position) low = middle + 1
    else high = middle
  }
  return low === 0 ? 0 : by[low - 1]!
}

function sizeOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1
}

const known = new Map<number, string | null>()

/** What is written instead of a character, `null` where it stays. */
function asPlain(codePoint: number): string | null {
  const seen = known.get(codePoint)
  if (seen !== undefined) return seen
  const character = String.fromCodePoint(codePoint)
  const folded = fold(character)
  const plain = folded === character ? null : folded
  // The alphabet of a hostile text must not become memory that stays.
  if (known.size >= 2048) known.clear()
  known.set(codePoint, plain)
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
